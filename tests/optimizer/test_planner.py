"""The planner: many rates in one call, the fallback, refused rates, little working memory, calls from compiled code."""

from __future__ import annotations

import copy
import doctest
import math
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from ipa_gym.cards import load_card
from ipa_gym.errors import OptionError
from ipa_gym.optimizer import exact_solver, planner
from ipa_gym.optimizer.brute_force import solve_brute_force
from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem
from ipa_gym.optimizer.search import decide_rates
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant, synthetic_problem
from ipa_gym.optimizer.tables import Effort, make_work
from ipa_gym.pipeline import Configuration, Objective, StageConfiguration
from tests.optimizer.optimizer_instances import random_problem


def test_example_in_the_docs_runs() -> None:
    outcome = doctest.testfile(str(Path(__file__).parents[2] / "docs" / "optimizer.md"), module_relative=False)
    assert outcome.attempted > 5
    assert outcome.failed == 0


def rows(configuration: Configuration) -> list[list[int]]:
    return [[stage.variant, stage.batch, stage.replicas] for stage in configuration.stages]


def test_many_rates_in_one_call_equal_brute_force_one_by_one() -> None:
    met = {True: 0, False: 0}
    for seed in range(150):
        problem = random_problem(np.random.default_rng(seed), largest=(3, 3, 2), caps=4)
        rates_rps = [-1.0, 0.0, 0.3, 1.0, 2.5, 4.0, 7.0, 12.0, 40.0]
        decisions = ExactPlanner(problem.pipeline, problem.variants, problem.replicas).decide_many(rates_rps)
        for number, rate_rps in enumerate(rates_rps):
            one = Problem(problem.pipeline, rate_rps, variants=problem.variants, replicas=problem.replicas)
            expected = solve_brute_force(one)
            assert decisions.chosen[number].tolist() == rows(expected.configuration), f"seed {seed}, {rate_rps} rps"
            assert decisions.feasible[number] == expected.feasible
            assert math.isclose(decisions.objective[number], expected.objective) or not expected.feasible
            met[expected.feasible] += 1
    assert min(met.values()) > 200


def test_fallback_equals_the_plain_rule() -> None:
    infeasible = 0
    for seed in range(400):
        problem = random_problem(np.random.default_rng(seed), largest=(4, 4, 3), caps=2)
        solution = solve_exact(problem)
        if not solution.feasible:
            infeasible += 1
            assert solution.configuration == largest_capacity(problem), f"seed {seed}"
            assert math.isnan(solution.objective)
    assert infeasible > 100


def test_worked_decision_at_many_rates() -> None:
    """One replica serves 2 rps: ceil(rate / 2) replicas at one core each."""
    pipeline = make_pipeline(((make_variant("only", accuracy=50.0, cores=1.0, latency_s=(0.5,)),),))
    decisions = ExactPlanner(pipeline).decide_many(np.array([0.0, 1.0, 2.0, 2.1, 20.0, 20.1]))
    assert decisions.chosen[:, 0, 2].tolist() == [1, 1, 1, 2, 10, 10]
    assert decisions.feasible.tolist() == [True, True, True, True, True, False]
    assert decisions.objective[3] == pytest.approx(10.0 * 0.5 - 2.0 - 1e-6)


