"""Compiled: the options of every stage at a rate, without those that cannot win, and the fallback.

The same rules as `options.py` and `capacity.py` in flat arrays, and one rule more: an option also goes if another one
is no slower and gives a better objective, by more than the tie tolerance, whatever the other stages choose.
"""

from __future__ import annotations

import math

import numpy as np

from ipa_gym.compiling import compiled, whole
from ipa_gym.optimizer.problem import CAPACITY_TOLERANCE, COST_TOLERANCE_CORES, SLA_TOLERANCE_S
from ipa_gym.optimizer.tables import (
    BASE,
    BATCH,
    COST,
    FACTOR,
    LATENCY,
    LEAST,
    MEASURE,
    MOST,
    PAS,
    PROFILE_CORES,
    PROFILE_LATENCY,
    PROFILE_MEASURE,
    PROFILE_PAS,
    PROFILE_THROUGHPUT,
    REST_S,
    FloatArray,
    IntArray,
    Tables,
    Weights,
    Work,
)


@compiled
def column_range(column: FloatArray, begin: int, end: int) -> tuple[float, float]:
    """Least and most of a column of rows from begin to end, at least one."""
    least = most = column[begin]
    for row in range(begin + 1, end):
        least = min(least, column[row])
        most = max(most, column[row])
    return least, most


@compiled
def exactly_dominates(rows: FloatArray, winner: int, loser: int) -> bool:
    """Whether a row is no worse in everything and ahead in the tie-break (the rule of `options.prune`).

    Rows are in lexicographic order, so the earlier of two that are equal in all else is ahead.
    """
    if (
        rows[winner, LATENCY] > rows[loser, LATENCY]
        or rows[winner, MEASURE] < rows[loser, MEASURE]
        or rows[winner, COST] > rows[loser, COST]
        or rows[winner, BATCH] > rows[loser, BATCH]
        or rows[winner, PAS] < rows[loser, PAS]
    ):
        return False
    return (
        winner < loser
        or rows[winner, BATCH] < rows[loser, BATCH]
        or rows[winner, COST] < rows[loser, COST] - COST_TOLERANCE_CORES
    )


@compiled
def carrying_rows(tables: Tables, work: Work, rates_rps: FloatArray) -> bool:
    """Fill in all options whose replicas carry the stage's rate, within the cap or as fixed; False if a stage has none.

    Args:
        rates_rps: float64 (n_stages,), at least `MINIMUM_RATE_RPS` each.
    """
    weights, rows, choices = tables.weights, work.rows, work.choices
    count = 0
    for stage in range(len(tables.fixed)):
        rate_rps = rates_rps[stage]
        work.first[stage] = count
        fixed = tables.fixed[stage]
        limit = float(fixed if fixed > 0 else tables.replica_cap)
        for source in range(tables.first[stage], tables.first[stage + 1]):
            needed = max(1.0, np.ceil(rate_rps / tables.profile[source, PROFILE_THROUGHPUT] - CAPACITY_TOLERANCE))
            if needed > limit:
                continue
            replicas = limit if fixed > 0 else needed
            batch = tables.choice[source, 1]
            measure = tables.profile[source, PROFILE_MEASURE]
            rows[count, MEASURE] = measure
            rows[count, PAS] = tables.profile[source, PROFILE_PAS]
            rows[count, COST] = replicas * tables.profile[source, PROFILE_CORES]
            rows[count, BATCH] = batch
            rows[count, LATENCY] = tables.profile[source, PROFILE_LATENCY] + (batch - 1) / rate_rps
            rows[count, BASE] = -weights.beta * rows[count, COST] - weights.delta * batch
            rows[count, FACTOR] = measure
            if weights.adds:
                rows[count, BASE] += weights.alpha * measure
                rows[count, FACTOR] = 1.0
            choices[count, 0] = tables.choice[source, 0]
            choices[count, 1] = batch
            choices[count, 2] = int(replicas)
            count += 1
        if count == work.first[stage]:
            return False
    work.first[len(tables.fixed)] = count
    return True


