"""The figures of `make bench-speed`: a point is the best round, its line goes to the slowest.

Each function takes the results and gives a picture and the numbers in it; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.speed_cases import BASE_RPS, ONLY_REPLICAS, REQUESTS, STAGES_AXIS, VARIED_REPLICAS
from benchmarks.speed_contestants import CIW, ENVS, KERNEL, SHARED_ENVS, SIMPY, SINGLE, vector_name
from benchmarks.speed_decisions import EXACT, HIGHS, STAGES, VARIANTS, VIDEO
from benchmarks.speed_decisions import MANY as MANY_DECISIONS
from benchmarks.speed_results import Results

VECTOR = vector_name(SHARED_ENVS)
STYLES: Mapping[str, tuple[str, str]] = {  # colours of Okabe and Ito, one and a marker for each in every picture
    SIMPY: ("#D55E00", "s"),
    CIW: ("#E69F00", "^"),
    KERNEL: ("#0072B2", "o"),
    SINGLE: ("#CC79A7", "D"),
    VECTOR: ("#009E73", "v"),
}
_PAPER = (9, 2.0)  # IPA's paper, Fig. 13: Gurobi at 9 stages × 9 variants takes about 2 s
_NUMBERS = ("axis", "value", "case", "what", "n_envs", "n_threads", "rounds", "best_s", "median_s", "worst_s")
_SPEEDS = ("steps_per_s", "requests_per_s", "ns_per_request_and_stage", "bytes_per_env", "times_simpy", "times_ciw")
Drawn = tuple[Figure, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class SpeedFigure:
    """A picture of the docs."""

    name: str
    draw: Callable[[Results], Drawn]


def requests_figure(results: Results) -> Drawn:
    """Simulated requests and steps a second over the load."""
    points = _along(results, REQUESTS)
    figure, axes = _panels(2)
    for panel, column, label in (
        (axes[0], "requests_per_s", "simulated requests a second"),
        (axes[1], "steps_per_s", "steps of 10 s a second"),
    ):
        _curves(panel, points, column)
        panel.set(xlabel="load (requests/s)", ylabel=label)
        _log_log(panel, points)
    axes[0].set_title("Simulated requests")
    axes[1].set_title("Steps")
    _legend(figure, axes[0])
    figure.suptitle("Speed over the load: the card video, replicas as the load needs them")
    return figure, points.select(*_NUMBERS, *_SPEEDS)


def stages_figure(results: Results) -> Drawn:
    """Steps a second, and time for a request in a stage, over the length of the chain."""
    points = _along(results, STAGES_AXIS)
    figure, axes = _panels(2)
    for panel, column, label in (
        (axes[0], "steps_per_s", "steps of 10 s a second"),
        (axes[1], "ns_per_request_and_stage", "ns per request and stage"),
    ):
        _curves(panel, points, column)
        panel.set(xlabel="stages", ylabel=label)
        _log_log(panel, points)
    axes[0].set_title("Steps")
    axes[1].set_title("Time for a request in a stage")
    _legend(figure, axes[0])
    figure.suptitle(f"Speed over the stages: {BASE_RPS} requests/s, two replicas a stage, busy 70 % of the time")
    return figure, points.select(*_NUMBERS, *_SPEEDS)


def replicas_figure(results: Results) -> Drawn:
    """Time for a request in a stage over its replicas, for service times that are fixed and that vary."""
    figure, axes = _panels(2, sharey=True)
    shown = []
    for panel, axis, title in (
        (axes[0], ONLY_REPLICAS, "Fixed service times"),
        (axes[1], VARIED_REPLICAS, "Service times that vary (lognormal, cv 0.5)"),
    ):
        points = _along(results, axis)
        _curves(panel, points, "ns_per_request_and_stage")
        panel.set(xlabel="replicas of a stage", title=title)
        _log_log(panel, points)
        shown.append(points)
    axes[0].set_ylabel("ns per request and stage")
    _legend(figure, axes[0])
    figure.suptitle("Time for a request in a stage over its replicas: two stages, 60 requests/s, busy 70 % of the time")
    return figure, pl.concat(shown).select(*_NUMBERS, *_SPEEDS)


def envs_figure(results: Results) -> Drawn:
    """Steps a second and memory over the number of environments."""
    base = _along(results, REQUESTS, every=True).filter(pl.col("value") == BASE_RPS)
    many = base.filter(pl.col("what").str.starts_with("vector")).sort("n_envs")
    figure, axes = _panels(2)
    colour, marker = STYLES[VECTOR]
    for (threads,), part in many.group_by("n_threads", maintain_order=True):
        style = {"ls": "-", "mfc": colour} if threads != 1 else {"ls": "--", "mfc": "white"}
        label = "vector environment, 1 thread" if threads == 1 else f"vector environment, {threads} threads"
        _whiskers(axes[0], part["n_envs"], part, "steps_per_s")
        axes[0].plot(part["n_envs"], part["steps_per_s"], color=colour, marker=marker, ms=6, label=label, **style)
    for what in (KERNEL, SINGLE, SIMPY, CIW):
        speed = float(base.filter(pl.col("what") == what)["steps_per_s"][0])
        axes[0].axhline(speed, color=STYLES[what][0], lw=1.4, ls=":")
        axes[0].annotate(
            what, (ENVS[-1], speed), xytext=(0, 3), textcoords="offset points", ha="right", color=STYLES[what][0]
        )
    axes[0].set(xlabel="environments in one call", ylabel="environment steps of 10 s a second", title="Speed")
    _log_log(axes[0], many.with_columns(value=pl.col("n_envs").cast(pl.Float64)))
    axes[0].legend(loc="center", bbox_to_anchor=(0.6, 0.42), fontsize=9)
    memory = results.memory.filter(pl.col("n_envs") > 0)
    each = many.unique("n_envs", keep="first", maintain_order=True)
    arrays = (each["n_envs"] * each["bytes_per_env"] / 2**20).alias("arrays_mib")
    axes[1].plot(
        memory["n_envs"], memory["peak_bytes"] / 2**20, color="black", marker="o", label="the whole process, peak"
    )
    axes[1].plot(each["n_envs"], arrays, color=colour, marker=marker, label="the environments' arrays")
    axes[1].set(xlabel="environments", ylabel="memory (MiB)", title="Memory")
    _log_log(axes[1], many.with_columns(value=pl.col("n_envs").cast(pl.Float64)))
    axes[1].legend(loc="lower right", fontsize=9)
    figure.suptitle(f"Many environments: video at {BASE_RPS} requests/s, resets included")
    return figure, many.join(memory, on="n_envs", how="left").select(*_NUMBERS, *_SPEEDS, "peak_bytes")


def decisions_figure(results: Results) -> Drawn:
    """Time of one decision over the stages, a line a number of variants, as the paper's Fig. 13."""
    found = results.decisions.filter(pl.col("pipeline") != VIDEO)
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    colours = colormaps["viridis"]
    titles = {HIGHS: "PuLP (HiGHS)", EXACT: "Exact, one at a time", MANY_DECISIONS: "Exact, 1,024 in a call"}
    for panel, (solver, title) in zip(panels, titles.items(), strict=True):
        for index, variants in enumerate(VARIANTS):
            part = found.filter((pl.col("solver") == solver) & (pl.col("variants") == variants)).sort("stages")
            colour = colours(0.9 * index / (len(VARIANTS) - 1))
            x = part["stages"] + 0.1 * (index - 2)
            ms = {name: 1e3 * part[f"{name}_s"] for name in ("best", "median", "worst")}
            panel.vlines(x, ms["best"], ms["worst"], color=colour, lw=1, alpha=0.6)
            panel.plot(x, ms["median"], color=colour, marker="os^Dv"[index], ms=5, lw=1.4, label=f"{variants}")
        panel.set(title=title, xlabel="stages", yscale="log", xticks=list(STAGES))
        panel.grid(alpha=0.3)
    stages, seconds = _PAPER
    panels[0].plot(stages, 1e3 * seconds, "*", color="black", ms=11)
    panels[0].annotate("IPA's paper, Gurobi,\n9 × 9: about 2 s", (stages - 0.3, 1e3 * seconds), ha="right", va="center")
    for panel in panels[1:]:
        panel.axhline(2.0, color="black", ls=":", lw=1)
        panel.annotate("target at 10 × 10: 2 ms", (2, 2.0), xytext=(0, 4), textcoords="offset points", fontsize=9)
    panels[0].set_ylabel("one decision (ms)")
    panels[0].yaxis.set_major_formatter(FuncFormatter(_plain))
    panels[2].legend(title="variants a stage", fontsize=9, loc="upper right")
    figure.suptitle("IPA's decision: median of the problems, lines from the fastest to the slowest; 7 batch sizes")
    return figure, found


