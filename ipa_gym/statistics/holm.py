"""Holm's correction: p-values of several hypotheses that may be read at one level. A pure function."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipa_gym.errors import OptionError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Step-down adjusted p-values (Holm 1979): rejecting those up to α makes any false one with probability α at most.

    In ascending order the k-th of n is multiplied by n − k + 1, raised to the one before if that is larger, and cut off
    at 1. Holds whatever the hypotheses have to do with each other.

    Args:
        p_values: float64 (n,); NaN: a hypothesis that was not tested, and does not count.
    Returns: float64 (n,) in the order given, NaN where there was none.
    Raises: OptionError for a value outside 0 to 1.
    """
    found = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(found))
    if found.ndim != 1 or ((found[tested] < 0) | (found[tested] > 1)).any():
        raise OptionError(f"p-values are {found.tolist()}; expected a list of numbers from 0 to 1")
    adjusted = np.full(found.size, np.nan)
    order = tested[np.argsort(found[tested], kind="stable")]
    raised = np.maximum.accumulate(found[order] * np.arange(order.size, 0, -1))
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
