"""Compiled: which labels of a layer another one beats whatever follows, and which are the most promising.

Two rules. Strict: another label is no slower and its objective leads by more than the tie tolerance whatever the rest
multiplies the products to; found for all labels by a sweep in the order of latency. Tied: another label is no worse in
everything and ahead in the tie-break (`stage_rows.exactly_dominates`); only neighbours are compared, since leaving a
label in costs time and never changes the result.
"""

from __future__ import annotations

import math

from ipa_gym.compiling import compiled, inlined, whole
from ipa_gym.optimizer.stage_rows import column_range, exactly_dominates, move_row
from ipa_gym.optimizer.tables import (
    BASE,
    FACTOR,
    LATENCY,
    LEAST,
    MOST,
    N_COLUMNS,
    UPPER,
    FloatArray,
    IntArray,
    Weights,
    Work,
)


@compiled
def ascending(keys: FloatArray, count: int, ints: IntArray) -> int:
    """Sort indices by key: spread over buckets, which nearly sorts them, then a merge sort that skips what is sorted.

    Args:
        keys: float64, the first ``count`` are used.
        ints: int64 (3 or more, count + 1), scratch and out.
    Returns: the row of ``ints``, 0 or 1, whose first ``count`` entries are the indices by ascending key.
    """
    if count == 0:
        return 0
    least = most = keys[0]
    for index in range(1, count):
        least, most = min(least, keys[index]), max(most, keys[index])
    per_key = (count - 1) / (most - least) if most > least else 0.0
    if not per_key < math.inf:
        per_key = 0.0
    ends = ints[2]
    for bucket in range(count + 1):
        ends[bucket] = 0
    for index in range(count):
        ends[min(int((keys[index] - least) * per_key), count - 1) + 1] += 1
    for bucket in range(count):
        ends[bucket + 1] += ends[bucket]
    for index in range(count):
        bucket = min(int((keys[index] - least) * per_key), count - 1)
        ints[0, ends[bucket]] = index
        ends[bucket] += 1
    source, width = 0, 1
    while width < count:
        order, merged = ints[source], ints[1 - source]
        for begin in range(0, count, 2 * width):
            middle, end = min(begin + width, count), min(begin + 2 * width, count)
            sorted_already = middle >= end or keys[order[middle - 1]] <= keys[order[middle]]
            left, right = begin, middle
            for target in range(begin, end):
                if sorted_already:
                    merged[target] = order[target]
                elif right >= end or (left < middle and keys[order[left]] <= keys[order[right]]):
                    merged[target] = order[left]
                    left += 1
                else:
                    merged[target] = order[right]
                    right += 1
        source, width = 1 - source, 2 * width
    return source


@inlined
def _mark_strict(work: Work, count: int, margin: float) -> None:
    """Mark in ints[3] the labels that a no slower one beats by more than the margin for the least and the most rest.

    floats[0]: latency; floats[1], [2]: objective at the least and the most that the rest multiplies to.
    """
    low, high = work.floats[1], work.floats[2]
    front_low, front_high = work.floats[3], work.floats[4]  # of the labels before; high falls and low rises
    gone, order = work.ints[3], work.ints[ascending(work.floats[0], count, work.ints)]
    size = 0
    for position in range(count):
        label = order[position]
        begin, end = 0, size
        while begin < end:  # how many have a high that leads by more than the margin
            middle = (begin + end) // 2
            if front_high[middle] > high[label] + margin:
                begin = middle + 1
            else:
                end = middle
        gone[label] = 1 if begin > 0 and front_low[begin - 1] > low[label] + margin else 0
        while begin < size and front_high[begin] >= high[label]:
            begin += 1
        if gone[label] == 1 or (begin > 0 and front_low[begin - 1] >= low[label]):
            continue  # beats nothing that the front does not
        end = begin
        while end < size and front_low[end] <= low[label]:
            end += 1
        if end == begin:
            for place in range(size, begin, -1):
                front_low[place], front_high[place] = front_low[place - 1], front_high[place - 1]
        else:
            for place in range(end, size):
                front_low[place + begin + 1 - end] = front_low[place]
                front_high[place + begin + 1 - end] = front_high[place]
        size += begin + 1 - end
        front_low[begin], front_high[begin] = low[label], high[label]


@inlined
def _mark_tied(work: Work, begin: int, count: int, margin: float, reach: int) -> None:
    """Mark in ints[3] the labels that a neighbour in objective beats in the tie-break alone."""
    gone, high, keys = work.ints[3], work.floats[2], work.floats[0]
    n_left = whole(0)
    for label in range(count):
        if gone[label] == 0:
            keys[n_left] = high[label]
            work.floats[1, n_left] = label
            n_left += 1
    order = work.ints[ascending(keys, n_left, work.ints)]
    for position in range(n_left):
        loser = int(work.floats[1, order[position]])
        for other in range(max(0, position - reach), min(n_left, position + reach + 1)):
            winner = int(work.floats[1, order[other]])
            if other == position or gone[winner] == 1 or abs(high[winner] - high[loser]) > margin:
                continue
            if exactly_dominates(work.pool, begin + winner, begin + loser):
                gone[loser] = 1
                break


@compiled
def keep_undominated(
    weights: Weights, work: Work, stage: int, begin: int, end: int, floor: float, margin: float, reach: int
) -> int:
    """Drop dominated labels in place, order kept; returns the new end.

    Args:
        stage: the first undecided one.
        floor: objective that a configuration must reach to win; the rest must multiply to enough for it.
        reach: neighbours compared for ties.
    """
    pool, first, count = work.pool, work.first, end - begin
    alpha = weights.product_alpha
    most_base = 0.0
    for later in range(stage, len(first) - 1):
        most_base += column_range(work.rows[:, BASE], first[later], first[later + 1])[1]
    needed = math.inf if alpha > 0.0 else 0.0
    for label in range(begin, end):
        gap = max(0.0, floor - most_base - pool[label, BASE])
        if gap < needed * alpha * pool[label, FACTOR]:
            needed = gap / (alpha * pool[label, FACTOR])
    most = work.per_stage[MOST, stage]
    least = min(max(work.per_stage[LEAST, stage], needed), most)
    for label in range(count):
        product = alpha * pool[begin + label, FACTOR]
        work.floats[0, label] = pool[begin + label, LATENCY]
        work.floats[1, label] = pool[begin + label, BASE] + product * least
        work.floats[2, label] = pool[begin + label, BASE] + product * most
    _mark_strict(work, count, margin)
    _mark_tied(work, begin, count, margin, reach)
    target = begin
    for label in range(count):
        if work.ints[3, label] == 0:
            move_row(pool, work.links, begin + label, target)
            target += 1
    return target


@compiled
def keep_most_promising(work: Work, begin: int, end: int, count: int) -> int:
    """Keep the labels of highest upper bound, in place, order kept; returns the new end."""
    if end - begin <= count:
        return end
    keys = work.floats[0]
    for label in range(begin, end):
        keys[label - begin] = -work.pool[label, UPPER]
    order = work.ints[ascending(keys, end - begin, work.ints)]
    limit = -keys[order[count - 1]]
    target = begin
    for label in range(begin, end):
        if work.pool[label, UPPER] >= limit and target < begin + count:
            for column in range(N_COLUMNS):
                work.pool[target, column] = work.pool[label, column]
            target += 1
    return target
