"""Compiled: upper bounds on what the undecided stages can add, with the SLA priced into the objective.

With a price mu >= 0 on latency the stages couple only through the product P of the factors decided so far. What stages
s, s + 1, ... can add is V_s(P) = max over the options of s of [base - mu · latency + V_{s+1}(P · factor)], V at the end
= alpha · P: convex and rising in P, so its values at grid points, joined by straight lines, bound it from above. Adding
mu · (SLA - latency so far) bounds the objective of every completion that meets the SLA (Lagrangian duality). rank_sum
adds up: there P stays 1 and one point is enough.
"""

from __future__ import annotations

import math

from ipa_gym.compiling import compiled, inlined, whole
from ipa_gym.optimizer.problem import SLA_TOLERANCE_S
from ipa_gym.optimizer.stage_rows import column_range
from ipa_gym.optimizer.tables import (
    BASE,
    FACTOR,
    HIGH,
    LATENCY,
    LOW,
    MOST,
    N_PRICES,
    PER_STEP,
    REST_S,
    FloatArray,
    Weights,
    Work,
)

_LADDER = (1.0, 0.75, 0.5, 0.25, 1.5, 3.0, 0.0)  # of the best price: labels with other accuracies have other best ones
_SEARCH_STEPS = 12  # evaluations in the search for the best price
_CLOSE = 0.02  # of the gap to the incumbent: the search for the price ends there


@compiled
def set_grid(work: Work, points: int) -> None:
    """Spread ``points`` grid points over the products from LOW to HIGH of each stage."""
    for stage in range(len(work.first)):
        width = work.per_stage[HIGH, stage] - work.per_stage[LOW, stage]
        work.per_stage[PER_STEP, stage] = (points - 1) / width if width > 0.0 else 0.0


@compiled
def fill_price(weights: Weights, work: Work, points: int, number: int) -> float:
    """V at price ``number`` and the latency behind it.

    Returns: the objective of the configuration that V leads to (`_dive`); -inf if that misses the SLA.
    """
    rows, first, price = work.rows, work.first, work.price[number]
    n_stages = len(first) - 1
    for point in range(points):
        per_step = work.per_stage[PER_STEP, n_stages]
        product = work.per_stage[LOW, n_stages] + (point / per_step if per_step > 0.0 else 0.0)
        work.value[n_stages, point, number] = weights.product_alpha * product
        work.behind[n_stages, point] = 0.0
    for stage in range(n_stages - 1, -1, -1):
        low, per_step = work.per_stage[LOW, stage], work.per_stage[PER_STEP, stage]
        next_low, next_per_step = work.per_stage[LOW, stage + 1], work.per_stage[PER_STEP, stage + 1]
        here, after, here_s, after_s = (
            work.value[stage],
            work.value[stage + 1],
            work.behind[stage],
            work.behind[stage + 1],
        )
        used = points if per_step > 0.0 else 1
        for point in range(used):
            product = low + (point / per_step if per_step > 0.0 else 0.0)
            best, best_s = -math.inf, 0.0
            for row in range(first[stage], first[stage + 1]):
                where = max(0.0, (product * rows[row, FACTOR] - next_low) * next_per_step)
                index = min(int(where), points - 2)
                part = where - index
                found = rows[row, BASE] - price * rows[row, LATENCY] + after[index, number]
                found += part * (after[index + 1, number] - after[index, number])
                if found > best:
                    best, best_s = (
                        found,
                        rows[row, LATENCY] + after_s[index] + part * (after_s[index + 1] - after_s[index]),
                    )
            here[point, number], here_s[point] = best, best_s
        for point in range(used, points):
            here[point, number], here_s[point] = here[0, number], here_s[0]
    return _dive(weights, work, points, number)


@inlined
def _dive(weights: Weights, work: Work, points: int, number: int) -> float:
    """Objective of the configuration that takes the best option in time at this price, stage by stage; else -inf."""
    rows, first, price = work.rows, work.first, work.price[number]
    product, latency_s, base = 1.0, 0.0, 0.0
    for stage in range(len(first) - 1):
        limit_s = weights.sla_s + SLA_TOLERANCE_S - work.per_stage[REST_S, stage + 1]
        low, per_step = work.per_stage[LOW, stage + 1], work.per_stage[PER_STEP, stage + 1]
        after = work.value[stage + 1]
        best, chosen = -math.inf, -1
        for row in range(first[stage], first[stage + 1]):
            if latency_s + rows[row, LATENCY] > limit_s:
                continue
            where = max(0.0, (product * rows[row, FACTOR] - low) * per_step)
            index = min(int(where), points - 2)
            found = rows[row, BASE] - price * rows[row, LATENCY] + after[index, number]
            found += (where - index) * (after[index + 1, number] - after[index, number])
            if found > best:
                best, chosen = found, row
        if chosen < 0:
            return -math.inf
        product *= rows[chosen, FACTOR]
        base += rows[chosen, BASE]
        latency_s += rows[chosen, LATENCY]
    return weights.product_alpha * product + base


