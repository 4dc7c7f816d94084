"""Draws a load: counts over time, their distribution, their memory and their daily shape.

Functions from values to a matplotlib `Figure`; no pyplot, nothing shown, nothing saved: the caller does that with
``figure.savefig(path)``. Matplotlib is loaded when a figure is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ipa_gym.workload.comparison import Comparison
from ipa_gym.workload.statistics import autocorrelation, hourly_profile, whole_days
from ipa_gym.workload.trace import IntArray, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, REAL = "#0072B2", "#D55E00"  # colours that colour-blind readers tell apart
ACF_LONGEST_S = 300
N_TIME_POINTS = 2_000  # longer traces are drawn as mean and range of equal stretches
TIME_UNITS = (
    (2 * 86_400, 86_400.0, "days"),
    (2 * 3_600, 3_600.0, "hours"),
    (0, 1.0, "seconds"),
)  # from length, divisor


def trace_figure(trace: Trace) -> Figure:
    """Counts over time, histogram, autocorrelation and, from two days on, the mean by hour of the day."""
    figure, axes = _panels(_title(trace), daily=whole_days(trace.counts) is not None)
    _draw_time(axes[0], trace)
    _draw_histogram(axes[1], trace.counts, label="", colour=OURS)
    _draw_acf(axes[2], trace.counts, label="", colour=OURS)
    if len(axes) > 3:
        _draw_hours(axes[3], trace.counts, label="", colour=OURS)
    return figure


def comparison_figure(comparison: Comparison) -> Figure:
    """Histogram, autocorrelation and hours of a trace and of the real load: statistics, no series."""
    from matplotlib.figure import Figure

    daily = whole_days(comparison.counts) is not None
    figure = Figure(figsize=(12 if daily else 8.5, 3.4), layout="constrained")
    figure.suptitle(f"{comparison.name}: synthetic and real")
    axes = figure.subplots(1, 3 if daily else 2)
    both = (("synthetic", comparison.counts, OURS), ("real", comparison.real_counts, REAL))
    for label, counts, colour in both:
        _draw_histogram(axes[0], counts, label=label, colour=colour)
        _draw_acf(axes[1], counts, label=label, colour=colour)
        if daily:
            _draw_hours(axes[2], counts, label=label, colour=colour)
    axes[0].legend()
    return figure


def _panels(title: str, *, daily: bool) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    figure.suptitle(title)
    grid = figure.add_gridspec(2, 3 if daily else 2)
    axes = [figure.add_subplot(grid[0, :]), *(figure.add_subplot(grid[1, i]) for i in range(3 if daily else 2))]
    return figure, axes


def _title(trace: Trace) -> str:
    counts = trace.counts
    return f"{trace.name}: {counts.sum():,} requests in {len(counts):,} s, mean {counts.mean():.1f} requests/s"


def _draw_time(axes: Axes, trace: Trace) -> None:
    n_seconds = trace.n_seconds
    divisor, unit = next((divisor, unit) for longest, divisor, unit in TIME_UNITS if n_seconds >= longest)
    if n_seconds <= N_TIME_POINTS:
        axes.step(np.arange(n_seconds) / divisor, trace.counts, where="post", color=OURS, linewidth=0.8)
    else:
        start_s, lowest, mean, highest = _stretches(trace.counts)
        axes.fill_between(start_s / divisor, lowest, highest, color=OURS, alpha=0.25, linewidth=0, label="range")
        axes.plot(start_s / divisor, mean, color=OURS, linewidth=0.7, label=f"mean of {start_s[1]:.0f} s")
    for name, (start, _) in trace.splits.items():
        if name != "all":
            axes.axvline(start / divisor, color="0.4", linestyle=":", label=f"{name}: from {start / divisor:g} {unit}")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper right", ncols=4, fontsize="small")
    axes.set(xlabel=f"time ({unit})", ylabel="load (requests/s)", xlim=(0, n_seconds / divisor))
    axes.set_ylim(bottom=0)


def _stretches(counts: IntArray) -> tuple[NDArray[np.float64], ...]:
    """Start, least, mean and greatest count of some 2,000 stretches of equal length."""
    width = -(-len(counts) // N_TIME_POINTS)
    starts = np.arange(0, len(counts), width)
    length = np.diff(np.append(starts, len(counts)))
    lowest, highest = np.minimum.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    mean = np.add.reduceat(counts, starts) / length
    return starts.astype(np.float64), lowest.astype(np.float64), mean, highest.astype(np.float64)


def _draw_histogram(axes: Axes, counts: IntArray, *, label: str, colour: str) -> None:
    width = max(1, int(counts.max()) // 100)
    edges = np.arange(0, int(counts.max()) + 2 * width, width) - 0.5
    share, _ = np.histogram(counts, bins=edges)
    axes.stairs(share / len(counts), edges, color=colour, fill=not label, alpha=0.9, label=label or None)
    axes.set(xlabel="load (requests/s)", ylabel="share of seconds")
    if len(counts) >= 86_400:
        axes.set_yscale("log")


def _draw_acf(axes: Axes, counts: IntArray, *, label: str, colour: str) -> None:
    lags = range(1, min(ACF_LONGEST_S, len(counts) // 2) + 1)
    values = [(lag, autocorrelation(counts, lag)) for lag in lags]
    known = [(lag, value) for lag, value in values if value is not None]
    if known:
        axes.plot(*zip(*known, strict=True), color=colour, label=label or None)
    axes.axhline(0, color="0.6", linewidth=0.6)
    axes.set(xlabel="lag (s)", ylabel="autocorrelation", ylim=(-1.05, 1.05))


def _draw_hours(axes: Axes, counts: IntArray, *, label: str, colour: str) -> None:
    days = whole_days(counts)
    if days is not None:
        axes.stairs(hourly_profile(days), np.arange(25), color=colour, baseline=None, label=label or None)
    axes.set(xlabel="hour of the day", ylabel="mean load (requests/s)", xlim=(0, 24))
    axes.set_ylim(bottom=0)
