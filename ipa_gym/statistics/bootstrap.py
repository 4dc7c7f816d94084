"""Bootstrap intervals of a mean over agents and windows, and of the difference of two such means. Pure functions.

Rows are agents (training seeds of one learner; a single row for a policy that is not trained), columns are windows.
All agents have played the same windows, so windows are drawn once for all rows, and candidate and baseline share the
draw: the comparison is paired by window. Rows are drawn apart from them (the pigeonhole bootstrap, Owen 2007): drawing
windows anew for each agent would take what a hard window does to all agents for chance that averages out.

The interval is the expanded percentile interval of `resampling.py`, which matters for five training seeds. Resampled
agents cannot reach beyond the worst and the best of them, so fewer than five still give too narrow an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.statistics.resampling import (
    CONFIDENCE,
    N_RESAMPLES,
    Component,
    check_bootstrap,
    draw_counts,
    expanded_tail,
)

Table = NDArray[np.float64]  # (n_agents, n_windows)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its interval; NaN where there is no value, or only one to tell the spread from."""

    mean: float
    low: float
    high: float
    n_windows: int  # that had a value for everyone


def mean_interval(
    values: Table, *, rng: np.random.Generator, confidence: float = CONFIDENCE, n_resamples: int = N_RESAMPLES
) -> Estimate:
    """The mean over agents and windows.

    Args:
        values: float64 (n_agents, n_windows) or (n_windows,); windows in which anyone has NaN are left out.
        rng: what is drawn from: an equal one gives an equal interval.
        confidence: of the interval, between 0 and 1.
        n_resamples: how many bootstrap means.
    Raises: OptionError if the table has no entry or the confidence is out of range.
    """
    table = _as_table(values)
    nothing = np.zeros((1, table.shape[1]))
    return difference_interval(table, nothing, rng=rng, confidence=confidence, n_resamples=n_resamples)


def difference_interval(
    candidate: Table,
    baseline: Table,
    *,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
) -> Estimate:
    """The candidate's mean minus the baseline's, paired by window.

    Args:
        candidate: float64 (n_agents, n_windows) or (n_windows,).
        baseline: the same for the other, on the same windows; windows in which anyone has NaN are left out.
        rng, confidence, n_resamples: as in `mean_interval`.
    Raises: OptionError if the windows differ in number, there is none, or the confidence is out of range.
    """
    ours, theirs = _as_table(candidate), _as_table(baseline)
    if ours.shape[1] != theirs.shape[1]:
        raise OptionError(
            f"the candidate has {ours.shape[1]} windows, the baseline {theirs.shape[1]}; expected the same ones"
        )
    check_bootstrap(confidence, n_resamples)
    known = ~(np.isnan(ours).any(axis=0) | np.isnan(theirs).any(axis=0))
    ours, theirs = ours[:, known], theirs[:, known]
    n_windows = int(known.sum())
    if n_windows == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float((ours.mean(axis=0) - theirs.mean(axis=0)).mean())
    parts = _variances(ours, theirs)
    if not parts:
        return Estimate(mean, math.nan, math.nan, n_windows)
    tail = expanded_tail(parts, confidence)
    low, high = np.quantile(_resampled(ours, theirs, rng, n_resamples), [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), n_windows)


def _as_table(values: Table) -> Table:
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if table.ndim != 2 or table.size == 0:
        raise OptionError(
            f"the values have shape {np.shape(values)}; expected (n_agents, n_windows), at least one each"
        )
    return table


def _resampled(ours: Table, theirs: Table, rng: np.random.Generator, n_resamples: int) -> NDArray[np.float64]:
    """Bootstrap differences (n_resamples,): windows are drawn once for both, agents for each."""
    windows = draw_counts(ours.shape[1], rng, n_resamples)
    of_ours, of_theirs = (draw_counts(table.shape[0], rng, n_resamples) for table in (ours, theirs))
    per_window = of_ours @ ours / ours.shape[0] - of_theirs @ theirs / theirs.shape[0]
    drawn: NDArray[np.float64] = (per_window * windows).sum(axis=1) / ours.shape[1]
    return drawn


def _variances(ours: Table, theirs: Table) -> list[Component]:
    """Of the mean, as the bootstrap sees it: (variance, number of things drawn) from windows and from agents."""
    over_windows = ours.mean(axis=0) - theirs.mean(axis=0)
    groups = (over_windows, ours.mean(axis=1), theirs.mean(axis=1))
    return [(float(means.var()) / means.size, means.size) for means in groups if means.size > 1]
