"""The label search against brute force on random instances, with and without its bounds, and laws it must obey."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.optimizer.brute_force import solve_brute_force
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant, synthetic_problem
from ipa_gym.optimizer.tables import Effort
from tests.optimizer.optimizer_instances import random_problem

BOUNDED = Effort(enumerate_up_to=0)  # small instances go the large ones' way
ROUGH = Effort(enumerate_up_to=0, coarse_points=2, points=2, beam=1, reach=0)  # with the worst bounds there are
SHARP = Effort(enumerate_up_to=0, points=64, beam=64, reach=1000)  # and with nearly all dominance there is
ENUMERATED = Effort(enumerate_up_to=10**9)


def solve(problem: Problem, effort: Effort) -> Solution:
    return ExactPlanner(problem.pipeline, problem.variants, problem.replicas, effort=effort).decide(problem.rate_rps)


def assert_same_decision(problem: Problem, found: Solution, *, seed: int) -> bool:
    """Compare with brute force; True if the problem was feasible."""
    expected = solve_brute_force(problem)
    assert found.feasible == expected.feasible, f"seed {seed}"
    assert found.configuration == expected.configuration, f"seed {seed}"
    if expected.feasible:
        assert found.objective == expected.objective, f"seed {seed}"
    return expected.feasible


def test_search_equals_brute_force_on_thousands_of_small_instances() -> None:
    feasible = 0
    for seed in range(3000):
        problem = random_problem(np.random.default_rng(seed), largest=(3, 3, 2), caps=6)
        feasible += assert_same_decision(problem, solve_exact(problem), seed=seed)
    assert 1200 < feasible < 2700  # both kinds are met


@pytest.mark.parametrize("effort", [BOUNDED, ROUGH, SHARP], ids=["usual", "rough", "sharp"])
def test_bounds_beam_and_dominance_keep_the_winner(effort: Effort) -> None:
    feasible = 0
    for seed in range(10_000, 10_700):
        problem = random_problem(np.random.default_rng(seed), largest=(4, 3, 2), caps=3)
        feasible += assert_same_decision(problem, solve(problem, effort), seed=seed)
    assert feasible > 230


@pytest.mark.parametrize("measure", ["product", "rank_sum", "rank_product"])
def test_bounded_search_equals_enumeration_on_medium_instances(measure: str) -> None:
    for seed in range(15):
        problem = synthetic_problem(
            np.random.default_rng(seed), n_stages=4, n_variants=4, n_batches=3, measure=measure, sla_factor=1.0
        )
        expected = solve(problem, ENUMERATED)
        assert expected.feasible
        assert solve(problem, BOUNDED).configuration == expected.configuration, f"seed {seed}"


def test_bounded_search_equals_enumeration_where_ties_abound() -> None:
    """Coarse numbers and weights of zero on up to five stages: brute force is out of reach, enumeration is not."""
    feasible = 0
    for seed in range(300):
        problem = random_problem(np.random.default_rng(seed), largest=(5, 4, 3), caps=8)
        expected = solve(problem, ENUMERATED)
        feasible += expected.feasible
        for effort in (BOUNDED, ROUGH):
            assert solve(problem, effort).configuration == expected.configuration, f"seed {seed}"
    assert feasible > 120


@pytest.mark.parametrize("effort", [ENUMERATED, BOUNDED, SHARP], ids=["enumerated", "bounded", "sharp"])
@pytest.mark.parametrize(("behind", "expected"), [(4e-10, [0, 1]), (1.5e-9, [0, 0]), (4e-9, [0, 0])])
def test_objectives_within_the_tolerance_are_tied(effort: Effort, behind: float, expected: list[int]) -> None:
    """10 · (0.6 − 0.5) = 1 core more for the accurate variant: equal but for ``behind``; PAS decides within 1e-9."""
    first = make_variant("only", accuracy=100.0, cores=1.0, latency_s=(0.5,))
    cheap = make_variant("cheap", accuracy=50.0, cores=1.0, latency_s=(0.5,))
    accurate = make_variant("accurate", accuracy=60.0, cores=2.0 + behind, latency_s=(0.5,))
    found = solve(Problem(make_pipeline(((first,), (cheap, accurate))), 1.0), effort)
    assert [stage.variant for stage in found.configuration.stages] == expected


@pytest.mark.parametrize("effort", [BOUNDED, ROUGH], ids=["usual", "rough"])
def test_prices_beyond_the_objectives_scale_lose_no_winner(effort: Effort) -> None:
    """Options whose latencies differ by 1e-12 s around a hair of slack: the latency's price is astronomic."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        stages = tuple(
            tuple(
                make_variant(
                    f"v{index}",
                    accuracy=float(rng.uniform(20.0, 99.0)),
                    cores=float(rng.integers(1, 9)),
                    latency_s=(0.5 + 1e-12 * float(rng.integers(0, 5000)),),
                )
                for index in range(4)
            )
            for _ in range(3)
        )
        sla_s = 1.5 + 1e-12 * float(rng.integers(0, 9000)) - 1e-9
        problem = Problem(make_pipeline(stages, sla_s=sla_s, replica_cap=2), 3.0)
        assert_same_decision(problem, solve(problem, effort), seed=seed)


@pytest.mark.parametrize("measure", ["product", "rank_sum", "rank_product"])
def test_ten_stages_of_ten_variants_take_seconds_at_most(measure: str) -> None:
    problem = synthetic_problem(
        np.random.default_rng(3), n_stages=10, n_variants=10, n_batches=7, measure=measure, sla_factor=0.9
    )
    started = time.perf_counter()
    assert solve_exact(problem).feasible
    assert time.perf_counter() - started < 10.0  # under a millisecond on an idle core; 70 ** 10 configurations


def test_ten_stages_where_accuracy_outweighs_cost_stay_tractable() -> None:
    """The hardest kind: a heavy product against a binding SLA; with one latency price only, memory runs out."""
    problem = synthetic_problem(
        np.random.default_rng(4), n_stages=10, n_variants=10, n_batches=7, measure="product", sla_factor=0.9
    )
    heavy = replace(problem.pipeline, objective=replace(problem.pipeline.objective, alpha=20_000.0))
    started = time.perf_counter()
    assert solve_exact(replace(problem, pipeline=heavy)).feasible
    assert time.perf_counter() - started < 10.0  # milliseconds on an idle core


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
