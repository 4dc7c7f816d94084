"""What the rolling planner remembers of load and starting replicas: brute force, hand arithmetic, and the kernel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.observation import HISTORY_BINS, Observation, StageObservation
from ipa_gym.pipeline import StageConfiguration
from ipa_gym.policies import Setting
from ipa_gym.policies.mpc.load import LoadMemory, StageInterval, arrivals_of_interval, mean_of_maximum
from ipa_gym.policies.mpc.scenarios import Scenarios
from ipa_gym.policies.mpc.starts import StartingReplicas
from ipa_gym.queueing.state import STARTING, WAITING, state_view
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.policies.conftest import stage_seen

TWO_VARIANTS = np.array([[np.nan, 0.1, 0.15], [np.nan, 0.4, 0.6]])  # seconds of a batch of 1 and 2


@pytest.mark.parametrize("mean", [2.0, 5.0, 12.0, 30.0, 200.0])
def test_mean_of_maximum_inverts_the_expected_maximum_of_ten_poisson_seconds(mean: float) -> None:
    below, expected = 0.0, 0.0  # E[max] = sum over k of P(max > k)
    for number in range(int(mean + 20 * math.sqrt(mean) + 30)):
        below += math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
        expected += 1.0 - min(1.0, below) ** 10
    assert mean_of_maximum(expected) == pytest.approx(mean, rel=0.025)


def test_no_load_has_no_mean() -> None:
    assert mean_of_maximum(0.0) == 0.0


def _arrivals(before: StageObservation, after: StageObservation, *started: float) -> float:
    return arrivals_of_interval(StageInterval(before, after, started, 10.0), TWO_VARIANTS, timeout_s=0.5)


def test_arrivals_are_what_was_served_dropped_and_waits_more() -> None:
    # 2 replicas busy half of 10 s at 0.1 s each: 100 served; 4 more wait; 2 dropped.
    before, after = stage_seen(replicas=2, queue_requests=3), stage_seen(replicas=2, queue_requests=7, drops=2)
    assert _arrivals(before, replace(after, utilisation=0.5)) == pytest.approx(106)


def test_a_replica_that_joined_late_served_less() -> None:
    # One of three was ready after 6 s: 24 replica-seconds, a quarter busy, 0.1 s each.
    found = _arrivals(stage_seen(replicas=2), stage_seen(replicas=3, utilisation=0.25), 6.0)
    assert found == pytest.approx(60)


def test_a_switch_counts_the_old_and_the_new_variant() -> None:
    # 2 old replicas for 5 s, then 4 new for 5 s: 30 replica-seconds, half busy. At the same rate r in proportion
    # 1/3 : 2/3 of replica-seconds: 15 / (0.1 / 3 + 0.4 * 2 / 3) = 50.
    before, after = stage_seen(replicas=2), stage_seen(variant=1, target_variant=1, replicas=4, utilisation=0.5)
    assert _arrivals(before, after, 5.0, 5.0, 5.0, 5.0) == pytest.approx(50)


def test_full_batches_count_their_requests() -> None:
    # Busy all the time, batches of 2 in 0.15 s: 133.3 requests in 10 s, far more than fill a batch within 0.5 s.
    full = stage_seen(batch=2, utilisation=1.0)
    assert _arrivals(full, full) == pytest.approx(2 * 10 / 0.15)


def test_arrivals_agree_with_what_really_arrived() -> None:
    """Three replicas under 20 rps: the estimate is off by what is in service at the interval's ends, at most."""
    env = PipelineEnv(toy_pipeline(), Trace("flat", np.full(600, 20)), windows=[(0, 300)])
    observation, _ = env.reset(seed=3)
    action = np.array([0, 0, 2, 0, 0, 1])
    layout, service_s = env.layout, env.simulator.model.service_s
    observation, _, _, _, _ = env.step(action)
    for _ in range(20):
        before = layout.read(observation).stages[0]
        observation, _, _, _, info = env.step(action)
        passed = StageInterval(before, layout.read(observation).stages[0], (), 10.0)
        assert abs(arrivals_of_interval(passed, service_s[0], timeout_s=0.5) - info["arrivals"]) <= 3


def _history(rate: float) -> Observation:
    return Observation(np.full(HISTORY_BINS, rate), rate, (stage_seen(),))


def test_the_level_follows_the_counts() -> None:
    load = LoadMemory(10.0, smoothing=0.5, memory_s=20.0)
    load.begin(_history(0.0))
    load.add(40.0, _history(99.0))
    assert load.level_rps == pytest.approx(0.05 + 0.5 * (4 - 0.05))
    assert load.rates_rps[0] == pytest.approx(4.0)
    # twelve intervals of history without load, then one of 40 requests
    assert load.expected_requests == pytest.approx(40 / 13)


