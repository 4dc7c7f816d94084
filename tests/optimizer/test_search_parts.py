"""Parts of the compiled search on their own: the sort, and bounds that no configuration may exceed."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.optimizer.brute_force import solve_brute_force
from ipa_gym.optimizer.dominance import ascending
from ipa_gym.optimizer.labels import tolerance
from ipa_gym.optimizer.price_bounds import fill_bounds
from ipa_gym.optimizer.problem import objective_tolerance
from ipa_gym.optimizer.stage_rows import carrying_rows, factor_ranges, in_time_rows
from ipa_gym.optimizer.tables import Effort, make_tables, make_work
from tests.optimizer.optimizer_instances import random_problem


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1001])
def test_sort_orders_any_keys(count: int) -> None:
    rng = np.random.default_rng(count)
    clustered = np.concatenate(([1e9], rng.random(count)))[:count]  # all but one fall into one bucket
    for keys in (rng.random(count), clustered, rng.integers(0, 4, count).astype(float), np.ones(count), -clustered):
        ints = np.empty((3, count + 1), dtype=np.int64)
        order = ints[ascending(keys, count, ints)][:count].copy()
        assert sorted(order.tolist()) == list(range(count))
        assert np.array_equal(keys[order], np.sort(keys))


def test_sort_stands_keys_so_close_that_their_buckets_overflow() -> None:
    keys = np.array([5e-324, 0.0, 5e-324, 1e-323])
    ints = np.empty((3, 5), dtype=np.int64)
    assert keys[ints[ascending(keys, 4, ints)][:4]].tolist() == [0.0, 5e-324, 5e-324, 1e-323]


@pytest.mark.parametrize("objective", [0.0, -200.0, 1e3, 1e6, -1e9])
def test_compiled_tolerance_is_the_shared_one(objective: float) -> None:
    assert tolerance(objective) == objective_tolerance(objective)


@pytest.mark.parametrize("points", [2, 5, 24])
def test_bounds_lie_above_the_optimum_and_the_incumbent_below(points: int) -> None:
    checked = close = 0
    for seed in range(400):
        problem = random_problem(np.random.default_rng(seed), largest=(3, 3, 3), caps=6)
        best = solve_brute_force(problem)
        if not best.feasible:
            continue
        tables = make_tables(problem)
        work = make_work(tables, Effort(points=points), 1)
        assert carrying_rows(tables, work, np.full(len(tables.fixed), problem.planned_rate_rps))
        assert in_time_rows(tables.weights.sla_s, work)
        factor_ranges(work)
        n_prices, incumbent = fill_bounds(tables.weights, work, 2, points, 1e-6)
        bounds = work.value[0, 0, :n_prices] + work.price[:n_prices] * problem.pipeline.sla_s
        assert incumbent <= best.objective + 1e-9, f"seed {seed}"
        assert bounds.min() >= best.objective - 1e-7, f"seed {seed}"
        checked += 1
        close += bounds.min() - incumbent < 0.1 * (1.0 + abs(best.objective))
    assert checked > 200
    assert close > checked / 2  # bounds of infinity would pass the rest
