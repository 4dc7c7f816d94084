"""Draws a search: values over the trials, what the hyperparameters explain, and a slice along each.

Functions from `Results` to a matplotlib `Figure`; no pyplot, nothing shown, nothing saved. The numbers are those of
``trials.csv`` and ``importances.json``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ipa_gym.tuning.results import Results, TrialResult
from ipa_gym.tuning.space import Range
from ipa_gym.tuning.study import ENOUGH
from ipa_gym.tuning.trial_work import COMPLETE, FAILED, PRUNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, GREEN = "#0072B2", "#D55E00", "0.55", "#009E73"
_Style = tuple[str, str, str]  # marker, colour, label
_MARKS: Mapping[str, _Style] = {COMPLETE: ("o", BLUE, "to the end"), PRUNED: ("x", GREY, "broken off")}
_VALUE = "value: mean reward of an interval\nless excess violations"
_COLUMNS = 4


def search_figure(results: Results) -> Figure:
    """Value of each trial and the best so far; beside it the importances of the hyperparameters."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    history, importances = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_history(history, results)
    _draw_importances(importances, results)
    return figure


def slices_figure(results: Results) -> Figure:
    """Value over each searched hyperparameter, one panel each."""
    from matplotlib.figure import Figure

    ranges = results.space.ranges
    columns = min(_COLUMNS, len(ranges))
    rows = math.ceil(len(ranges) / columns)
    figure = Figure(figsize=(3.1 * columns, 2.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel, one in zip(panels, ranges, strict=False):
        _draw_slice(panel, results, one)
    for panel in panels[len(ranges) :]:
        panel.set_axis_off()
    figure.supylabel(_VALUE, fontsize="medium")
    return figure


def _draw_history(axes: Axes, results: Results) -> None:
    low, high = _limits(results)
    for state, (mark, colour, label) in _MARKS.items():
        trials = [trial for trial in results.trials if trial.state == state]
        _scatter(axes, [t.number for t in trials], trials, low=low, style=(mark, colour, f"{label} ({len(trials)})"))
    complete = results.complete
    best = np.maximum.accumulate([trial.value for trial in complete])
    end = max(trial.number for trial in results.trials)
    axes.step([*(t.number for t in complete), end], [*best, best[-1]], where="post", color=BLUE, label="best so far")
    for trial in results.trials:
        if trial.state == FAILED:
            axes.axvline(trial.number, color=ORANGE, linewidth=0.8, alpha=0.6)
    if results.baseline is not None:
        axes.axhline(
            results.baseline.value,
            color=GREEN,
            linestyle="--",
            label=f"the card's own values: {results.baseline.value:.4g}",
        )
    axes.set(xlabel="trial", ylabel=_VALUE, ylim=(low, high))
    axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)


def _scatter(axes: Axes, places: Sequence[float], trials: Sequence[TrialResult], *, low: float, style: _Style) -> None:
    """A mark a trial; at the lower edge a triangle for those that lie below it."""
    mark, colour, label = style
    inside = [(place, trial.value) for place, trial in zip(places, trials, strict=True) if trial.value >= low]
    below = [place for place, trial in zip(places, trials, strict=True) if trial.value < low]
    axes.scatter(
        [x for x, _ in inside],
        [y for _, y in inside],
        marker=mark,
        color=colour,
        s=26,
        label=label,
        clip_on=False,
        zorder=3,
    )
    axes.scatter(below, [low] * len(below), marker="v", color=colour, s=26, clip_on=False, zorder=3)


def _limits(results: Results) -> tuple[float, float]:
    """To the best, from 2.5 times as far below as the lower quartile: hopeless trials must not flatten the rest."""
    values = np.array([trial.value for trial in results.complete])
    low, high = float(np.quantile(values, 0.25)), float(values.max())
    lowest = max(float(values.min()), high - 2.5 * (high - low)) if high > low else float(values.min())
    margin = 0.08 * ((high - lowest) or 1.0)
    return lowest - margin, high + margin


def _draw_importances(axes: Axes, results: Results) -> None:
    if not results.importances:
        axes.set_axis_off()
        text = f"what explains the differences is estimated\nfrom {ENOUGH} complete trials on"
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
        return
    names = sorted(results.importances, key=lambda name: results.importances[name])
    axes.barh(names, [results.importances[name] for name in names], color=BLUE)
    axes.set(xlabel="part of the differences (PED-ANOVA)", xlim=(0, None))


def _draw_slice(axes: Axes, results: Results, one: Range) -> None:
    low, high = _limits(results)
    for state, style in _MARKS.items():
        trials = [trial for trial in results.trials if trial.state == state]
        _scatter(axes, _places(trials, one), trials, low=low, style=style)
    best = results.best
    axes.scatter(_places([best], one), [best.value], marker="*", color=ORANGE, s=110, zorder=4)
    if one.kind == "choice":
        axes.set_xticks(range(len(one.values)), [json.dumps(value) for value in one.values], fontsize="x-small")
        axes.set_xlim(-0.5, len(one.values) - 0.5)
    else:
        axes.set_xlim(*one.values)
    if one.logarithmic:
        low_value, high_value = one.values
        axes.set_xscale("log")
        ticks = np.geomspace(low_value, high_value, 4)
        axes.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], minor=False)
        axes.set_xticks([], minor=True)
    axes.set(xlabel=one.name, ylim=(low, high))


def _places(trials: Sequence[TrialResult], one: Range) -> list[float]:
    """Where trials stand along a hyperparameter: its value, or the number of the choice."""
    if one.kind != "choice":
        return [float(trial.values[one.name]) for trial in trials]  # type: ignore[arg-type]  # a number
    texts = [json.dumps(value) for value in one.values]
    return [texts.index(json.dumps(trial.values[one.name])) for trial in trials]