def test_no_rate_gives_no_decision() -> None:
    pipeline = load_card("video").pipeline
    assert ExactPlanner(pipeline).decide_many(np.empty(0)).chosen.shape == (0, 2, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_rate_that_is_no_number_is_refused(bad: float) -> None:
    video = ExactPlanner(load_card("video").pipeline)
    with pytest.raises(OptionError, match=f"rate_rps is {bad}"):
        video.decide_many([1.0, bad, 2.0])
    with pytest.raises(OptionError, match="rate_rps"):
        video.decide(bad)


def test_rates_must_form_one_row() -> None:
    with pytest.raises(OptionError, match=r"shape \(2, 1\)"):
        ExactPlanner(load_card("video").pipeline).decide_many([[1.0], [2.0]])


@pytest.mark.parametrize("enumerate_up_to", [0, 512])
def test_weights_that_floats_cannot_hold_are_refused(enumerate_up_to: int) -> None:
    """alpha · 2 and beta · cost are both infinite: their difference is no number."""
    stage = (make_variant("low", accuracy=50.0, cores=9.0, latency_s=(0.5,)),)
    absurd = Objective(alpha=1e308, beta=1e308, delta=0.0, rho=0.0, accuracy_measure="rank_sum")
    planner_ = ExactPlanner(make_pipeline((stage, stage), objective=absurd), effort=Effort(enumerate_up_to))
    with pytest.raises(OptionError, match="too large"):
        planner_.decide(1.0)


def test_working_memory_grows_where_labels_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = synthetic_problem(
        np.random.default_rng(0), n_stages=6, n_variants=6, n_batches=4, measure="product", sla_factor=0.9
    )
    rates_rps = np.linspace(1.0, 40.0, 14)
    expected = ExactPlanner(problem.pipeline).decide_many(rates_rps)
    monkeypatch.setattr(planner, "_ROOM", 1)
    small = ExactPlanner(problem.pipeline, effort=Effort(enumerate_up_to=10**5))
    found = small.decide_many(rates_rps)
    assert small._room > 1  # it had to grow
    assert np.array_equal(found.chosen, expected.chosen)
    assert np.array_equal(found.objective, expected.objective, equal_nan=True)


def test_a_decision_leaves_nothing_behind_for_the_next() -> None:
    pipeline = load_card("nlp").pipeline
    rates_rps = np.random.default_rng(1).uniform(0.0, 60.0, 300)
    together = ExactPlanner(pipeline).decide_many(rates_rps).chosen
    alone = [ExactPlanner(pipeline).decide_many([rate_rps]).chosen[0] for rate_rps in rates_rps[:40]]
    assert np.array_equal(together[:40], alone)
    backwards = ExactPlanner(pipeline).decide_many(rates_rps[::-1]).chosen
    assert np.array_equal(together, backwards[::-1])


def test_compiled_code_can_decide() -> None:
    @njit  # type: ignore[untyped-decorator]
    def most_replicas(tables, effort, work, rates_rps, chosen, feasible, objective):  # type: ignore[no-untyped-def]
        decide_rates(tables, effort, work, rates_rps, chosen, feasible, objective)
        return chosen[:, :, 2].max()

    video = ExactPlanner(load_card("video").pipeline)
    rates_rps = np.array([5.0, 30.0])
    expected = video.decide_many(rates_rps)
    effort = Effort()
    out = (np.empty((2, 2, 3), dtype=np.int64), np.empty(2, dtype=np.bool_), np.empty(2))
    assert most_replicas(
        video.tables, effort, make_work(video.tables, effort, 1000), rates_rps[:, None].repeat(2, 1), *out
    ) == (expected.chosen[:, :, 2].max())


def test_planner_survives_pickling_and_copying() -> None:
    video = ExactPlanner(load_card("video").pipeline)
    expected = video.decide(17.0).configuration
    for other in (pickle.loads(pickle.dumps(video)), copy.deepcopy(video)):
        assert other.decide(17.0).configuration == expected


def test_only_so_many_planners_are_kept_and_each_pipeline_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_solver, "_KEPT", 3)
    monkeypatch.setattr(exact_solver, "_planners", {})
    for round_ in range(2):
        for cores in range(1, 8):
            variant = make_variant("only", accuracy=50.0, cores=float(cores), latency_s=(0.5,))
            solution = solve_exact(Problem(make_pipeline(((variant,),)), 4.0))
            assert solution.objective == pytest.approx(5.0 - 2.0 * cores - 1e-6), round_
    assert len(exact_solver._planners) == 3


def test_second_process_loads_what_the_first_compiled() -> None:
    """Seconds, not the ten that compiling takes; the bound is loose because machines are busy."""
    code = (
        "import time; from ipa_gym.cards import load_card; from ipa_gym.optimizer.planner import ExactPlanner;"
        "planner = ExactPlanner(load_card('video').pipeline); planner.decide(1.0);"
        "from ipa_gym.optimizer.search import decide_rates; print(sum(decide_rates.stats.cache_misses.values()))"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_stages_can_carry_loads_of_their_own() -> None:
    pipeline = load_card("sum-qa").pipeline
    rates_rps = np.random.default_rng(3).uniform(1.0, 40.0, (12, 2))
    decisions = ExactPlanner(pipeline).decide_many(rates_rps)
    assert np.array_equal(
        ExactPlanner(pipeline).decide_many(rates_rps[:, 0].repeat(2).reshape(-1, 2)).chosen,
        ExactPlanner(pipeline).decide_many(rates_rps[:, 0]).chosen,
    )
    for loads, found in zip(rates_rps, decisions.objective, strict=True):
        choices = [
            [
                (StageConfiguration(index, batch, replicas), variant.batch_latency_s(batch) + (batch - 1) / load)
                for index, variant in enumerate(stage.variants)
                for batch in pipeline.batch_sizes
                if (replicas := math.ceil(load / variant.throughput_rps(batch) - 1e-9)) <= pipeline.replica_cap
            ]
            for stage, load in zip(pipeline.stages, loads, strict=True)
        ]
        in_time = [pair for pair in product(*choices) if sum(late for _, late in pair) <= pipeline.sla_s]
        best = max(pipeline.objective_value(Configuration(tuple(c for c, _ in pair))) for pair in in_time)
        assert found == pytest.approx(best, abs=1e-9)
