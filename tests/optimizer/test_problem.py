"""The rules that all solvers share: fewest replicas, the floor of the rate, and refused arguments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.options import stage_options
from ipa_gym.optimizer.problem import Problem, objective_tolerance, replicas_needed
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant
from ipa_gym.pipeline import Pipeline
from tests.optimizer.optimizer_instances import random_problem


@pytest.fixture
def one_stage() -> Pipeline:
    return make_pipeline(((make_variant("only", accuracy=50.0, cores=1.0, latency_s=(0.5,)),),))


@pytest.mark.parametrize(
    ("rate_rps", "throughput_rps", "replicas"),
    [
        (12.0, 4.0, 3),
        (12.1, 4.0, 4),
        (3.3000000000000003, 1.1, 3),  # 3 * 1.1 in floats: plain ceil would say 4
        (1e-6, 4.0, 1),
        (12.0 + 1e-7, 4.0, 4),  # well beyond the tolerance
    ],
)
def test_fewest_replicas(rate_rps: float, throughput_rps: float, replicas: int) -> None:
    assert replicas_needed(rate_rps, throughput_rps) == replicas


def test_options_take_the_same_replicas_as_the_shared_rule() -> None:
    checked = 0
    for seed in range(200):
        problem = random_problem(np.random.default_rng(seed), caps=50)
        if problem.replicas is not None:
            continue
        for stage, options in zip(problem.pipeline.stages, stage_options(problem), strict=True):
            for variant, batch, replicas in zip(options.variant, options.batch, options.replicas, strict=True):
                throughput_rps = stage.variants[variant].throughput_rps(int(batch))
                assert replicas == replicas_needed(problem.planned_rate_rps, throughput_rps)
                checked += 1
    assert checked > 1000


@pytest.mark.parametrize("rate_rps", [0.0, -3.0, 1e-9])
def test_no_load_is_planned_as_a_tiny_rate(one_stage: Pipeline, rate_rps: float) -> None:
    assert Problem(one_stage, rate_rps).planned_rate_rps == 1e-6


@pytest.mark.parametrize("rate_rps", [float("nan"), float("inf")])
def test_a_rate_that_is_no_number_is_refused(one_stage: Pipeline, rate_rps: float) -> None:
    with pytest.raises(OptionError, match="rate_rps"):
        Problem(one_stage, rate_rps)


@pytest.mark.parametrize("weight", ["alpha", "beta", "delta"])
def test_negative_weights_are_refused(one_stage: Pipeline, weight: str) -> None:
    broken = replace(one_stage, objective=replace(one_stage.objective, **{weight: -0.1}))
    with pytest.raises(OptionError, match=rf"objective\.{weight} is -0\.1"):
        Problem(broken, 1.0)


@pytest.mark.parametrize("variants", [((1,),), ((-1,),), ((),), ((0,), (0,))])
def test_variants_outside_the_pipeline_are_refused(one_stage: Pipeline, variants: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(OptionError, match="variants"):
        Problem(one_stage, 1.0, variants=variants)


@pytest.mark.parametrize("replicas", [(0,), (11,), (1, 1)])
def test_replicas_outside_the_cap_are_refused(one_stage: Pipeline, replicas: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match="replicas"):
        Problem(one_stage, 1.0, replicas=replicas)


def test_tolerance_follows_only_huge_objectives() -> None:
    assert objective_tolerance(-200.0) == 1e-9
    assert objective_tolerance(1e6) == 1e-6
