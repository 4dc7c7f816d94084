"""What is seen of the stages: each number of the tally lands where it is read, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.observation import Observation, StageObservation
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.queueing.state import Tally
from ipa_gym.stepping.observing import observe_stages
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

DECISION = Configuration((StageConfiguration(1, 4, 6), StageConfiguration(0, 2, 3)))
FLAT = Trace("flat", np.full(200, 7))


def tally(**changes: list[float]) -> Tally:
    """Of the toy pipeline in an interval in which nothing happened, but for ``changes``."""
    values = {name: np.zeros(2) for name in ("core_s", "busy_s", "serving_s", "sojourn_p99_s", "switch_s")}
    values |= {name: np.zeros(2, dtype=np.int64) for name in Tally._fields if name not in values}
    return Tally(**{**values, **{name: np.array(value, values[name].dtype) for name, value in changes.items()}})


def seen(stages: Tally, *, target: tuple[int, int] = (1, 0)) -> tuple[StageObservation, ...]:
    """The stages as read back from a vector that had held something else before."""
    env = PipelineEnv(toy_pipeline(), FLAT, episode_s=100)
    vector = np.full(env.layout.size, 7.0, dtype=np.float32)
    observe_stages(env._fleet._world, np.array(target), stages, vector)
    assert vector[:13].tolist() == [7.0] * 13  # the load is not its business
    return env.layout.read(vector).stages


def test_an_interval_is_seen_number_by_number() -> None:
    first, second = seen(
        tally(
            variant=[0, 0],
            batch=[4, 2],
            serving=[5, 3],
            starting=[6, 0],
            queue=[17, 2],
            busy_s=[30.0, 7.5],
            serving_s=[40.0, 30.0],
            sojourn_p99_s=[1.25, math.nan],
            dropped=[9, 1],
        )
    )
    assert (first.variant, first.target_variant, first.batch, first.replicas, first.starting) == (0, 1, 4, 5, 6)
    assert (first.queue_requests, first.utilisation, first.sojourn_p99_s, first.drops) == (17, 0.75, 1.25, 9)
    assert (second.variant, second.target_variant, second.batch, second.replicas, second.starting) == (0, 0, 2, 3, 0)
    assert (second.queue_requests, second.utilisation, second.sojourn_p99_s, second.drops) == (2, 0.25, 0.0, 1)


def test_every_field_of_the_layout_is_written() -> None:
    env = PipelineEnv(toy_pipeline(), FLAT, episode_s=100)
    vector = np.full(env.layout.size, np.nan, dtype=np.float32)
    observe_stages(env._fleet._world, np.array([1, 0]), tally(variant=[0, 1]), vector)
    assert np.flatnonzero(np.isnan(vector)).tolist() == list(range(13))
    expected = [1.0, 0.0, 0.0, 1.0] + [0.0] * 7 + [0.0, 1.0, 1.0, 0.0] + [0.0] * 7  # one-hot: serving, then target
    assert vector[13:].tolist() == expected


def test_utilisation_without_a_serving_replica_is_zero() -> None:
    assert [stage.utilisation for stage in seen(tally())] == [0.0, 0.0]


def test_utilisation_never_exceeds_one_by_rounding() -> None:
    stages = seen(tally(busy_s=[30.0 * (1 + 1e-6), 30.0], serving_s=[30.0, 30.0]))
    assert [stage.utilisation for stage in stages] == [1.0, 1.0]


def test_an_episode_starts_with_its_configuration_serving() -> None:
    env = PipelineEnv(toy_pipeline(initial=DECISION), FLAT, episode_s=100)
    observation, _ = env.reset(seed=0)
    for _ in range(2):  # the second time after an episode that left another configuration, queues and drops
        seen_at_start: Observation = env.layout.read(observation)
        first, second = seen_at_start.stages
        assert seen_at_start.configuration == DECISION
        assert (first.variant, first.target_variant, first.batch, first.replicas, first.starting) == (1, 1, 4, 6, 0)
        assert (second.queue_requests, second.utilisation, second.sojourn_p99_s, second.drops) == (0, 0.0, 0.0, 0)
        for _ in range(3):
            env.step(np.array([0, 0, 0, 1, 0, 0]))
        observation, _ = env.reset()


@pytest.mark.parametrize("forecast", ["reactive", "max", "holt", "perfect"])  # the LSTM is only near
def test_a_flat_load_is_seen_and_forecast_as_it_is(forecast: str) -> None:
    env = PipelineEnv(toy_pipeline(), FLAT, episode_s=100, arrivals="even", forecast=forecast)
    observation, _ = env.reset(seed=0)
    for _ in range(4):
        read = env.layout.read(observation)
        assert read.load_history_rps.tolist() == [7.0] * 12
        assert read.forecast_rps == pytest.approx(7.0, rel=1e-6)
        observation = env.step(np.zeros(6, dtype=np.int64))[0]
