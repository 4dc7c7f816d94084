"""Is one better than the other, on the same random numbers? Wins, and tests of a mean difference. Pure functions.

Policies that have met the same arrivals are compared run by run: what makes a run hard for both cancels. Two tests of
"the mean difference is zero": `sign_flip_p` assumes no distribution, but n differences cannot reach a p-value under
2^(1 − n); `student_p` can, goes with the bootstrap's intervals, and takes several draws (traffic and training seeds).
Next: `holm.py`, for several of them at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipa_gym.errors import OptionError
from ipa_gym.statistics.aggregates import IntervalEstimate, mean_estimate
from ipa_gym.statistics.resampling import CONFIDENCE, N_RESAMPLES, student_error
from ipa_gym.statistics.runs import Draw, Floats, Runs, components

N_EXACT = 20  # differences up to which all 2^n signs are tried
N_FLIPS = 9_999  # draws of signs beyond
_CLOSE = 1e-9  # sums that differ by less, relative to the largest, count as equal


def wins(candidate: ArrayLike, baseline: ArrayLike) -> Floats:
    """1 where the candidate has more, ½ where both have the same, else 0; the two broadcast."""
    ours, theirs = np.asarray(candidate, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    won: Floats = (ours > theirs) + 0.5 * (ours == theirs)
    return won


def probability_of_improvement(
    candidate: ArrayLike,
    baseline: ArrayLike,
    *,
    rng: np.random.Generator,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
) -> IntervalEstimate:
    """P(X > Y) of independent runs, averaged over tasks, as Agarwal et al. (arXiv 2108.13264) define it.

    Every run of the candidate on a task is held against every run of the baseline on it (Mann and Whitney's U over the
    number of pairs; ties count half). Both are resampled, each within its tasks. For runs on the same random numbers
    compare pairs instead: `mean_estimate` of runs whose values are `wins(x, y)`.

    Args:
        candidate: float64 (n_runs, n_tasks), none NaN.
        baseline: float64 (m_runs, n_tasks), none NaN.
        rng, confidence, n_resamples: as in `mean_estimate`.
    Raises: OptionError if the tables differ in their tasks or are empty.
    """
    ours, theirs = np.asarray(candidate, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1]:
        raise OptionError(f"the scores have shapes {ours.shape} and {theirs.shape}; expected (n_runs, n_tasks) of both")
    won = wins(ours[:, None, :], theirs[None, :, :])
    our_run, their_run, task = (index.reshape(-1) for index in np.indices(won.shape))
    draws = (Draw.of_labels(our_run, task), Draw.of_labels(their_run, task))
    runs = Runs.of_tasks(won.reshape(-1), task, draws)
    return mean_estimate(runs, rng=rng, bounds=(0.0, 1.0), confidence=confidence, n_resamples=n_resamples)


def smallest_sign_flip_p(n_differences: int) -> float:
    """The smallest p-value that n differences can have: 2 of 2^n signs."""
    return min(1.0, 2.0 ** (1 - n_differences))


def sign_flip_p(differences: ArrayLike, *, rng: np.random.Generator, n_flips: int = N_FLIPS) -> float:
    """Two-sided p-value of the hypothesis that each difference is as likely to be its negative (Fisher 1935).

    The share of all ways to sign the differences whose sum is at least as far from zero as the one found. All 2^n are
    tried for up to 20 differences; beyond, (1 + drawn ones as far out) / (1 + drawn), which keeps the level (Phipson
    and Smyth 2010, doi:10.2202/1544-6115.1585).

    Args:
        differences: float64 (n,), of independent pairs, weighted where pairs weigh differently.
        rng: for more than 20 differences.
        n_flips: how many signs to draw then.
    Raises: OptionError if there is no difference or one is not finite.
    """
    numbers = np.asarray(differences, dtype=np.float64).reshape(-1)
    if numbers.size == 0 or not np.isfinite(numbers).all() or n_flips < 1:
        raise OptionError(
            f"{numbers.size} differences, {n_flips} flips; expected at least one finite one, and at least one flip"
        )
    least = abs(numbers.sum()) - _CLOSE * np.abs(numbers).sum()
    if numbers.size <= N_EXACT:
        return float((np.abs(_signed_sums(numbers)) >= least).mean())
    signs = 2.0 * rng.integers(2, size=(n_flips, numbers.size), dtype=np.int8) - 1
    return float((1 + (np.abs(signs @ numbers) >= least).sum()) / (1 + n_flips))


def student_p(runs: Runs) -> float:
    """Two-sided p-value of the hypothesis that the weighted mean of the runs is zero, by Student's t.

    Standard error and degrees of freedom are those behind the bootstrap interval: the variance that each stratum of
    each draw brings, made unbiased, and Satterthwaite's rule. With one draw and one stratum this is the paired t-test.
    Returns: NaN where nothing was drawn twice.
    """
    from scipy.special import stdtr

    error, freedom = student_error(components(runs))
    mean = float(runs.weights @ runs.values)
    if math.isnan(error):
        return math.nan
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(mean) / error))


def _signed_sums(numbers: Floats) -> NDArray[np.float64]:
    """The sums of all 2^(n − 1) ways to sign n numbers, the first one's sign held: the others are their negatives."""
    sums = numbers[:1]
    for number in numbers[1:]:
        sums = np.concatenate([sums + number, sums - number])
    return sums
