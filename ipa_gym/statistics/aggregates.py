"""Mean, interquartile mean, optimality gap and score profiles of runs, with bootstrap intervals. Pure functions.

Definitions: Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical precipice",
arXiv 2108.13264. Intervals are percentile intervals of the stratified bootstrap, their ends stretched away from the
estimate to where Student's would lie (`resampling.py`): plain ones of five runs hold the truth 81 times in a hundred,
these 94 times (docs/statistics.md). What the interquartile mean is stretched by comes from what a run moves it by, to
first order the score cut off at the quartiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipa_gym.errors import OptionError
from ipa_gym.statistics.resampling import CONFIDENCE, N_RESAMPLES, Component, check_bootstrap, stretch
from ipa_gym.statistics.runs import Floats, Runs, combined, components, resampled_weights


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
    """A number and its interval; the bounds are NaN where nothing was drawn twice."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Share of runs that score above each threshold, with a band that is an interval point by point."""

    thresholds: Floats  # (n,), ascending
    fraction: Floats  # (n,)
    low: Floats  # (n,), NaN: no interval
    high: Floats


def interquartile_mean(values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The mean of the middle half.

    Exactly a quarter of the weight is cut off at each end. Where that falls within a value (a count that 4 does not
    divide), the value stays with the part of it that is inside: of 5 values the 2nd and the 4th count ¾ each. (rliable
    and `scipy.stats.trim_mean` cut off ⌊n / 4⌋ whole values instead, which trims three runs not at all.)

    Args:
        values: float64 (n,), at least one.
        weights: (n,), not negative, at least one positive; None: all alike.
    Raises: OptionError if there is no value.
    """
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    if numbers.size == 0:
        raise OptionError("interquartile mean of no value; expected at least one")
    shares = np.ones(numbers.size) if weights is None else np.asarray(weights, dtype=np.float64)
    return float(_interquartile_means(numbers, shares[None] / shares.sum())[0])


def mean_estimate(
    runs: Runs,
    *,
    rng: np.random.Generator,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
) -> IntervalEstimate:
    """The mean over tasks of their runs' mean.

    Args:
        rng: what is drawn from: an equal one gives an equal interval.
        bounds: between which a mean must lie, such as (0, 1) for one of wins; the interval ends there.
        confidence: of the interval, between 0 and 1.
        n_resamples: how many bootstrap means.
    Raises: OptionError for a confidence out of range.
    """
    check_bootstrap(confidence, n_resamples)
    found = _mean_intervals(runs, runs.values[:, None], rng, confidence, n_resamples)[:, 0]
    value, low, high = np.clip(found, *bounds).tolist()
    return IntervalEstimate(value, low, high)


def iqm_estimate(
    runs: Runs, *, rng: np.random.Generator, confidence: float = CONFIDENCE, n_resamples: int = N_RESAMPLES
) -> IntervalEstimate:
    """The interquartile mean over all runs of all tasks together; arguments as in `mean_estimate`."""
    check_bootstrap(confidence, n_resamples)
    value = float(_interquartile_means(runs.values, runs.weights[None])[0])
    parts = components(runs, np.clip(runs.values, *_quartiles(runs)))  # to first order, half the IQM is their mean
    if not parts:
        return IntervalEstimate(value, math.nan, math.nan)
    drawn = [_interquartile_means(runs.values, weights) for weights in resampled_weights(runs, rng, n_resamples)]
    low, high = _ends(np.concatenate(drawn)[:, None], np.array([value]), [parts], confidence)[:, 0].tolist()
    return IntervalEstimate(value, low, high)


def optimality_gap_estimate(
    runs: Runs,
    *,
    rng: np.random.Generator,
    target: float = 1.0,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
) -> IntervalEstimate:
    """How far scores fall short of a target in the mean; a score above it counts as no shortfall.

    Args: ``target``: γ of Agarwal et al.; else as in `mean_estimate`.
    """
    short = runs.with_values(np.maximum(0.0, target - runs.values))
    return mean_estimate(short, rng=rng, bounds=(0.0, math.inf), confidence=confidence, n_resamples=n_resamples)


def score_profile(
    runs: Runs,
    thresholds: ArrayLike,
    *,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
) -> Profile:
    """The performance profile: which share of runs scores above each threshold ("score distribution", their eq. 2).

    Args:
        thresholds: float64 (n,), any order.
        rng, confidence, n_resamples: as in `mean_estimate`.
    """
    check_bootstrap(confidence, n_resamples)
    at = np.unique(np.asarray(thresholds, dtype=np.float64))
    above = (runs.values[:, None] > at).astype(np.float64)
    fraction, low, high = np.clip(_mean_intervals(runs, above, rng, confidence, n_resamples), 0.0, 1.0)
    return Profile(at, fraction, low, high)


def _mean_intervals(
    runs: Runs, columns: Floats, rng: np.random.Generator, confidence: float, n_resamples: int
) -> Floats:
    """Weighted mean, lower and upper bound of each column (n_runs, k): (3, k); all columns meet the same resamples."""
    least, most = columns.min(axis=0), columns.max(axis=0)  # rounding must not lead a mean out of them
    found = np.full((3, columns.shape[1]), math.nan)
    found[0] = np.clip(runs.weights @ columns, least, most)
    parts = [components(runs, column) for column in columns.T]
    if parts[0]:
        fewer, means = combined(runs, columns)
        drawn = np.concatenate([weights @ means for weights in resampled_weights(fewer, rng, n_resamples)])
        found[1:] = _ends(np.clip(drawn, least, most), found[0], parts, confidence)
    return found


def _ends(drawn: Floats, values: Floats, parts: list[list[Component]], confidence: float) -> Floats:
    """The intervals (2, k) of k estimates from their bootstrap values (n_resamples, k)."""
    quantiles = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    stretched: Floats = values + np.array([stretch(of_one, confidence) for of_one in parts]) * (quantiles - values)
    return stretched


def _interquartile_means(values: Floats, weights: Floats) -> Floats:
    """Of each row of weights (k, n), which sum to 1: (k,)."""
    order = np.argsort(values, kind="stable")
    sorted_weights = weights[:, order]
    top = np.cumsum(sorted_weights, axis=1)
    inside = np.maximum(0.0, np.minimum(top, 0.75) - np.maximum(top - sorted_weights, 0.25))
    found: Floats = inside @ values[order] / inside.sum(axis=1)
    return found


def _quartiles(runs: Runs) -> tuple[float, float]:
    """The values at which a quarter of the weight lies below and above."""
    order = np.argsort(runs.values, kind="stable")
    top = np.cumsum(runs.weights[order])
    places: NDArray[np.intp] = np.searchsorted(top, [0.25, 0.75 - 1e-12])
    low, high = runs.values[order][np.minimum(places, order.size - 1)]
    return float(low), float(high)