@compiled
def in_time_rows(sla_s: float, work: Work) -> bool:
    """Drop, in place, options too slow beside the fastest of all other stages; False if nothing meets the SLA."""
    rows, first, rest_s = work.rows, work.first, work.per_stage[REST_S]
    n_stages = len(first) - 1
    rest_s[n_stages] = total_s = 0.0
    for stage in range(n_stages):
        total_s += column_range(rows[:, LATENCY], first[stage], first[stage + 1])[0]
    for stage in range(n_stages - 1, -1, -1):
        rest_s[stage] = column_range(rows[:, LATENCY], first[stage], first[stage + 1])[0] + rest_s[stage + 1]
    if total_s > sla_s + SLA_TOLERANCE_S:
        return False
    begin = count = whole(0)
    for stage in range(n_stages):
        end = first[stage + 1]
        limit_s = sla_s - total_s + 2.0 * SLA_TOLERANCE_S + column_range(rows[:, LATENCY], begin, end)[0]
        first[stage] = count
        for row in range(begin, end):
            if rows[row, LATENCY] <= limit_s:
                move_row(rows, work.choices, row, count)
                count += 1
        begin = end
    first[n_stages] = count
    return True


@compiled
def move_row(floats: FloatArray, ints: IntArray, source: int, target: int) -> None:
    """Copy a row of both arrays to another place."""
    for column in range(floats.shape[1]):
        floats[target, column] = floats[source, column]
    for column in range(ints.shape[1]):
        ints[target, column] = ints[source, column]


@compiled
def factor_ranges(work: Work) -> None:
    """Fill in what the factors from each stage on multiply to, least and most."""
    least, most = work.per_stage[LEAST], work.per_stage[MOST]
    n_stages = len(work.first) - 1
    least[n_stages] = most[n_stages] = 1.0
    for stage in range(n_stages - 1, -1, -1):
        low, high = column_range(work.rows[:, FACTOR], work.first[stage], work.first[stage + 1])
        least[stage] = least[stage + 1] * low
        most[stage] = most[stage + 1] * high


@compiled
def undominated_rows(weights: Weights, work: Work, margin: float) -> None:
    """Drop, in place, options that another of the same stage beats in every configuration.

    Args:
        margin: objective by which a strictly better option must lead, above all tolerances and rounding.
    """
    rows, first, gone = work.rows, work.first, work.ints[0]
    low, high = work.floats[0], work.floats[1]  # objective where the other stages multiply to least and most
    least_before = most_before = weights.product_alpha
    begin = count = whole(0)
    for stage in range(len(first) - 1):
        end = first[stage + 1]
        for row in range(begin, end):
            low[row] = rows[row, BASE] + least_before * work.per_stage[LEAST, stage + 1] * rows[row, FACTOR]
            high[row] = rows[row, BASE] + most_before * work.per_stage[MOST, stage + 1] * rows[row, FACTOR]
            gone[row] = 0
        for loser in range(begin, end):
            for winner in range(begin, end):
                if gone[winner] != 0 or rows[winner, LATENCY] > rows[loser, LATENCY]:
                    continue
                strictly = low[winner] > low[loser] + margin and high[winner] > high[loser] + margin
                if strictly or exactly_dominates(rows, winner, loser):
                    gone[loser] = 1
                    break
        least_here, most_here = column_range(rows[:, FACTOR], begin, end)
        least_before *= least_here
        most_before *= most_here
        first[stage] = count
        for row in range(begin, end):
            if gone[row] == 0:
                move_row(rows, work.choices, row, count)
                count += 1
        begin = end
    first[len(first) - 1] = count


@compiled
def most_capacity(tables: Tables, rates_rps: FloatArray, chosen: IntArray) -> None:
    """`capacity.largest_capacity`, compiled, for these rates, into int64 (n_stages, 3): variant, batch, replicas."""
    for stage in range(len(tables.fixed)):
        rate_rps = rates_rps[stage]
        fixed = float(tables.fixed[stage])
        best = (math.inf, 0.0, 0.0, 0.0, 0.0)
        for row in range(tables.first[stage], tables.first[stage + 1]):
            throughput_rps, batch = tables.profile[row, PROFILE_THROUGHPUT], tables.choice[row, 1]
            needed = max(1.0, np.ceil(rate_rps / throughput_rps - CAPACITY_TOLERANCE))
            replicas = fixed if fixed > 0.0 else min(needed, float(tables.replica_cap))
            carried_rps = rate_rps if replicas >= needed else replicas * throughput_rps
            latency_s = tables.profile[row, PROFILE_LATENCY] + (batch - 1) / rate_rps
            cost = replicas * tables.profile[row, PROFILE_CORES]
            key = (-carried_rps, latency_s, cost, -tables.profile[row, PROFILE_PAS], float(batch))
            if key < best:  # in ascending order of the variant's index, the last resort
                best = key
                chosen[stage, 0] = tables.choice[row, 0]
                chosen[stage, 1] = batch
                chosen[stage, 2] = int(replicas)
