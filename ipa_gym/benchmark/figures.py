"""The benchmark's figures: time series of the agents per pipeline and load, and accuracy over cost.

Each is a function from a tidy table to a `Figure`, without pyplot; `write_figures` saves them, the numbers beside each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.benchmark.styles import agent_styles
from ipa_gym.files import write_atomically, write_frame

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

TRACES_PER_FIGURE = 4
HOLLOW_ABOVE_PERCENT = 5.0  # SLA violations beyond which a point of the scatter is hollow
LEFT_OUT_OF_SERIES = ("random",)  # it would fill the panels; it is in the table and in the scatter
_SCATTER_NOTE = f"mean over loads, ± 95 % over seeds\nhollow: over {HOLLOW_ABOVE_PERCENT:g} % SLA violations"
_SAME = ("load_mean_rps", "cost_cores", "pas", "latency_p99_s")


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of the time series."""

    column: str
    label: str
    factor: float = 1.0
    from_zero: bool = True


PANELS: tuple[Panel, ...] = (
    Panel("cost_cores", "cost (cores)"),
    Panel("pas", "PAS (%)", factor=100.0, from_zero=False),
    Panel("latency_p99_s", "p99 latency (s)"),
)


def series_figure(series: pl.DataFrame, pipeline: str, traces: Sequence[str]) -> Figure:
    """Load, cost, PAS and p99 latency of one pipeline, a column a trace, a line an agent.

    Agents whose series are the same share a line and a legend entry.
    Args:
        series: rows of `IntervalResult`, one seed.
        traces: at most a few, one a column.
    """
    import polars as pl
    from matplotlib.figure import Figure

    part = series.filter((pl.col("pipeline") == pipeline) & ~pl.col("agent").is_in(LEFT_OUT_OF_SERIES))
    part = part if part.height else series.filter(pl.col("pipeline") == pipeline)
    groups = equal_agents(part.filter(pl.col("trace").is_in(list(traces))))
    figure = Figure(figsize=(1.4 + 3.6 * len(traces), 10.5), layout="constrained")
    axes = figure.subplots(1 + len(PANELS), len(traces), sharex="col", squeeze=False)
    for column, trace in enumerate(traces):
        _draw_trace(axes[:, column].tolist(), part.filter(pl.col("trace") == trace), groups)
        axes[0][column].set_title(trace)
        axes[-1][column].set_xlabel("time (s)")
    for row, label in zip(axes, ("load (requests/s)", *(panel.label for panel in PANELS)), strict=True):
        row[0].set_ylabel(label)
    handles, labels = axes[1][0].get_legend_handles_labels()
    sla = axes[-1][0].get_legend_handles_labels()
    figure.legend(
        handles + sla[0][-1:], labels + sla[1][-1:], loc="outside lower center", ncols=min(8, len(labels) + 1)
    )
    left_out = sorted(set(series["agent"]) - set(part["agent"]))
    note = f" (without {', '.join(left_out)})" if left_out else ""
    figure.suptitle(f"{pipeline}: agents over time, seed {series['seed'][0]}{note}")
    return figure


def _draw_trace(axes: Sequence[Axes], part: pl.DataFrame, groups: Sequence[list[str]]) -> None:
    import polars as pl

    load = part.filter(pl.col("agent") == groups[0][0])
    edges_s = np.concatenate([[0.0], load["time_s"].to_numpy()])
    mean_rps, max_rps = load["load_mean_rps"].to_numpy(), load["load_max_rps"].to_numpy()
    axes[0].stairs(max_rps, edges_s, baseline=mean_rps, fill=True, color="0.82", label="busiest second")
    axes[0].stairs(mean_rps, edges_s, baseline=None, color="0.15", linewidth=1.3, label="mean of the interval")
    styles = agent_styles([group[0] for group in groups])
    for depth, group in enumerate(groups):  # the first on top and thinnest: of lines that coincide, all are seen
        rows, style = part.filter(pl.col("agent") == group[0]), styles[group[0]]
        look: dict[str, Any] = {"color": style.colour, "linestyle": style.line}
        look |= {"linewidth": 1.2 + 0.15 * depth, "zorder": 3 - 0.1 * depth}
        for panel, panel_axes in zip(PANELS, axes[1:], strict=True):
            values = panel.factor * rows[panel.column].to_numpy()
            panel_axes.stairs(values, edges_s, baseline=None, label=" = ".join(group), **look)
    sla_s = float(load["sla_s"][0])
    axes[-1].axhline(sla_s, color="#B2182B", linestyle="--", linewidth=1.2, label="SLA")
    for panel_axes, from_zero in zip(axes, (True, *(panel.from_zero for panel in PANELS)), strict=True):
        panel_axes.grid(alpha=0.25)
        panel_axes.set_xlim(0, float(edges_s[-1]))
        if from_zero:
            panel_axes.set_ylim(bottom=0)
    highest = part["latency_p99_s"].fill_nan(0.0).max()
    axes[-1].set_ylim(0, 1.08 * max(sla_s, float(highest)))  # type: ignore[arg-type]  # a float column


