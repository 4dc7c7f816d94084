"""Quantiles with linear interpolation (numpy's default), compiled and in place: linear time, no allocation."""

from __future__ import annotations

import numpy as np

from ipa_gym.queueing.compiled import compiled


@compiled
def _select(values, size, rank):
    """Reorder ``values[:size]`` so that place ``rank`` holds the value of that rank, nothing larger before it."""
    low, high = 0, size - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            return


@compiled
def quantile_in_place(values, size, fraction):
    """Quantile ``fraction`` of ``values[:size]`` (float64, reordered); NaN if ``size`` is 0.

    The value at rank fraction · (size − 1) counted from 0, linear between neighbours: `numpy.quantile`'s default.
    """
    if size == 0:
        return np.nan
    position = fraction * (size - 1)
    rank = int(position)
    _select(values, size, rank)
    below = values[rank]
    if rank + 1 >= size:
        return below
    above = values[rank + 1]
    for place in range(rank + 2, size):
        above = min(above, values[place])
    return below + (position - rank) * (above - below)
