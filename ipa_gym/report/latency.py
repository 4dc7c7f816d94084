"""Latency distributions against the SLA, from the counts that every row keeps (the paper's Fig. 15).

The share is of the requests that came to an end, dropped ones included: those never arrive at a latency, so that the
curve at the SLA is the share that was served in time. Nothing is estimated between the bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.benchmark.figures_series import drawn_part, titled
from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.benchmark.styles import agent_styles
from ipa_gym.report.cells import compact
from ipa_gym.report.drawing import agent_legend
from ipa_gym.report.section import Picture, Section
from ipa_gym.store import KEY, LATENCY_BINS_PER_SLA, Key, Store

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

READING = (
    "The share of requests that were served within a latency; where a curve crosses the red line is the share within "
    "the SLA, and what it lacks to 1 at the right was dropped or later still."
)
_COLUMNS = 3


def latency_table(main: pl.DataFrame, store: Store) -> pl.DataFrame:
    """Counts added up over windows and seeds, for each load and over all loads.

    Returns: pipeline, trace (``all`` after the others), agent, sla_s, dropped, latency_counts.
    """
    import polars as pl

    keys = [Key(*row) for row in main.select(KEY).iter_rows()]
    found = store.read([*KEY, "sla_s", "dropped", "latency_counts"], keys=keys)
    rows = main.select(KEY).join(found, on=KEY, how="inner", maintain_order="left")
    by_load = _added(rows.filter(pl.col("latency_counts").list.len() > 0))
    over_all = _added(by_load.with_columns(trace=pl.lit(ALL_TRACES)))
    return pl.concat([by_load, over_all])


def latency_section(table: pl.DataFrame) -> Section:
    """The section.

    Args:
        table: what `latency_table` gave.
    """
    import polars as pl

    if table.height == 0:
        return Section("latency", "Latency against the SLA", READING, "ipa-gym benchmark")
    curves = []
    for row in table.iter_rows(named=True):
        shares = served_within(row["latency_counts"], row["dropped"])
        names = ("pipeline", "trace", "agent")
        curves.append({name: row[name] for name in names} | {"shares": compact(_until_flat(shares), 5)})
    slas_s = {row["pipeline"]: row["sla_s"] for row in table.iter_rows(named=True)}
    data = {"curves": curves, "sla_s": slas_s, "bins_per_sla": LATENCY_BINS_PER_SLA, "all": ALL_TRACES}
    over_all = table.filter(pl.col("trace") == ALL_TRACES)
    picture = Picture("latency-cdf", partial(latency_figure, over_all), _tidy(over_all))
    return Section("latency", "Latency against the SLA", READING, "ipa-gym benchmark", data, pictures=[picture])


def served_within(counts: Sequence[int], dropped: int) -> NDArray[np.float64]:
    """Share of the completed and dropped requests that were served within 0, 1, 2, ... bins; the last bin is open.

    Args:
        counts: completed requests a bin, the rest in the last.
    Returns: float64 (number of bins,), from 0 at latency 0; NaN where no request came to an end.
    """
    known = np.asarray(counts[:-1], dtype=np.int64)
    total = int(np.sum(counts)) + dropped
    within = np.concatenate([[0], np.cumsum(known)]).astype(np.float64)
    return within / total if total else np.full(within.shape, np.nan)


def latency_figure(table: pl.DataFrame) -> Figure:
    """A panel a pipeline, a line an agent, over latency in seconds; the SLA as a red line."""
    import polars as pl
    from matplotlib.figure import Figure

    part, left_out = drawn_part(table)
    pipelines = part["pipeline"].unique(maintain_order=True).to_list()
    columns = min(_COLUMNS, len(pipelines))
    rows = -(-len(pipelines) // columns)
    figure = Figure(figsize=(1 + 3.9 * columns, 1.5 + 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten().tolist()
    for panel, pipeline in zip(axes, pipelines, strict=False):
        _draw(panel, part.filter(pl.col("pipeline") == pipeline), pipeline)
    for empty in axes[len(pipelines) :]:
        empty.set_axis_off()
    agent_legend(figure, axes[: len(pipelines)])
    figure.suptitle(titled("Latency of all requests over all loads", left_out))
    return figure


def _draw(axes: Any, rows: pl.DataFrame, pipeline: str) -> None:  # Any: matplotlib's axes
    sla_s = float(rows["sla_s"][0])
    styles = agent_styles(rows["agent"].to_list())
    for row in rows.iter_rows(named=True):
        style, shares = styles[row["agent"]], served_within(row["latency_counts"], row["dropped"])
        latency_s = np.arange(len(shares)) * sla_s / LATENCY_BINS_PER_SLA
        axes.plot(latency_s, shares, color=style.colour, linestyle=style.line, linewidth=1.4, label=row["agent"])
    axes.axvline(sla_s, color="#B2182B", linestyle="--", linewidth=1.2, label="SLA")
    axes.set(title=f"{pipeline} (SLA {sla_s:g} s)", xlabel="latency (s)", xlim=(0, 2 * sla_s), ylim=(0, 1.02))
    axes.set_ylabel("share served within")
    axes.grid(alpha=0.25)


def _added(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one pipeline, load and agent added up."""
    import polars as pl

    found = []
    for (pipeline, trace, agent), part in rows.group_by("pipeline", "trace", "agent", maintain_order=True):
        counts = np.sum([counts.to_numpy() for counts in part["latency_counts"]], axis=0)
        found.append((pipeline, trace, agent, part["sla_s"][0], int(part["dropped"].sum()), counts.tolist()))
    types = {"pipeline": pl.String, "trace": pl.String, "agent": pl.String, "sla_s": pl.Float64, "dropped": pl.Int64}
    return pl.DataFrame(found, schema=types | {"latency_counts": pl.List(pl.Int64)}, orient="row")


def _until_flat(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the end in which nothing changes: the page draws it on to the right."""
    changes = np.flatnonzero(np.diff(shares))
    return shares[: changes[-1] + 2] if changes.size else shares[:1]


def _tidy(table: pl.DataFrame) -> pl.DataFrame:
    """pipeline, agent, latency_s, share: a row a point of a curve."""
    import polars as pl

    parts = []
    for row in table.iter_rows(named=True):
        shares = served_within(row["latency_counts"], row["dropped"])
        latency_s = np.arange(len(shares)) * row["sla_s"] / LATENCY_BINS_PER_SLA
        part = pl.DataFrame({"latency_s": latency_s, "share": shares})
        names = [pl.lit(row[name]).alias(name) for name in ("pipeline", "agent")]
        parts.append(part.select(*names, pl.all()))
    return pl.concat(parts)
