"""Accuracy over cost as a figure: a panel a pipeline, a point an agent with its intervals. `figures.py` saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.benchmark.styles import agent_styles

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

HOLLOW_ABOVE_PERCENT = 5.0  # SLA violations beyond which a point of the scatter is hollow
_SCATTER_NOTE = f"mean over loads, ± 95 % over seeds\nhollow: over {HOLLOW_ABOVE_PERCENT:g} % SLA violations"


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
