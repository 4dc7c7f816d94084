"""The frontier against brute force over all configurations, replicas included, and its corners against IPA itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.cards import load_pipeline
from ipa_gym.optimizer.brute_force import solve_brute_force, worst_case_latency_s
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.frontier import for_some_weight, frontier
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.pipeline import Configuration, Objective, Pipeline, StageConfiguration
from tests.conftest import toy_pipeline
from tests.optimizer.optimizer_instances import random_problem

Solve = Callable[[Problem], Solution]
Rows = list[tuple[tuple[int, int, int], ...]]
RATES_RPS = (0.0, 0.5, 1.0, 2.0, 3.3, 5.0, 8.0, 13.0, 34.0, 100.0)
MEASURES = ("product", "rank_sum", "rank_product")


def small(measure: str = "product", **changes: object) -> Pipeline:
    """The toy with a cap of four replicas and an SLA that rules some of its slow choices out."""
    objective = Objective(alpha=10.0, beta=0.5, delta=1e-3, rho=20.0, accuracy_measure=measure)  # type: ignore[arg-type]  # one of them
    return toy_pipeline(**{"replica_cap": 4, "sla_s": 1.2, "objective": objective, **changes})


def rows(chosen: np.ndarray) -> Rows:
    return [tuple(map(tuple, row)) for row in chosen.tolist()]


def unbeaten_by_hand(pipeline: Pipeline, rate_rps: float) -> Rows:
    """Every variant, batch and number of replicas; the rule as it reads in the docstring, pair by pair."""
    rate = max(rate_rps, 1e-6)
    feasible = []
    sizes, counts = pipeline.batch_sizes, range(1, pipeline.replica_cap + 1)
    choices = [list(itertools.product(range(len(stage.variants)), sizes, counts)) for stage in pipeline.stages]
    for choice in itertools.product(*choices):
        stages = [stage.variants[variant] for stage, (variant, _, _) in zip(pipeline.stages, choice, strict=True)]
        carries = all(n * v.throughput_rps(b) >= rate - 1e-9 for v, (_, b, n) in zip(stages, choice, strict=True))
        configuration = Configuration(tuple(StageConfiguration(*part) for part in choice))
        latency_s = worst_case_latency_s(pipeline, configuration, rate_rps=rate)
        if carries and latency_s <= pipeline.sla_s + 1e-9:
            variants = [variant for variant, _, _ in choice]
            accuracy, pas = pipeline.accuracy_value(variants), pipeline.pas(variants)
            batch = sum(b for _, b, _ in choice)
            feasible.append((choice, (accuracy, pas, -pipeline.cost_cores(configuration), -batch, -latency_s)))
    return [
        own
        for own, merits in feasible
        if not any(
            all(a >= b - 1e-12 for a, b in zip(better, merits, strict=True))
            and (other < own or better[3] > merits[3] or better[2] > merits[2] + 1e-9)
            for other, better in feasible
            if other != own
        )
    ]


@pytest.mark.parametrize("measure", MEASURES)
def test_no_unbeaten_configuration_is_missing_and_no_beaten_one_kept(measure: str) -> None:
    sizes = []
    for rate_rps in RATES_RPS:
        found, expected = rows(frontier(small(measure), rate_rps).chosen), unbeaten_by_hand(small(measure), rate_rps)
        assert found == expected, f"{rate_rps} rps"
        sizes.append(len(found))
    assert max(sizes) > 4
    assert min(sizes) == 0  # 100 rps are more than four replicas carry


def test_the_same_on_random_pipelines_full_of_ties() -> None:
    """The seeds after the first 150: where smaller batches alone, or the order alone, keep or cost one its place."""
    sizes = []
    for seed in (*range(150), 717, 1393, 2350, 686, 1543, 1679):
        problem = random_problem(np.random.default_rng(seed), largest=(2, 3, 3), caps=4)
        found = rows(frontier(problem.pipeline, problem.rate_rps).chosen)
        assert found == unbeaten_by_hand(problem.pipeline, problem.rate_rps), f"seed {seed}"
        sizes.append(len(found))
    assert sum(size > 1 for size in sizes) > 30


def case(name: str) -> tuple[Pipeline, Solve]:
    """A pipeline with batches that cost something, and who decides for it: brute force where it can."""
    if name == "video":
        card = load_pipeline(name)
        return replace(card, objective=replace(card.objective, delta=1e-3)), solve_exact
    return small(name), solve_brute_force


@pytest.mark.parametrize("name", [*MEASURES, "video"])
def test_corners_are_what_ipa_chooses_for_some_weight_of_the_accuracy(name: str) -> None:
    """None is missing: IPA's choice at many weights is a corner. None is too many: IPA takes each at some weight."""
    pipeline, solve = case(name)
    most = 0
    for rate_rps in RATES_RPS[1:-1:2]:
        corners = for_some_weight(frontier(pipeline, rate_rps), pipeline.objective)
        price = pipeline.objective.beta * corners.cost + pipeline.objective.delta * corners.batch
        order = np.lexsort((corners.measure, price))
        slopes = np.diff(price[order]) / np.diff(corners.measure[order])
        edges = np.concatenate([[0.0], slopes, [2 * slopes[-1] + 1.0 if len(slopes) else 1.0]])
        chosen = [decided(pipeline, rate_rps, alpha, solve) for alpha in (edges[:-1] + edges[1:]) / 2]
        assert chosen == [rows(corners.chosen)[index] for index in order]
        for alpha in np.geomspace(1e-3, 1e3, 13):
            assert decided(pipeline, rate_rps, alpha, solve) in chosen
        most = max(most, len(chosen))
    assert most >= 2 if name == "rank_product" else most > 2


def decided(pipeline: Pipeline, rate_rps: float, alpha: float, solve: Solve) -> tuple[tuple[int, int, int], ...]:
    objective = replace(pipeline.objective, alpha=float(alpha))
    solution = solve(Problem(replace(pipeline, objective=objective), rate_rps))
    return tuple((stage.variant, stage.batch, stage.replicas) for stage in solution.configuration.stages)


@pytest.mark.parametrize("name", ["video", "audio-qa", "audio-sent", "sum-qa", "nlp"])
def test_ipas_decision_is_on_every_frontier_whatever_the_weights(name: str) -> None:
    card = load_pipeline(name)
    frontiers = [set(rows(frontier(card, rate_rps).chosen)) for rate_rps in RATES_RPS]
    chosen = set()
    for factor in (0.0, 0.1, 1.0, 10.0):
        objective = replace(card.objective, alpha=factor * card.objective.alpha, delta=1e-3)
        decisions = ExactPlanner(replace(card, objective=objective)).decide_many(RATES_RPS)
        assert decisions.feasible.all()
        for found, decision in zip(frontiers, rows(decisions.chosen), strict=True):
            assert decision in found
            chosen.add(decision)
    assert len(chosen) > 6
