"""What is seen of the stages: each number of the outcome lands where it is read, worked by hand."""

import math

from ipa_gym.monitoring import stages_at_start, stages_seen
from ipa_gym.pipeline import Configuration, StageConfiguration
from tests.conftest import make_outcome

DECISION = Configuration((StageConfiguration(1, 4, 6), StageConfiguration(0, 2, 3)))


def test_an_interval_is_seen_number_by_number() -> None:
    outcome = make_outcome(
        variant=[0, 0],
        batch=[4, 2],
        serving=[5, 3],
        starting=[6, 0],
        queue_requests=[17, 2],
        busy_replica_s=[30.0, 7.5],
        serving_replica_s=[40.0, 30.0],
        sojourn_p99_s=[1.25, math.nan],
        dropped_at=[9, 1],
    )
    first, second = stages_seen(DECISION, outcome)
    assert (first.variant, first.target_variant, first.batch, first.replicas, first.starting) == (0, 1, 4, 5, 6)
    assert (first.queue_requests, first.utilisation, first.sojourn_p99_s, first.drops) == (17, 0.75, 1.25, 9)
    assert (second.variant, second.target_variant, second.batch, second.replicas, second.starting) == (0, 0, 2, 3, 0)
    assert (second.queue_requests, second.utilisation, second.sojourn_p99_s, second.drops) == (2, 0.25, 0.0, 1)


def test_utilisation_without_a_serving_replica_is_zero() -> None:
    assert [stage.utilisation for stage in stages_seen(DECISION, make_outcome())] == [0.0, 0.0]


def test_an_episode_starts_with_its_configuration_serving() -> None:
    first, second = stages_at_start(DECISION)
    assert (first.variant, first.target_variant, first.batch, first.replicas, first.starting) == (1, 1, 4, 6, 0)
    assert (second.queue_requests, second.utilisation, second.sojourn_p99_s, second.drops) == (0, 0.0, 0.0, 0)
