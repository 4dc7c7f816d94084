"""The figures of `make theory`: theory as lines, simulation as points with 95 % intervals.

Each function takes the tables of `theory.py` and gives a picture and the numbers in it; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
MARKERS = ("o", "s", "^", "D", "v", "P")
INTERVAL = 1.96  # standard errors of a 95 % interval
PANELS = (
    "M/M/c: exponential service",
    "M/D/c: deterministic service",
    "M/G/1: lognormal service",
    "M/D[b]/1: batches of up to b",
)
SMALLEST = 1e-4  # probability at which the logarithmic panels end
LENGTHS: tuple[tuple[float, tuple[str, ...]], ...] = (  # load and cases of each panel
    (0.9, ("M/M/1", "M/M/5", "M/M/20")),
    (0.9, ("M/D/1", "M/D/5", "M/D/20")),
    (0.6, ("M/G/1, cv 0.5", "M/G/1, cv 1", "M/G/1, cv 2")),
    (0.9, ("M/D[2]/1", "M/D[4]/1", "M/D[16]/1")),
)
TAIL_LOAD = 0.8
Drawn = tuple[Figure, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class TheoryFigure:
    """A picture of the docs."""

    name: str
    title: str
    caption: str
    draw: Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], Drawn]  # from points, lines, tandem


def mean_wait_figure(found: pl.DataFrame, lines: pl.DataFrame, _: pl.DataFrame) -> Drawn:
    """Mean wait over the load, and the relative distance from theory below each panel."""
    return _over_load(found, lines, quantity="mean wait (s)", column="mean_wait_s", label="mean wait (s)")


def p_wait_figure(found: pl.DataFrame, lines: pl.DataFrame, _: pl.DataFrame) -> Drawn:
    """Probability of waiting over the load."""
    return _over_load(found, lines, quantity="probability of waiting", column="p_wait", label="probability of waiting")


def _over_load(found: pl.DataFrame, lines: pl.DataFrame, *, quantity: str, column: str, label: str) -> Drawn:
    points = found.filter((pl.col("quantity") == quantity) & pl.col("group").is_in(PANELS))
    figure = Figure(figsize=(10, 11), layout="constrained")
    grid = figure.add_gridspec(4, 2, height_ratios=(3, 1.1, 3, 1.1))
    for index, group in enumerate(PANELS):
        row, side = 2 * (index // 2), index % 2
        above = figure.add_subplot(grid[row, side])
        below = figure.add_subplot(grid[row + 1, side], sharex=above)
        part = points.filter(pl.col("group") == group)
        for (name,), style, case in _styled(part):
            line = lines.filter((pl.col("case") == name) & (pl.col(column) > SMALLEST))
            above.plot(line["load"], line[column], color=style[0], lw=1.4)
            _points(above, case["load"], case, style, label=name)
            relative = case.with_columns(
                simulated=100 * (pl.col("simulated") / pl.col("theory") - 1),
                error=100 * pl.col("error") / pl.col("theory"),
            )
            shift = 0.008 * (MARKERS.index(style[1]) - 1.5)
            _points(below, [load + shift for load in case["load"]], relative, style, label=None)
        above.set(title=group, ylabel=label, yscale="log")
        above.legend(fontsize=10, loc="lower right")
        above.tick_params(labelbottom=False)
        below.axhline(0, color="black", lw=0.8)
        below.set(xlabel="load", ylabel="from theory (%)")
        for axes in (above, below):
            axes.grid(alpha=0.3)
    figure.suptitle(f"{label.split(' (')[0].capitalize()}: theory (lines) and simulation (points, 95 % intervals)")
    return figure, points


def length_figure(found: pl.DataFrame, _: pl.DataFrame, __: pl.DataFrame) -> Drawn:
    """Share of the time with k requests waiting."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    shown = []
    for axes, (load, names), group in zip(figure.subplots(2, 2).flat, LENGTHS, PANELS, strict=True):
        part = found.filter(
            (pl.col("quantity") == "share of time waiting")
            & (pl.col("load") == load)
            & pl.col("case").is_in(names)
            & (pl.col("theory") > SMALLEST)
            & (pl.col("where") <= 40)
        )
        for (name,), style, case in _styled(part):
            axes.plot(case["where"], case["theory"], color=style[0], lw=1.4)
            _points(axes, case["where"], case, style, label=name)
        axes.set(title=f"{group}, load {load:g}", xlabel="requests waiting", ylabel="share of time", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=10)
        shown.append(part)
    figure.suptitle("Queue length: theory (lines) and simulation (points, 95 % intervals)")
    return figure, pl.concat(shown)