@inlined
def best_price(weights: Weights, work: Work, points: int) -> tuple[float, float]:
    """The price that bounds the whole problem best, and the best objective met on the way.

    The root's bound is convex in the price: the lowest point of the tangents at a price that is too low (its choice
    misses the SLA) and one that is too high is tried next.
    Returns: price; objective of a feasible configuration (-inf if none was met).
    """
    limit_s = weights.sla_s + SLA_TOLERANCE_S
    incumbent = -math.inf
    best, bound = 0.0, math.inf
    low = low_bound = low_slope = high_bound = high_slope = price = 0.0
    high = math.inf
    for _ in range(_SEARCH_STEPS):
        work.price[0] = price
        incumbent = max(incumbent, fill_price(weights, work, points, whole(0)))
        found, slope = work.value[0, 0, 0] + price * limit_s, limit_s - work.behind[0, 0]
        if found < bound:
            best, bound = price, found
        if slope >= 0.0:
            high, high_bound, high_slope = price, found, slope
        else:
            low, low_bound, low_slope = price, found, slope
        if high == 0.0:
            break
        if high == math.inf:
            step = (low_bound - incumbent) / -low_slope if incumbent > -math.inf else low + 1.0
            price = max(2.0 * low, low + step, 1e-9)
            continue
        price = (low_bound - high_bound + high * high_slope - low * low_slope) / (high_slope - low_slope)
        floor = low_bound + (price - low) * low_slope
        if not low < price < high or bound - floor <= _CLOSE * (bound - incumbent):
            break
    return best, incumbent


@compiled
def fill_bounds(weights: Weights, work: Work, coarse_points: int, points: int, margin: float) -> tuple[int, float]:
    """Fill in the bounds at several prices.

    Returns: the number of prices; the objective of a feasible configuration (-inf if none was met).
    """
    low, high, n_stages = work.per_stage[LOW], work.per_stage[HIGH], len(work.first) - 1
    low[0] = high[0] = 1.0
    most_base = 0.0
    for stage in range(n_stages):
        least, most = column_range(work.rows[:, FACTOR], work.first[stage], work.first[stage + 1])
        low[stage + 1] = low[stage] * least
        high[stage + 1] = high[stage] * most
        most_base += column_range(work.rows[:, BASE], work.first[stage], work.first[stage + 1])[1]
    set_grid(work, coarse_points)
    price, incumbent = best_price(weights, work, coarse_points)
    if incumbent > -math.inf and weights.product_alpha > 0.0:
        for stage in range(1, n_stages + 1):  # smaller products cannot reach the incumbent: no need to bound them well
            reach = weights.product_alpha * work.per_stage[MOST, stage]
            if reach > 0.0:
                low[stage] = min(max(low[stage], (incumbent - margin - most_base) / reach), high[stage])
    set_grid(work, points)
    n_prices = N_PRICES if price > 0.0 else 1
    for number in range(n_prices):
        work.price[number] = _LADDER[number] * price
        incumbent = max(incumbent, fill_price(weights, work, points, number))
    return n_prices, incumbent


@compiled
def bound_rounding(weights: Weights, work: Work, n_prices: int) -> float:
    """How far rounding may put a bound too low: prices can be so high that objectives vanish beside mu · latency."""
    highest = 0.0
    for number in range(n_prices):
        highest = max(highest, work.price[number])
    return 1e-14 * len(work.first) * highest * weights.sla_s


@compiled
def bound_of(
    price: FloatArray, value: FloatArray, where: float, slack_s: float, enough: float, start: int
) -> tuple[float, int]:
    """Most that the undecided stages can add; stops early below ``enough``.

    Args:
        price: float64 (n_prices,).
        value: of the first undecided stage, float64 (points in use, N_PRICES).
        where: place of the product decided so far on the stage's grid, in points from its first.
        slack_s: SLA and its tolerance minus the latency decided so far.
        start: number of the price to begin with, the one that gave the bound last time.
    Returns: the bound and the number of the price that gave it.
    """
    index = min(int(where), len(value) - 2)
    part = where - index
    least, number = math.inf, start
    for _ in range(len(price)):
        here = value[index, number]
        found = here + part * (value[index + 1, number] - here) + price[number] * slack_s
        if found < least:
            least, start = found, number
            if least < enough:
                break
        number = number + 1 if number + 1 < len(price) else 0
    return least, start