def test_ten_seconds_in_short_intervals_weigh_as_much_as_in_one() -> None:
    short, long = (LoadMemory(s, smoothing=0.6, memory_s=20.0) for s in (2.0, 10.0))
    for load in (short, long):
        load.begin(_history(0.0))
    for _ in range(5):
        short.add(2 * 4.0, _history(99.0))
    long.add(40.0, _history(99.0))
    assert short.level_rps == pytest.approx(long.level_rps)


def test_no_rate_is_above_the_busiest_second() -> None:
    load = LoadMemory(10.0, smoothing=0.5, memory_s=20.0)
    load.begin(_history(3.0))
    load.add(500.0, _history(7.0))
    assert load.rates_rps[0] == 7.0


def test_starting_replicas_come_nearer_interval_by_interval() -> None:
    book = StartingReplicas(np.array([25.0, 8.0]))
    now = stage_seen(replicas=1)
    assert book.ready_s(now) == []
    assert book.decide(now, StageConfiguration(0, 1, 3), 10.0) == (25.0, 25.0)
    now = stage_seen(replicas=1, starting=2)
    assert book.ready_s(now) == [15.0, 15.0]
    book.decide(now, StageConfiguration(0, 1, 4), 10.0)
    assert book.ready_s(stage_seen(replicas=1, starting=3)) == [5.0, 5.0, 15.0]
    book.decide(stage_seen(replicas=1, starting=3), StageConfiguration(0, 1, 3), 10.0)  # the latest is cancelled
    assert book.ready_s(stage_seen(replicas=1, starting=2)) == [-5.0, -5.0]
    assert book.ready_s(stage_seen(replicas=3)) == []


def test_starts_that_are_not_remembered_have_half_their_time_left() -> None:
    assert StartingReplicas(np.array([25.0])).ready_s(stage_seen(starting=2)) == [12.5, 12.5]


def test_remembered_starts_are_the_kernels() -> None:
    """Random decisions every 2 s against startups of 2 to 8 s: switches, cancelled, joined and waiting replicas."""
    env = PipelineEnv(toy_pipeline(), Trace("flat", np.full(600, 5)), windows=[(0, 500)], interval=2.0)
    rng = np.random.default_rng(1)
    observation, _ = env.reset(seed=1)
    books = [StartingReplicas(startup_s) for startup_s in env.simulator.model.startup_s]
    compared, waiting = 0, 0
    for _ in range(250):
        seen = env.layout.read(observation)
        state = state_view(env.simulator.memory.blocks, 0)
        for stage, book in enumerate(books):
            starts = (state.slot_state[stage] == STARTING) | (state.slot_state[stage] == WAITING)
            left_s = np.sort(state.slot_ready_s[stage][starts]) - env.simulator.clock_s
            assert book.ready_s(seen.stages[stage]) == pytest.approx(left_s.tolist())
            compared += len(left_s)
            waiting += int((left_s <= 0).sum())
        action = env.actions.encode(seen.configuration)
        if rng.random() < 0.5:
            action = rng.integers(0, [2, 3, 6, 2, 3, 6])
        for book, stage_now, choice in zip(books, seen.stages, env.actions.decode(action).stages, strict=True):
            book.decide(stage_now, choice, 2.0)
        observation, _, _, _, _ = env.step(action)
    assert compared > 100
    assert waiting > 5


def test_scenarios_repeat_and_keep_the_mean() -> None:
    scenarios = Scenarios(64, 50, volatility=0.1, seed=4)
    first, again = (scenarios.draw(8.0, noise=0.006, decision=7) for _ in range(2))
    assert np.array_equal(first.counts, again.counts)
    assert np.array_equal(first.seeds, again.seeds)
    assert not np.array_equal(first.counts, scenarios.draw(8.0, noise=0.006, decision=8).counts)


def test_the_spread_of_scenarios_leaves_their_mean() -> None:
    """Quantiles of lognormal loads, 55 % of variance after 50 s; 51,200 Poisson seconds leave an error of 0.05."""
    counts = Scenarios(1024, 50, volatility=0.3, seed=0).draw(8.0, noise=0.1, decision=0).counts
    assert counts.mean() == pytest.approx(8.0, rel=0.02)
    assert counts[:, -10:].mean(axis=1).std() > 4.0  # sqrt(exp(0.5) - 1) · 8 = 6.4 of the lognormal law


def test_scenarios_are_ordered_by_their_level(setting: Setting) -> None:
    totals = Scenarios(8, 50, volatility=0.3, seed=0).draw(20.0, noise=0.0, decision=0).counts.sum(axis=1)
    assert (np.diff(totals) > 0).all()
