"""Compiled: labels, choices for the first stages with what they have reached, made layer by layer.

Labels of a layer (one more stage decided) lie side by side in the pool, in lexicographic order of their choices; a
label knows its parent and its option. Here they are made and bounded and the winner is taken; which of them go is
`dominance.py`.
"""

from __future__ import annotations

import math

from ipa_gym.compiling import compiled, inlined, whole
from ipa_gym.optimizer.price_bounds import bound_of
from ipa_gym.optimizer.problem import COST_TOLERANCE_CORES, PAS_TOLERANCE, SLA_TOLERANCE_S
from ipa_gym.optimizer.tables import (
    BASE,
    BATCH,
    COST,
    FACTOR,
    LATENCY,
    LOW,
    MEASURE,
    N_COLUMNS,
    PAS,
    PER_STEP,
    REST_S,
    UPPER,
    FloatArray,
    Weights,
    Work,
)

NO_ROOM = -1  # the pool is too small
NO_WINNER = -2  # no label is left: floats cannot hold the objective


@compiled
def tolerance(objective: float) -> float:
    """`problem.objective_tolerance`, compiled."""
    return max(1e-9, 1e-12 * abs(objective))


@compiled
def start_label(weights: Weights, pool: FloatArray) -> None:
    """Write the label of no stages at place 0."""
    for column in range(N_COLUMNS):
        pool[0, column] = 0.0
    pool[0, MEASURE] = 0.0 if weights.adds else 1.0
    pool[0, PAS] = 1.0
    pool[0, FACTOR] = 1.0


@compiled
def write_label(weights: Weights, work: Work, parent: int, row: int, target: int, upper: float) -> None:
    """What the parent has reached with one option more, summed and multiplied in the order of the stages."""
    pool, rows = work.pool, work.rows
    if weights.adds:
        pool[target, MEASURE] = pool[parent, MEASURE] + rows[row, MEASURE]
    else:
        pool[target, MEASURE] = pool[parent, MEASURE] * rows[row, MEASURE]
    pool[target, PAS] = pool[parent, PAS] * rows[row, PAS]
    pool[target, COST] = pool[parent, COST] + rows[row, COST]
    pool[target, BATCH] = pool[parent, BATCH] + rows[row, BATCH]
    pool[target, LATENCY] = pool[parent, LATENCY] + rows[row, LATENCY]
    pool[target, BASE] = pool[parent, BASE] + rows[row, BASE]
    pool[target, FACTOR] = pool[parent, FACTOR] * rows[row, FACTOR]
    pool[target, UPPER] = upper
    work.links[target, 0] = parent
    work.links[target, 1] = row


@compiled
def extend(
    weights: Weights, work: Work, stage: int, begin: int, end: int, floor: float, points: int, n_prices: int
) -> int:
    """Append the labels with ``stage`` decided too that meet the SLA and whose upper bound reaches ``floor``.

    Args:
        begin, end: the labels with the stages before decided.
        points, n_prices: of the bounds; no prices: nothing is bounded.
    Returns: end of the new labels, which begin at ``end``; or `NO_ROOM`.
    """
    pool, rows, first = work.pool, work.rows, work.first
    price, value = work.price[:n_prices], work.value[stage + 1, :points]
    low, per_step = work.per_stage[LOW, stage + 1], work.per_stage[PER_STEP, stage + 1]
    # the last stage compares with the SLA's tolerance exactly; before it, rounding of the sums gets some more
    slack_s = weights.sla_s + SLA_TOLERANCE_S
    limit_s = slack_s + SLA_TOLERANCE_S - work.per_stage[REST_S, stage + 1]
    count, number = end, whole(0)
    for parent in range(begin, end):
        if count + first[stage + 1] - first[stage] > len(pool):
            return NO_ROOM
        for row in range(first[stage], first[stage + 1]):
            latency_s = pool[parent, LATENCY] + rows[row, LATENCY]
            if latency_s > limit_s:
                continue
            upper = math.inf
            if n_prices > 0:
                base = pool[parent, BASE] + rows[row, BASE]
                where = max(0.0, (pool[parent, FACTOR] * rows[row, FACTOR] - low) * per_step)
                upper, number = bound_of(price, value, where, slack_s - latency_s, floor - base, number)
                upper += base
                if upper < floor:
                    continue
            write_label(weights, work, parent, row, count, upper)
            count += 1
    return count


@compiled
def best_label(weights: Weights, work: Work, begin: int, end: int) -> int:
    """Decide the last stage for all labels by the filters of `tie_break.best`.

    Returns: the winning label, its objective in its UPPER; or `NO_ROOM`; or `NO_WINNER`.
    """
    pool, rows, first = work.pool, work.rows, work.first
    stage = len(first) - 2
    limit_s = weights.sla_s + SLA_TOLERANCE_S
    top = floor = -math.inf
    count = end
    for collecting in range(2):
        for parent in range(begin, end):
            if count + first[stage + 1] - first[stage] > len(pool):
                return NO_ROOM
            for row in range(first[stage], first[stage + 1]):
                if pool[parent, LATENCY] + rows[row, LATENCY] > limit_s:
                    continue
                # as `Pipeline.objective_value` computes it
                if weights.adds:
                    measure = pool[parent, MEASURE] + rows[row, MEASURE]
                else:
                    measure = pool[parent, MEASURE] * rows[row, MEASURE]
                cost, batch = pool[parent, COST] + rows[row, COST], pool[parent, BATCH] + rows[row, BATCH]
                objective = weights.alpha * measure - weights.beta * cost - weights.delta * batch
                if collecting == 0:
                    top = max(top, objective)
                elif objective >= floor:
                    write_label(weights, work, parent, row, count, objective)
                    count += 1
        floor = top - tolerance(top)
    return _first_of_tied(pool, end, count) if count > end else NO_WINNER


@inlined
def _first_of_tied(pool: FloatArray, begin: int, end: int) -> int:
    """The winner among complete labels whose objectives are tied: in lexicographic order the first that is left."""
    top_pas, least_cost, least_batch = -math.inf, math.inf, math.inf
    for label in range(begin, end):
        top_pas = max(top_pas, pool[label, PAS])
    for label in range(begin, end):
        if pool[label, PAS] >= top_pas - PAS_TOLERANCE:
            least_cost = min(least_cost, pool[label, COST])
    best = begin
    for label in range(begin, end):
        kept = pool[label, PAS] >= top_pas - PAS_TOLERANCE and pool[label, COST] <= least_cost + COST_TOLERANCE_CORES
        if kept and pool[label, BATCH] < least_batch:
            best, least_batch = label, pool[label, BATCH]
    return best