def equal_agents(series: pl.DataFrame) -> list[list[str]]:
    """Agents grouped by equal series (load, cost, PAS, latency in every interval), in the table's order."""
    import polars as pl

    groups: list[tuple[pl.DataFrame, list[str]]] = []
    for agent in series["agent"].unique(maintain_order=True).to_list():
        rows = series.filter(pl.col("agent") == agent).select(_SAME)
        same = next((members for seen, members in groups if seen.equals(rows)), None)
        if same is None:
            groups.append((rows, [agent]))
        else:
            same.append(agent)
    return [members for _, members in groups]


def scatter_figure(summary: pl.DataFrame) -> Figure:
    """PAS over cost, a panel a pipeline, a point an agent with its 95 % intervals, means over the traces.

    Points of agents that violate the SLA often are hollow: their cost and accuracy are of requests served too late.

    Args:
        summary: what `statistics.summarise` gave.
    """
    import polars as pl
    from matplotlib.figure import Figure

    wide = scatter_table(summary)
    pipelines = wide["pipeline"].unique(maintain_order=True).to_list()
    columns = min(3, len(pipelines))
    rows = -(-len(pipelines) // columns)
    figure = Figure(figsize=(1 + 3.9 * columns, 1.3 + 3.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for panel, pipeline in zip(axes, pipelines, strict=False):
        _draw_scatter(panel, wide.filter(pl.col("pipeline") == pipeline), pipeline)
    for empty in axes[len(pipelines) :]:
        empty.set_axis_off()
    handles, labels = _marker_handles(wide["agent"].unique(maintain_order=True).to_list())
    place = {"loc": "center"} if len(axes) > len(pipelines) else {"loc": "outside lower center", "ncols": 5}
    owner = axes[-1] if len(axes) > len(pipelines) else figure
    owner.legend(handles, labels, title=_SCATTER_NOTE, frameon=False, **place)
    figure.suptitle("Accuracy and cost: up and to the left is better")
    return figure


def _marker_handles(agents: Sequence[str]) -> tuple[list[Line2D], list[str]]:
    """Legend entries: the markers without their error bars."""
    from matplotlib.lines import Line2D

    looks = agent_styles(agents).values()
    lines = [Line2D([], [], color=look.colour, marker=look.marker, markersize=8, linestyle="none") for look in looks]
    return lines, list(agents)


def scatter_table(summary: pl.DataFrame) -> pl.DataFrame:
    """pipeline, agent, and for cost, PAS and SLA violations the mean and the half-width, over all traces."""
    import polars as pl

    part = summary.filter(pl.col("trace") == ALL_TRACES)
    keys = ["pipeline", "agent"]
    tables = [
        part.filter(pl.col("metric") == metric).select(
            *keys, pl.col("mean").alias(metric), pl.col("half_width").alias(f"{metric}_half_width")
        )
        for metric in ("cost_cores", "pas", "violations_percent")
    ]
    joined = tables[0].join(tables[1], on=keys, how="left", maintain_order="left")
    return joined.join(tables[2], on=keys, how="left", maintain_order="left")


def _draw_scatter(axes: Axes, rows: pl.DataFrame, title: str) -> None:
    styles = agent_styles(rows["agent"].to_list())
    for row in rows.to_dicts():
        style = styles[row["agent"]]
        half = [0.0 if row[name] != row[name] else row[name] for name in ("cost_cores_half_width", "pas_half_width")]
        axes.errorbar(
            row["cost_cores"],
            100 * row["pas"],
            xerr=half[0],
            yerr=100 * half[1],
            color=style.colour,
            marker=style.marker,
            markersize=8,
            markerfacecolor="white" if row["violations_percent"] > HOLLOW_ABOVE_PERCENT else style.colour,
            linestyle="none",
            capsize=2,
            alpha=0.9,
            label=row["agent"],
        )
    axes.set(title=title, xlabel="cost (cores)", ylabel="PAS (%)", xscale="log")
    _plain_log_ticks(axes)
    axes.grid(alpha=0.25, which="both")


def _plain_log_ticks(axes: Axes) -> None:
    """Label a short logarithmic axis with plain numbers at 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def write_figures(series: pl.DataFrame, summary: pl.DataFrame, folder: Path) -> list[Path]:
    """Save all figures as PNG with the CSV of their numbers beside each; returns the files."""
    import polars as pl

    written = _save(scatter_figure(summary), scatter_table(summary), folder / "accuracy-cost")
    for pipeline in series["pipeline"].unique(maintain_order=True).to_list():
        part = series.filter(pl.col("pipeline") == pipeline)
        traces = part["trace"].unique(maintain_order=True).to_list()
        for first in range(0, len(traces), TRACES_PER_FIGURE):
            shown = traces[first : first + TRACES_PER_FIGURE]
            number = f"-{first // TRACES_PER_FIGURE + 1}" if len(traces) > TRACES_PER_FIGURE else ""
            table = part.filter(pl.col("trace").is_in(shown))
            written += _save(series_figure(part, pipeline, shown), table, folder / f"series-{pipeline}{number}")
    return written


def _save(figure: Figure, table: pl.DataFrame, base: Path) -> list[Path]:
    image = write_atomically(base.with_suffix(".png"), lambda path: figure.savefig(path, dpi=110))
    return [image, write_frame(table, base.with_suffix(".csv"))]
