"""The Pareto search against brute force on random instances, with and without its bounds, and laws it must obey."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.optimizer import exact_solver
from ipa_gym.optimizer.brute_force import solve_brute_force
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from tests.optimizer.optimizer_instances import random_problem, synthetic_problem


def assert_same_decision(problem: Problem, *, seed: int) -> bool:
    """Compare with brute force; True if the problem was feasible."""
    found, expected = solve_exact(problem), solve_brute_force(problem)
    assert found.feasible == expected.feasible, f"seed {seed}"
    assert found.configuration == expected.configuration, f"seed {seed}"
    if expected.feasible:
        assert found.objective == expected.objective, f"seed {seed}"
    return expected.feasible


def test_search_equals_brute_force_on_thousands_of_small_instances() -> None:
    feasible = sum(
        assert_same_decision(random_problem(np.random.default_rng(seed), largest=(3, 3, 2), caps=6), seed=seed)
        for seed in range(3000)
    )
    assert 1200 < feasible < 2700  # both kinds are met


def test_bounds_and_dominance_keep_the_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small instances take the large ones' way: dual bounds, beam and dominance, with few pivots and labels."""
    monkeypatch.setattr(exact_solver, "_ENUMERATE_UP_TO", 0)
    monkeypatch.setattr(exact_solver, "_BEAM_LABELS", 2)
    monkeypatch.setattr(exact_solver, "_PIVOTS", 3)
    feasible = sum(
        assert_same_decision(random_problem(np.random.default_rng(seed), largest=(4, 3, 2), caps=3), seed=seed)
        for seed in range(10_000, 11_500)
    )
    assert feasible > 500


@pytest.mark.parametrize("measure", ["product", "rank_sum", "rank_product"])
def test_bounded_search_equals_enumeration_on_medium_instances(monkeypatch: pytest.MonkeyPatch, measure: str) -> None:
    problems = [
        synthetic_problem(
            np.random.default_rng(seed), n_stages=4, n_variants=4, n_batches=3, measure=measure, sla_factor=1.0
        )
        for seed in range(15)
    ]
    monkeypatch.setattr(exact_solver, "_ENUMERATE_UP_TO", 10**9)
    enumerated = [solve_exact(problem) for problem in problems]
    monkeypatch.setattr(exact_solver, "_ENUMERATE_UP_TO", 0)
    assert all(solution.feasible for solution in enumerated)
    assert [solve_exact(problem).configuration for problem in problems] == [s.configuration for s in enumerated]


@pytest.mark.parametrize("measure", ["product", "rank_sum", "rank_product"])
def test_ten_stages_of_ten_variants_take_seconds_at_most(measure: str) -> None:
    problem = synthetic_problem(
        np.random.default_rng(3), n_stages=10, n_variants=10, n_batches=7, measure=measure, sla_factor=0.9
    )
    started = time.perf_counter()
    assert solve_exact(problem).feasible
    assert time.perf_counter() - started < 10.0  # milliseconds on an idle core; 70 ** 10 configurations


def test_ten_stages_where_accuracy_outweighs_cost_stay_tractable() -> None:
    """The hardest kind: a heavy product against a binding SLA; with one latency price it ran out of memory."""
    problem = synthetic_problem(
        np.random.default_rng(4), n_stages=10, n_variants=10, n_batches=7, measure="product", sla_factor=0.9
    )
    heavy = replace(problem.pipeline, objective=replace(problem.pipeline.objective, alpha=20_000.0))
    started = time.perf_counter()
    assert solve_exact(replace(problem, pipeline=heavy)).feasible
    assert time.perf_counter() - started < 20.0  # 0.4 s on an idle core


def test_a_looser_sla_never_lowers_the_objective() -> None:
    compared = 0
    for seed in range(150):
        problem = random_problem(np.random.default_rng(seed), largest=(4, 4, 3), caps=8)
        objectives = [
            solve_exact(replace(problem, pipeline=replace(problem.pipeline, sla_s=sla_s))).objective
            for sla_s in np.linspace(0.3, 8.0, 8).tolist()
        ]
        feasible = [value for value in objectives if not np.isnan(value)]
        assert objectives[len(objectives) - len(feasible) :] == feasible, f"seed {seed}: infeasible after feasible"
        assert all(low <= high + 1e-9 for low, high in itertools.pairwise(feasible)), f"seed {seed}"
        compared += max(0, len(feasible) - 1)
    assert compared > 300


def test_a_higher_load_never_raises_the_objective_at_batch_one() -> None:
    """Without batching; with it a higher load also fills batches sooner, which can help."""
    compared = 0
    for seed in range(150):
        problem = random_problem(np.random.default_rng(seed), largest=(4, 4, 1), caps=8)
        objectives = [solve_exact(replace(problem, rate_rps=rate)).objective for rate in (0.5, 2.0, 4.0, 8.0, 16.0)]
        feasible = [value for value in objectives if not np.isnan(value)]
        assert objectives[: len(feasible)] == feasible, f"seed {seed}: feasible after infeasible"
        assert all(low >= high - 1e-9 for low, high in itertools.pairwise(feasible)), f"seed {seed}"
        compared += max(0, len(feasible) - 1)
    assert compared > 150
