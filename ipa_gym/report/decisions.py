"""How long a decision takes: by agent, from the rows, and by the size of the pipeline (the paper's Fig. 13).

The growth is measured by `ipa_gym.benchmark.decision_time`. All are wall times of the machine that ran it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.benchmark.styles import agent_styles
from ipa_gym.report.cells import rounded
from ipa_gym.report.means import means
from ipa_gym.report.section import Picture, Section

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

TITLE = "Time of a decision by agent"
READING = (
    "How long an agent thinks before each decision: the filled marker is the mean, the hollow one the 99th percentile; "
    "wall time of the machine that ran the benchmark."
)
GROWTH_TITLE = "Time of a decision by size"
GROWTH_READING = (
    "How the time to solve IPA's program grows with stages and with variants a stage: the median over synthetic "
    "pipelines, bars from the best to the worst; the axis is logarithmic."
)
COMMAND = "ipa-gym benchmark"
GROWTH_COMMAND = "ipa-gym benchmark --study decision-time"
METRICS = ("decision_mean_ms", "decision_p99_ms")
_SHADES = "viridis"


def decision_section(main: pl.DataFrame) -> Section:
    """Decision times of the agents.

    Args:
        main: a row an episode.
    """
    import polars as pl

    table = means(main, METRICS).filter(pl.col("trace") == ALL_TRACES).drop("trace")
    points = []
    for (pipeline, agent), part in table.group_by("pipeline", "agent", maintain_order=True):
        values = {row["metric"]: rounded(row["mean"]) for row in part.to_dicts()}
        points.append({"pipeline": pipeline, "agent": agent, **values})
    picture = Picture("decision-time-agents", partial(decision_figure, table), table)
    return Section("decisions", TITLE, READING, COMMAND, {"points": points}, pictures=[picture])


def growth_section(times: pl.DataFrame | None) -> Section:
    """Decision times over stages × variants.

    Args:
        times: the fields of `DecisionTime`, a row a solver and size.
    """
    if times is None or times.height == 0:
        return Section("growth", GROWTH_TITLE, GROWTH_READING, GROWTH_COMMAND)
    names = ("solver", "stages", "variants", "best_ms", "median_ms", "worst_ms")
    rounded_ms = {"best_ms", "median_ms", "worst_ms"}
    points = [{n: rounded(row[n]) if n in rounded_ms else row[n] for n in names} for row in times.to_dicts()]
    most = max(times["problems"].to_list())
    notes = [f"{times['batches'][0]} batch sizes a variant; {most} pipelines of each size."]
    pictures = [Picture("decision-time-growth", partial(growth_figure, times), times)]
    return Section(
        "growth", GROWTH_TITLE, GROWTH_READING, GROWTH_COMMAND, {"points": points}, notes=notes, pictures=pictures
    )


def decision_figure(table: pl.DataFrame) -> Figure:
    """A column a pipeline, a line an agent: mean (filled) and 99th percentile (hollow) in milliseconds."""
    import polars as pl
    from matplotlib.figure import Figure

    pipelines = table["pipeline"].unique(maintain_order=True).to_list()
    agents = table["agent"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(2.0 + 2.9 * len(pipelines), 1.6 + 0.3 * len(agents)), layout="constrained")
    axes = figure.subplots(1, len(pipelines), sharex=True, sharey=True, squeeze=False)[0]
    for panel, pipeline in zip(axes, pipelines, strict=True):
        _draw_agents(panel, table.filter(pl.col("pipeline") == pipeline), agents)
        panel.set(title=pipeline, xlabel="milliseconds", xscale="log")
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.grid(alpha=0.25)
    axes[0].set_yticks(range(len(agents)), labels=agents)
    axes[0].invert_yaxis()
    figure.suptitle("Time of a decision: mean (filled) and 99th percentile (hollow)")
    return figure


def _draw_agents(axes: Any, rows: pl.DataFrame, agents: list[str]) -> None:  # Any: matplotlib's axes
    styles = agent_styles(agents)
    found = {(row["agent"], row["metric"]): row["mean"] for row in rows.to_dicts()}
    for place, agent in enumerate(agents):
        mean_ms, p99_ms = (found.get((agent, name), float("nan")) for name in METRICS)
        style = styles[agent]
        axes.plot([mean_ms, p99_ms], [place, place], color=style.colour, linewidth=1)
        axes.plot([mean_ms], [place], color=style.colour, marker=style.marker, linestyle="none")
        axes.plot([p99_ms], [place], color=style.colour, marker=style.marker, markerfacecolor="white", linestyle="none")


def growth_figure(times: pl.DataFrame) -> Figure:
    """A panel a solver, a line a number of variants, over stages."""
    import matplotlib as mpl
    import polars as pl
    from matplotlib.figure import Figure

    solvers = times["solver"].unique(maintain_order=True).to_list()
    variants = sorted(times["variants"].unique().to_list())
    shades = mpl.colormaps[_SHADES].resampled(len(variants) + 1)
    figure = Figure(figsize=(1.6 + 4.6 * len(solvers), 4.6), layout="constrained")
    axes = figure.subplots(1, len(solvers), sharey=True, squeeze=False)[0]
    for panel, solver in zip(axes, solvers, strict=True):
        for shade, n_variants in enumerate(variants):
            part = times.filter((pl.col("solver") == solver) & (pl.col("variants") == n_variants)).sort("stages")
            middle = part["median_ms"].to_numpy()
            reach = (middle - part["best_ms"].to_numpy(), part["worst_ms"].to_numpy() - middle)
            look = {"color": shades(shade), "marker": "o", "label": f"{n_variants} variants"}
            panel.errorbar(part["stages"].to_numpy(), middle, yerr=reach, elinewidth=0.7, capsize=2, **look)
        panel.set(title=solver, xlabel="stages", yscale="log")
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.grid(alpha=0.25, which="both")
    axes[0].set_ylabel("a decision (ms)")
    axes[-1].legend(fontsize=8)
    figure.suptitle("Time of a decision: median, bars from the best to the worst pipeline")
    return figure
