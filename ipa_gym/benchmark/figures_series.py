"""Time series as figures: load, capacity, cost, PAS and latency of the agents, and what they decided, stage by stage.

Functions from a tidy table (a row an interval) to a `Figure`, without pyplot. `figures.py` saves them.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ipa_gym.benchmark.styles import agent_styles

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN_FIRST = ("ipa", "fa2-low", "fa2-high", "rim", "hpa", "mpc", "trained", "oracle")
N_LINES = 8  # agents with a line of their own; more cannot be told apart
CAPACITY_AXIS = 4.0  # times the highest load: where the axis of load and capacity ends at the latest
_TITLE_WIDTH = 80  # characters
_SAME = ("load_mean_rps", "capacity_rps", "cost_cores", "pas", "latency_p99_s")


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of the time series."""

    column: str
    label: str
    factor: float = 1.0
    from_zero: bool = True


PANELS: tuple[Panel, ...] = (  # the load lies behind the first, the SLA on the last
    Panel("capacity_rps", "load (grey) and\ncapacity (requests/s)"),
    Panel("cost_cores", "cost (cores)"),
    Panel("pas", "PAS (%)", factor=100.0, from_zero=False),
    Panel("latency_p99_s", "p99 latency (s)"),
)


def series_figure(series: pl.DataFrame, pipeline: str, traces: Sequence[str]) -> Figure:
    """Load and capacity, cost, PAS and p99 latency of one pipeline, a column a trace, a line an agent.

    Agents whose series are the same share a line and a legend entry. Of many agents those of `DRAWN_FIRST` are drawn;
    the title names the others.

    Args:
        series: rows of `IntervalResult`, one seed.
        traces: at most a few, one a column.
    """
    import polars as pl
    from matplotlib.figure import Figure

    part, left_out = drawn_part(series.filter(pl.col("pipeline") == pipeline))
    groups = equal_agents(part.filter(pl.col("trace").is_in(list(traces))))
    figure = Figure(figsize=(1.4 + 3.6 * len(traces), 10.5), layout="constrained")
    axes = figure.subplots(len(PANELS), len(traces), sharex="col", squeeze=False)
    for column, trace in enumerate(traces):
        _draw_trace(axes[:, column].tolist(), part.filter(pl.col("trace") == trace), groups)
        axes[0][column].set_title(trace)
        axes[-1][column].set_xlabel("time (s)")
    for row, panel in zip(axes, PANELS, strict=True):
        row[0].set_ylabel(panel.label)
    handles, labels = axes[1][0].get_legend_handles_labels()
    sla = axes[-1][0].get_legend_handles_labels()
    figure.legend(
        handles + sla[0][-1:], labels + sla[1][-1:], loc="outside lower center", ncols=min(8, len(labels) + 1)
    )
    figure.suptitle(titled(f"{pipeline}: agents over time, seed {series['seed'][0]}", left_out))
    return figure


def decisions_figure(series: pl.DataFrame, pipeline: str, trace: str) -> Figure:
    """Variant, replicas and batch size that the agents decided, a column a stage.

    Args:
        series: rows of the intervals with `variants`, `replicas` and `batches`, lists with an entry a stage; one seed.
    """
    import polars as pl
    from matplotlib.figure import Figure

    here = series.filter((pl.col("pipeline") == pipeline) & (pl.col("trace") == trace))
    part, left_out = drawn_part(here)
    groups = equal_agents(part)
    n_stages = len(part["variants"][0])
    figure = Figure(figsize=(2.4 + 4.2 * n_stages, 8.0), layout="constrained")
    axes = figure.subplots(3, n_stages, sharex=True, squeeze=False, height_ratios=[3, 3, 2])
    for stage in range(n_stages):
        _draw_stage(axes[:, stage].tolist(), part, groups, stage)
        axes[0][stage].set_title(f"stage {stage + 1}")
        axes[-1][stage].set_xlabel("time (s)")
    for row, label in zip(axes, ("variant", "replicas", "batch size"), strict=True):
        row[0].set_ylabel(label)
    handles, labels = axes[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(8, len(labels)))
    figure.suptitle(titled(f"{pipeline} under {trace}: decisions, seed {part['seed'][0]}", left_out))
    return figure


