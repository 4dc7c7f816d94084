"""The fallback where nothing is feasible, and the cheapest way to carry a load, worked by hand."""

from __future__ import annotations

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.carrying_cost import cheapest_carrying_cost
from ipa_gym.optimizer.problem import Problem
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration


@pytest.fixture
def pipeline() -> Pipeline:
    """One replica serves, at batches 1 and 2: small 2 and 2.5 rps, large 1 and 2 rps; cap of 10 replicas."""
    small = make_variant("small", accuracy=50.0, cores=2.0, latency_s=(0.5, 0.8))
    large = make_variant("large", accuracy=80.0, cores=1.0, latency_s=(1.0, 1.0))
    return make_pipeline(((small, large),), batch_cap=2, sla_s=1.2)


def only(configuration: Configuration) -> StageConfiguration:
    (choice,) = configuration.stages
    return choice


def test_a_load_nobody_carries_gets_all_replicas_of_the_fastest_option(pipeline: Pipeline) -> None:
    assert only(largest_capacity(Problem(pipeline, 30.0))) == StageConfiguration(0, 2, 10)


def test_a_load_that_is_carried_gets_no_more_replicas_than_it_needs(pipeline: Pipeline) -> None:
    """At 8 rps both carry it; small at batch 1 has the least latency."""
    assert only(largest_capacity(Problem(pipeline, 8.0))) == StageConfiguration(0, 1, 4)


def test_fallback_keeps_to_allowed_variants_and_fixed_replicas(pipeline: Pipeline) -> None:
    assert only(largest_capacity(Problem(pipeline, 8.0, variants=((1,),)))) == StageConfiguration(1, 1, 8)
    assert only(largest_capacity(Problem(pipeline, 8.0, replicas=(3,)))) == StageConfiguration(0, 2, 3)  # 7.5 rps


def test_cheapest_cost_counts_batching_and_the_sla(pipeline: Pipeline) -> None:
    """At 8 rps: large in batches of 2 needs 4 replicas, 4 cores, 1 + 1/8 s; alone 8 cores; small 8 cores."""
    assert cheapest_carrying_cost(pipeline, 8.0) == 4.0
    assert cheapest_carrying_cost(pipeline, 4.0) == 4.0  # 1 + 1/4 s is too slow in batches; large alone 4 cores


def test_cheapest_cost_of_too_much_load_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(OptionError, match=r"no configuration carries 30\.0"):
        cheapest_carrying_cost(pipeline, 30.0)
