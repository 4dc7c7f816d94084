"""Compiled: one decision for each of many rates, by the label search over flat arrays.

Small problems are enumerated. Otherwise the price of latency gives bounds and a feasible objective, a beam a better
one, and labels that cannot win are dropped layer by layer. Nothing is remembered between decisions. Next: `planner.py`.
"""

from __future__ import annotations

import math

from ipa_gym.compiling import compiled, inlined, whole
from ipa_gym.optimizer.dominance import keep_most_promising, keep_undominated
from ipa_gym.optimizer.labels import NO_ROOM, NO_WINNER, best_label, extend, start_label, tolerance
from ipa_gym.optimizer.price_bounds import bound_rounding, fill_bounds
from ipa_gym.optimizer.stage_rows import (
    carrying_rows,
    column_range,
    factor_ranges,
    in_time_rows,
    most_capacity,
    undominated_rows,
)
from ipa_gym.optimizer.tables import (
    BASE,
    FACTOR,
    UPPER,
    BoolArray,
    Effort,
    FloatArray,
    IntArray,
    Tables,
    Weights,
    Work,
)


@compiled
def decide_rates(
    tables: Tables,
    effort: Effort,
    work: Work,
    rates_rps: FloatArray,
    chosen: IntArray,
    feasible: BoolArray,
    objective: FloatArray,
) -> int:
    """Decide for every rate.

    Args:
        rates_rps: float64 (n, n_stages), what each stage is to carry, finite and at least `MINIMUM_RATE_RPS`.
        chosen: int64 (n, n_stages, 3), out: variant index, batch in requests, replicas.
        feasible: bool (n,), out; where false the configuration with most capacity was taken.
        objective: float64 (n,), out; NaN where nothing is feasible.
    Returns: how many were decided: all, unless ``work`` had too little room for the next one; `NO_WINNER` if
        an objective is beyond what floats can compare (absurd weights).
    """
    for number in range(len(rates_rps)):
        feasible[number] = carrying_rows(tables, work, rates_rps[number]) and in_time_rows(tables.weights.sla_s, work)
        if not feasible[number]:
            most_capacity(tables, rates_rps[number], chosen[number])
            objective[number] = math.nan
            continue
        label = _search(tables.weights, effort, work)
        if label == NO_ROOM:
            return number
        if label == NO_WINNER:
            return NO_WINNER
        objective[number] = work.pool[label, UPPER]
        for stage in range(len(tables.fixed) - 1, -1, -1):
            for column in range(3):
                chosen[number, stage, column] = work.choices[work.links[label, 1], column]
            label = work.links[label, 0]
    return len(rates_rps)


@inlined
def _search(weights: Weights, effort: Effort, work: Work) -> int:
    """The winner among the options that are in time: its label, or `NO_ROOM`, or `NO_WINNER`."""
    factor_ranges(work)
    margin = _margin(weights, work)
    undominated_rows(weights, work, margin)
    n_stages = len(work.first) - 1
    combinations = 1.0
    for stage in range(n_stages):
        combinations *= work.first[stage + 1] - work.first[stage]
    floor, slack, points, n_prices = -math.inf, 0.0, 2, 0
    if combinations > effort.enumerate_up_to:
        factor_ranges(work)
        points = 2 if weights.adds else effort.points
        n_prices, incumbent = fill_bounds(weights, work, min(points, effort.coarse_points), points, margin)
        slack = margin + bound_rounding(weights, work, n_prices)
        floor = incumbent - slack
    begin = end = whole(0)
    for beam in range(0 if n_prices > 0 else 1, 2):  # first the beam, for a higher floor, then all labels
        start_label(weights, work.pool)
        begin, end = whole(0), whole(1)
        for stage in range(n_stages - 1):
            count = extend(weights, work, stage, begin, end, floor, points, n_prices)
            if count == NO_ROOM:
                return NO_ROOM
            if beam == 0:
                count = keep_most_promising(work, end, count, effort.beam)
            elif n_prices > 0:
                count = keep_undominated(weights, work, stage + 1, end, count, floor, margin, effort.reach)
            begin, end = end, count
        if beam == 0:
            label = best_label(weights, work, begin, end)
            if label == NO_ROOM:
                return NO_ROOM
            if label != NO_WINNER:
                floor = max(floor, work.pool[label, UPPER] - slack)
    return best_label(weights, work, begin, end)


@inlined
def _margin(weights: Weights, work: Work) -> float:
    """Twice the tie tolerance of the largest objective in size that the options allow: above tolerance and rounding."""
    scale, product = 0.0, weights.product_alpha
    for stage in range(len(work.first) - 1):
        begin, end = work.first[stage], work.first[stage + 1]
        least, most = column_range(work.rows[:, BASE], begin, end)
        scale += max(-least, most)
        product *= column_range(work.rows[:, FACTOR], begin, end)[1]
    return 2.0 * tolerance(scale + product)