FIGURES: tuple[SpeedFigure, ...] = (
    SpeedFigure("speed_requests", requests_figure),
    SpeedFigure("speed_envs", envs_figure),
    SpeedFigure("speed_stages", stages_figure),
    SpeedFigure("speed_replicas", replicas_figure),
    SpeedFigure("speed_decisions", decisions_figure),
)


def _along(results: Results, axis: str, *, every: bool = False) -> pl.DataFrame:
    """An axis's points: of everybody, or of those that every case has."""
    points = results.points.filter(pl.col("axis") == axis)
    if every:
        return points
    most = points.filter(pl.col("what") == VECTOR)["n_threads"].max()
    shared = (pl.col("what") != VECTOR) | (pl.col("n_threads") == most)
    return points.filter(pl.col("what").is_in(list(STYLES)) & shared)


def _panels(n: int, *, sharey: bool = False) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    return figure, list(figure.subplots(1, n, sharey=sharey))


def _curves(axes: Axes, points: pl.DataFrame, column: str) -> None:
    for what, (colour, marker) in STYLES.items():
        part = points.filter(pl.col("what") == what)
        _whiskers(axes, part["value"], part, column, colour=colour)
        axes.plot(part["value"], part[column], color=colour, marker=marker, ms=6, lw=1.4, label=what)


def _whiskers(axes: Axes, x: pl.Series, part: pl.DataFrame, column: str, *, colour: str = STYLES[VECTOR][0]) -> None:
    """From the best round to the slowest: a speed falls with the time, a time grows with it."""
    slower = part["worst_s"] / part["best_s"]
    end = part[column] * slower if column.startswith("ns") else part[column] / slower
    axes.vlines(x, part[column], end, color=colour, lw=1)


def _log_log(axes: Axes, points: pl.DataFrame) -> None:
    values = points["value"].unique().sort().to_list()
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(values, [_plain(value, 0) for value in values])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    axes.grid(alpha=0.3)


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(STYLES), fontsize=10)


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