def tail_figure(found: pl.DataFrame, _: pl.DataFrame, __: pl.DataFrame) -> Drawn:
    """Share of the requests that wait longer than t, t in mean waits of those who wait."""
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    part = found.filter((pl.col("quantity") == "share waiting longer") & (pl.col("load") == TAIL_LOAD))
    for axes, group in zip(figure.subplots(1, 2, sharey=True), PANELS[:2], strict=True):
        for (name,), style, case in _styled(part.filter(pl.col("group") == group)):
            waits = found.filter(
                (pl.col("case") == name) & (pl.col("load") == TAIL_LOAD) & (pl.col("where") == 0.0)
            ).to_dicts()
            by = {row["quantity"]: row["theory"] for row in waits}
            t = case["where"] * by["probability of waiting"] / by["mean wait (s)"]
            axes.plot(t, case["theory"], color=style[0], lw=1.4)
            _points(axes, t, case, style, label=name)
        for share in (0.1, 0.01):
            axes.axhline(share, color="black", lw=0.8, ls=":")
            axes.annotate(f"{1 - share:.0%}", (1.01, share), xycoords=("axes fraction", "data"), va="center")
        axes.set(title=f"{group}, load {TAIL_LOAD:g}", xlabel="t (mean waits of those who wait)", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=10, loc="upper right")
    figure.axes[0].set_ylabel("share of requests that wait longer than t")
    figure.suptitle("Waiting time: theory (lines) and simulation (points, 95 % intervals); dotted: quantiles")
    return figure, part


def tandem_figure(_: pl.DataFrame, __: pl.DataFrame, tandem: pl.DataFrame) -> Drawn:
    """Gaps between departures, the second station's wait, and what two stations have in common."""
    figure = Figure(figsize=(10, 8.6), layout="constrained")
    axes = figure.subplots(2, 2).flatten()
    gaps, waits, none, short = (part for _, part in tandem.group_by(["claim"], maintain_order=True))
    for panel, part, x in ((axes[0], gaps, "x (mean gaps)"), (axes[1], waits, "load of the second station")):
        for (name,), style, case in _styled(part):
            panel.plot(case["x"], case["theory"], color=style[0], lw=1.4)
            _points(panel, case["x"], case, style, label=name)
        panel.set(xlabel=x, yscale="log")
    for panel, part in ((axes[2], none), (axes[3], short)):
        panel.plot(part["x"], part["theory"], color=COLOURS[0], lw=1.4, label="theory")
        _points(panel, part["x"], part, (COLOURS[0], MARKERS[0]), label="M/M/1 → M/M/1, simulated")
        panel.set(xlabel="load of the second station")
    axes[2].plot(none["x"], 0.3 * (1 - none["x"]), color="0.5", ls="--", label="if waits were independent")
    axes[3].set_ylim(0.35, 0.45)
    axes[0].set(title="Burke: gaps between departures", ylabel="share of gaps longer than x")
    axes[1].set(title="Burke: wait in the second station", ylabel="mean wait (s)")
    axes[2].set(title="Burke 1964: no wait in either station", ylabel="share of requests")
    axes[3].set(title="Reich: both sojourns below their means", ylabel="share of requests")
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.legend(fontsize=10)
    figure.suptitle("Two stations in tandem: theory (lines) and simulation (points, 95 % intervals)")
    return figure, tandem


def _styled(table: pl.DataFrame) -> list[tuple[tuple[object, ...], tuple[str, str], pl.DataFrame]]:
    """The table by case, each with its colour and marker."""
    groups = table.group_by(["case"], maintain_order=True)
    return [
        (name, (colour, marker), part) for (name, part), colour, marker in zip(groups, COLOURS, MARKERS, strict=False)
    ]


def _points(
    axes: Axes, x: Sequence[float] | pl.Series, table: pl.DataFrame, style: tuple[str, str], *, label: object
) -> None:
    interval = INTERVAL * table["error"]
    colour, marker = style
    axes.errorbar(
        x, table["simulated"], interval, color=colour, marker=marker, ls="", ms=5, mfc="white", capsize=2, label=label
    )


FIGURES: tuple[TheoryFigure, ...] = (
    TheoryFigure(
        "theory_mean_wait",
        "Mean wait over the load",
        "Mean time in the queue over the load. Below each panel: the distance from theory with its 95 % interval.",
        mean_wait_figure,
    ),
    TheoryFigure(
        "theory_p_wait",
        "Probability of waiting over the load",
        "Share of the requests that wait at all: Erlang C for M/M/c, the load itself for a single server.",
        p_wait_figure,
    ),
    TheoryFigure(
        "theory_queue_length",
        "Share of time with k requests waiting",
        "Queue length at any instant, down to a share of 0.0001 of the time.",
        length_figure,
    ),
    TheoryFigure(
        "theory_wait_tail",
        "Share of requests that wait longer than t",
        "The whole distribution of the wait: Erlang for M/M/c, Franx for M/D/c.",
        tail_figure,
    ),
    TheoryFigure(
        "theory_tandem",
        "Two stations in tandem",
        "What leaves M/M/c is a Poisson process, so the second station behaves as if it stood alone; what leaves M/D/1 "
        "is none. Sojourns in two single servers are independent, waits are not.",
        tandem_figure,
    ),
)
