"""What every bootstrap here shares: drawing things with replacement, and how far out its intervals must reach.

Percentiles of few resampled things are too narrow by √((n − 1) / n) and by the normal quantile in place of Student's
(Hesterberg 2015, doi:10.1080/00031305.2015.1089789); where several things are drawn, the degrees of freedom are
Satterthwaite's (1946, doi:10.2307/3002019). Two ways to make up for both: `expanded_tail` reads percentiles further
out, which five things or more have; `stretch` moves the usual ones away from the estimate, which two will do for.
Next: `bootstrap.py` for tables, `runs.py` for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError

N_RESAMPLES = 10_000
CONFIDENCE = 0.95
Component = tuple[float, int]  # (variance of the estimate as the bootstrap sees it, number of things drawn)


def check_bootstrap(confidence: float, n_resamples: int) -> None:
    """Raises: OptionError if the confidence is not between 0 and 1, or there is no resample."""
    if not 0 < confidence < 1 or n_resamples < 1:
        raise OptionError(
            f"confidence is {confidence}, n_resamples {n_resamples}; expected a number between 0 and 1, and at least 1"
        )


def draw_counts(n: int, rng: np.random.Generator, n_resamples: int) -> NDArray[np.float64]:
    """How often each of n things is drawn in n draws with replacement: float64 (n_resamples, n)."""
    if n == 1:
        return np.ones((n_resamples, 1))
    drawn = rng.integers(n, size=(n_resamples, n)) + n * np.arange(n_resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * n_resamples).reshape(n_resamples, n).astype(np.float64)


def student_error(components: Sequence[Component]) -> tuple[float, float]:
    """Standard error of an estimate and its degrees of freedom.

    Each component is made unbiased, n / (n − 1), and they are added; Satterthwaite's degrees of freedom are
    (Σ v)² / Σ v² / (n − 1).
    Returns: (standard error, degrees of freedom); (0, inf) where nothing varies; (NaN, NaN) without components.
    """
    if not components:
        return math.nan, math.nan
    unbiased = [(variance * n / (n - 1), n) for variance, n in components]
    total = sum(variance for variance, _ in unbiased)
    if total == 0:
        return 0.0, math.inf
    return math.sqrt(total), total**2 / sum(variance**2 / (n - 1) for variance, n in unbiased)


def expanded_tail(components: Sequence[Component], confidence: float) -> float:
    """The share of bootstrap values to leave out at each end, for the coverage of a Student interval."""
    from scipy.special import ndtr

    return float(ndtr(-_reach(components, confidence)))


def stretch(components: Sequence[Component], confidence: float) -> float:
    """How many times further from the estimate than a percentile interval's an interval's ends must lie."""
    from scipy.special import ndtri

    return float(_reach(components, confidence) / ndtri((1 + confidence) / 2))


def _reach(components: Sequence[Component], confidence: float) -> float:
    """Half the width of a Student interval, in standard deviations of the bootstrap's values."""
    from scipy.special import ndtri, stdtrit

    error, freedom = student_error(components)
    seen = sum(variance for variance, _ in components)
    if seen == 0:
        return float(ndtri((1 + confidence) / 2))
    return float(stdtrit(freedom, (1 + confidence) / 2) * error / math.sqrt(seen))