def drawn_part(series: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows of the agents that get a line, and the names of the others.

    All but `random`, which would fill the panels; of more than `N_LINES`, those of `DRAWN_FIRST` and then the first.
    """
    import polars as pl

    names = series["agent"].unique(maintain_order=True).to_list()
    shown = [name for name in names if name != "random"] or names
    if len(shown) > N_LINES:
        first = [name for name in shown if name in DRAWN_FIRST]
        shown = (first + [name for name in shown if name not in first])[:N_LINES]
    part = series.filter(pl.col("agent").is_in(shown))
    return part, [name for name in names if name not in shown]


def titled(title: str, left_out: Sequence[str]) -> str:
    """A figure's title, and below it who is not drawn."""
    if not left_out:
        return title
    return "\n".join([title, *textwrap.wrap(f"not drawn: {', '.join(left_out)}", _TITLE_WIDTH)])


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


def _draw_trace(axes: Sequence[Axes], part: pl.DataFrame, groups: Sequence[list[str]]) -> None:
    import polars as pl

    load = part.filter(pl.col("agent") == groups[0][0])
    edges_s = _edges_s(load)
    mean_rps, max_rps = load["load_mean_rps"].to_numpy(), load["load_max_rps"].to_numpy()
    axes[0].stairs(max_rps, edges_s, baseline=mean_rps, fill=True, color="0.82", label="busiest second")
    axes[0].stairs(mean_rps, edges_s, baseline=None, color="0.15", linewidth=1.3, label="mean of the interval")
    for group, look in _looks(groups):
        rows = part.filter(pl.col("agent") == group[0])
        for panel, panel_axes in zip(PANELS, axes, strict=True):
            values = panel.factor * rows[panel.column].to_numpy()
            panel_axes.stairs(values, _edges_s(rows), baseline=None, label=" = ".join(group), **look)
    sla_s = float(load["sla_s"][0])
    axes[-1].axhline(sla_s, color="#B2182B", linestyle="--", linewidth=1.2, label="SLA")
    for panel, panel_axes in zip(PANELS, axes, strict=True):
        panel_axes.grid(alpha=0.25)
        panel_axes.set_xlim(0, float(edges_s[-1]))
        if panel.from_zero:
            panel_axes.set_ylim(bottom=0)
    highest = part["latency_p99_s"].fill_nan(0.0).max()
    axes[-1].set_ylim(0, 1.08 * max(sla_s, float(highest)))  # type: ignore[arg-type]  # a float column
    largest = min(float(part["capacity_rps"].max()), CAPACITY_AXIS * float(max_rps.max()))  # type: ignore[arg-type]
    axes[0].set_ylim(0, 1.05 * max(largest, float(max_rps.max())) or 1.0)  # nothing may arrive at all


def _draw_stage(axes: Sequence[Axes], part: pl.DataFrame, groups: Sequence[list[str]], stage: int) -> None:
    import polars as pl

    variants = sorted(part["variants"].list.get(stage).unique().to_list(), key=_with_numbers)
    for group, look in _looks(groups):
        rows = part.filter(pl.col("agent") == group[0])
        edges_s, label = _edges_s(rows), " = ".join(group)
        places = [variants.index(name) for name in rows["variants"].list.get(stage).to_list()]
        axes[0].stairs(places, edges_s, baseline=None, label=label, **look)
        axes[1].stairs(rows["replicas"].list.get(stage).to_numpy(), edges_s, baseline=None, label=label, **look)
        axes[2].stairs(rows["batches"].list.get(stage).to_numpy(), edges_s, baseline=None, label=label, **look)
    axes[0].set_yticks(range(len(variants)), labels=variants)
    axes[0].set_ylim(-0.5, len(variants) - 0.5)
    axes[1].set_ylim(bottom=0)
    axes[2].set_yscale("log", base=2)
    axes[2].set_ylim(0.8, 1.25 * max(2, int(part["batches"].list.get(stage).max())))  # type: ignore[arg-type]
    axes[2].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for panel in axes:
        panel.grid(alpha=0.25)
        panel.set_xlim(0, float(part["time_s"].max()))  # type: ignore[arg-type]  # a float column


def _looks(groups: Sequence[list[str]]) -> list[tuple[list[str], dict[str, Any]]]:  # Any: matplotlib's keywords
    """How each group's line is drawn: the first on top and thinnest, so that of lines that coincide all are seen."""
    styles = agent_styles([group[0] for group in groups])
    looks = []
    for depth, group in enumerate(groups):
        style = styles[group[0]]
        look = {"color": style.colour, "linestyle": style.line, "linewidth": 1.2 + 0.15 * depth}
        looks.append((group, look | {"zorder": 3 - 0.1 * depth}))
    return looks


def _edges_s(rows: pl.DataFrame) -> Any:  # Any: a float64 array (n + 1,)
    return np.concatenate([[0.0], rows["time_s"].to_numpy()])


def _with_numbers(name: str) -> list[tuple[int, str]]:
    """What to sort names by so that resnet18 comes before resnet101: texts, and numbers by their value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
