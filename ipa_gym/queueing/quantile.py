"""Quantiles with linear interpolation (numpy's default), compiled and in place: linear time, no allocation.

Loads are random, so a branch on a comparison is mispredicted half of the time, which costs more than the comparison.
Selection therefore moves its values without branches, and high quantiles come from a scan that keeps the largest: up to
four of them without branches, more with one that is rarely taken.
"""

from __future__ import annotations

import numpy as np

from ipa_gym.compiling import compiled

_ZERO, _ONE, _TWO, _THREE, _FOUR = (np.uint64(number) for number in range(5))
MOST_KEPT = 32  # largest values that a scan keeps; beyond it selection is faster


@compiled
def _select(values, first, end, rank):
    """Reorder ``values[first:end]`` so that place ``rank`` holds the value of that rank, nothing larger before it."""
    low, high = first, end
    while high - low > _ONE:
        one, two, three = values[low], values[(low + high) >> _ONE], values[high - _ONE]
        pivot = max(min(one, two), min(max(one, two), three))
        middle = low
        for place in range(low, high):  # those below the pivot go to the front
            value = values[place]
            values[place] = values[middle]
            values[middle] = value
            middle += np.uint64(value < pivot)
        if rank < middle:
            high = middle
            continue
        for place in range(middle, high):  # then those equal to it
            value = values[place]
            values[place] = values[middle]
            values[middle] = value
            middle += np.uint64(value <= pivot)
        if rank < middle:
            return
        low = middle


@compiled
def _keep_largest(values, first, end, count, kept):
    """Write the ``count`` largest of ``values[first:end]`` to ``kept``, in ascending order; values stay as they are."""
    for place in range(count):
        value, back = values[first + place], np.uint64(place)
        while back > _ZERO and kept[back - _ONE] > value:
            kept[back] = kept[back - _ONE]
            back -= _ONE
        kept[back] = value
    for place in range(first + count, end):
        value = values[place]
        if value > kept[0]:
            back = _ZERO
            while back + _ONE < count and kept[back + _ONE] < value:
                kept[back] = kept[back + _ONE]
                back += _ONE
            kept[back] = value


@compiled
def _largest_four(values, end, count):
    """The ``count``-th largest, 4 at most, of ``values[:end]``, and the one above it (infinity if it is the largest).

    Without branches: in a queue's sojourns, which rise and fall slowly, new maxima come too often to be predicted.
    """
    fourth = third = second = largest = -np.inf
    for place in range(end):
        value = values[place]
        value, largest = min(value, largest), max(value, largest)
        value, second = min(value, second), max(value, second)
        value, third = min(value, third), max(value, third)
        fourth = max(value, fourth)
    if count > _TWO:
        return (third, second) if count == _THREE else (fourth, third)
    return (second, largest) if count == _TWO else (largest, np.inf)


@compiled
def _position(size, fraction):
    """Rank below a quantile, counted from 0, and how far it lies towards the next."""
    position = fraction * (np.float64(size) - 1.0)
    rank = np.uint64(position)
    return rank, position - np.float64(rank)


@compiled
def _between(below, above, weight):
    return below + weight * (above - below)


@compiled
def _quantile_from(values, first, size, fraction, kept):
    """Quantile of ``values[:size]``, of which the smallest stand before ``first``, not beyond the quantile's rank."""
    rank, weight = _position(size, fraction)
    count = size - rank
    if first == _ZERO and count <= _FOUR:
        below, above = _largest_four(values, size, count)
        return _between(below, above, weight) if count > _ONE else below
    if count <= np.uint64(MOST_KEPT):
        _keep_largest(values, first, size, count, kept)
        return _between(kept[0], kept[1], weight) if count > _ONE else kept[0]
    _select(values, first, size, rank)
    above = values[rank + _ONE]
    for place in range(rank + np.uint64(2), size):
        above = min(above, values[place])
    return _between(values[rank], above, weight)


@compiled
def quantile_in_place(values, size, fraction, kept):
    """Quantile ``fraction`` of ``values[:size]`` (float64, reordered); NaN if ``size`` (uint64) is 0.

    The value at rank fraction · (size − 1) counted from 0, linear between neighbours: `numpy.quantile`'s default.
    ``kept`` is working space for `MOST_KEPT` numbers.
    """
    return _quantile_from(values, _ZERO, size, fraction, kept) if size > _ZERO else np.nan


@compiled
def latency_quantiles(values, size, kept):
    """The 0.5, 0.95 and 0.99 quantiles of ``values[:size]``, as `quantile_in_place` gives them one by one."""
    if size == _ZERO:
        return np.nan, np.nan, np.nan
    middle, _ = _position(size, 0.5)
    high, weight = _position(size, 0.95)
    highest, weight_99 = _position(size, 0.99)
    count = size - high
    if count > np.uint64(MOST_KEPT):
        half = _quantile_from(values, _ZERO, size, 0.5, kept)
        p95 = _quantile_from(values, middle, size, 0.95, kept)
        return half, p95, _quantile_from(values, high, size, 0.99, kept)
    _keep_largest(values, _ZERO, size, count, kept)  # one scan for both of the high ones
    p95 = _between(kept[0], kept[1], weight) if count > _ONE else kept[0]
    at = highest - high
    p99 = _between(kept[at], kept[at + _ONE], weight_99) if at + _ONE < count else kept[at]
    return _quantile_from(values, _ZERO, size, 0.5, kept), p95, p99
