"""The reconstructed state against the observation, and rollouts against the simulator that users see."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.observation import StageObservation
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.policies import Setting
from ipa_gym.policies.mpc.reconstruction import Situation, StageGuess, arrival_ages_s, guess_stage, write_state
from ipa_gym.policies.mpc.rollouts import Rollouts
from ipa_gym.policies.mpc.scenarios import Arrivals
from ipa_gym.queueing import Simulator
from ipa_gym.queueing.memory import KernelMemory
from ipa_gym.queueing.simulator import SimulatorState
from ipa_gym.queueing.state import ARRIVALS, SERVING, STARTING, KernelState, new_blocks, new_records, state_view
from ipa_gym.workload.arrivals import arrival_times
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, stage_seen

READY_S = (1.0, 4.0)


def _situation(*stages: StageObservation, rates_rps: tuple[float, ...] = (4.0,)) -> Situation:
    guesses = tuple(
        guess_stage(stage, list(READY_S[: stage.starting]), rate_rps=rates_rps[0], timeout_s=0.5) for stage in stages
    )
    return Situation(guesses, rates_rps, 10.0, 40.0)


def _written(setting: Setting, situation: Situation) -> KernelState:
    state = state_view(new_blocks(1, 2, n_slots=80, n_places=300), 0)
    for array in state:
        array[...] = 7  # what another decision left
    write_state(state, situation, Simulator(setting.pipeline).model)
    return state


def test_ages_follow_the_intervals_arrivals() -> None:
    # 4 in the last 10 s, 2 in the 10 s before, and that rate ever before: every 2.5 s, then every 5 s.
    ages_s = arrival_ages_s(8, (0.4, 0.2), interval_s=10.0, oldest_s=24.0)
    assert ages_s.tolist() == pytest.approx([1.25, 3.75, 6.25, 8.75, 12.5, 17.5, 22.5, 24.0])


def test_a_stage_in_which_a_whole_batch_waits_is_busy_with_whole_batches() -> None:
    guess = guess_stage(stage_seen(replicas=3, batch=2, queue_requests=2), [], rate_rps=1.0, timeout_s=0.5)
    assert (guess.n_busy, guess.fill, guess.n_inside) == (3, 2, 8)


def test_else_as_many_are_busy_as_the_utilisation_says() -> None:
    # Half of six; within 0.5 s at 5 rps two more requests come.
    guess = guess_stage(stage_seen(replicas=6, batch=4, utilisation=0.5), [], rate_rps=5.0, timeout_s=0.5)
    assert (guess.n_busy, guess.fill) == (3, 3)


def test_requests_further_on_are_older_and_none_is_lost(setting: Setting) -> None:
    first = stage_seen(replicas=2, queue_requests=5, utilisation=1.0)
    second = stage_seen(replicas=1, queue_requests=3, batch=2, utilisation=1.0)
    state = _written(setting, _situation(first, second))
    # 2 + 5 inside stage 1; 2 + 3 inside stage 2, the older ones; one in 0.25 s, oldest first in each stage.
    assert state.totals.tolist() == [0, 12, 0, 0]
    assert state.t0_s[1, :5].tolist() == pytest.approx([-2.875, -2.625, -2.375, -2.125, -1.875])
    assert state.t0_s[0, :7].tolist() == pytest.approx([-1.625, -1.375, -1.125, -0.875, -0.625, -0.375, -0.125])
    assert state.number[1, :5].tolist() == [0, 1, 2, 3, 4]
    assert state.number[0, :7].tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_a_request_enters_a_later_stage_after_it_was_served(setting: Setting) -> None:
    state = _written(setting, _situation(stage_seen(), stage_seen(queue_requests=6, utilisation=1.0)))
    entered_s, t0_s = state.enqueue_s[1, :7], state.t0_s[1, :7]
    assert (entered_s >= np.minimum(t0_s + 0.1, 0.0)).all()  # 0.1 s in stage 1 at least
    assert (np.diff(entered_s) >= 0).all()
    assert entered_s[-1] <= 0.0


def test_replicas_are_those_observed(setting: Setting) -> None:
    first = stage_seen(target_variant=1, replicas=70, starting=2, utilisation=0.1)
    state = _written(setting, _situation(first, stage_seen()))
    kinds = state.slot_state[0]
    assert [(kinds == kind).sum() for kind in (SERVING, STARTING)] == [70, 2]
    assert (kinds[int(state.n_slots[0]) :] == 0).all()
    assert state.slot_variant[0, :72].tolist() == [0] * 70 + [1] * 2
    assert state.slot_ready_s[0, 70:72].tolist() == [1.0, 4.0]
    assert state.free_words[0].tolist() == [2**64 - 2**7, 2**6 - 1]  # 7 busy, 63 idle, across two words


def test_the_kernel_reports_what_was_observed() -> None:
    """Set on a simulator whose next interval is a nanosecond, the state gives the observation back."""
    env = PipelineEnv(toy_pipeline(), windows=[(0, 900)])
    rng = np.random.default_rng(2)
    observation, _ = env.reset(seed=2)
    queues = 0
    for _ in range(60):
        action = rng.integers(0, [2, 3, 4, 2, 3, 4])
        observation, *_ = env.step(action)
        seen = env.layout.read(observation)
        stages = tuple(guess_stage(stage, [5.0] * stage.starting, rate_rps=8.0, timeout_s=0.5) for stage in seen.stages)
        simulator = Simulator(toy_pipeline(batch_timeout_s=1e6), interval_s=1e-9)
        memory = KernelMemory(1, 2)
        memory.make_room(places=600, slots=40)
        write_state(state_view(memory.blocks, 0), Situation(stages, (8.0,), 10.0, 80.0), simulator.model)
        simulator.set_state(SimulatorState(memory.blocks, new_records(2, 0, n_replicas=0)))
        kept = tuple(
            StageConfiguration(s.target_variant, s.batch, s.starting + s.replicas * (s.target_variant == s.variant))
            for s in seen.stages
        )
        found = simulator.step(Configuration(kept), np.zeros(0))
        for index, stage in enumerate(seen.stages):
            assert found.variant[index] == stage.variant
            assert (found.serving[index], found.starting[index]) == (stage.replicas, stage.starting)
            assert found.queue_requests[index] == stage.queue_requests
            assert found.batch[index] == stage.batch
            queues += stage.queue_requests
    assert queues > 50


ARRIVED = Arrivals(np.array([[3] * 20, [9] * 20]), np.array([11, 12], dtype=np.uint64))


def _rollouts(setting: Setting, n_plans: int = 3) -> Rollouts:
    return Rollouts(setting, n_plans=n_plans, n_samples=2, horizon=2)


def _plans(*counts: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array([[[0, 0, a - 1, 0, 0, b - 1]] * 2 for a, b in counts])


def _busy() -> Situation:
    first = stage_seen(replicas=2, starting=1, queue_requests=9, utilisation=1.0)
    return _situation(first, stage_seen(replicas=1, queue_requests=2, utilisation=1.0), rates_rps=(6.0,))


def test_equal_plans_meet_equal_worlds() -> None:
    """With an SLA of 0.3 s it depends on the very instants of the arrivals how many are late."""
    setting = make_setting(toy_pipeline(sla_s=0.3))
    found = _rollouts(setting).play(_plans((1, 1), (3, 2), (1, 1)), _busy(), ARRIVED).reward
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    elsewhere = ARRIVED._replace(seeds=ARRIVED.seeds + np.uint64(1))
    assert not np.array_equal(_rollouts(setting).play(_plans((1, 1)), _busy(), elsewhere).reward[0], found[0])


def test_a_plan_is_worth_the_same_alone_and_after_others(setting: Setting) -> None:
    rollouts = _rollouts(setting)
    among = rollouts.play(_plans((3, 1), (1, 2), (2, 2)), _busy(), ARRIVED).reward
    assert np.array_equal(rollouts.play(_plans((2, 2)), _busy(), ARRIVED).reward[0], among[2])
    assert np.array_equal(_rollouts(setting, 1).play(_plans((1, 2)), _busy(), ARRIVED).reward[0], among[1])


def test_rollouts_pay_what_the_simulator_measures(setting: Setting) -> None:
    """Two intervals of arrivals and one without, by the simulator of `Simulator.step`, and the reward by hand."""
    situation, pipeline = _busy(), setting.pipeline
    found = _rollouts(setting).play(_plans((3, 1)), situation, ARRIVED).reward[0]
    decision = Configuration((StageConfiguration(0, 1, 3), StageConfiguration(0, 1, 1)))
    for sample in range(2):
        simulator = Simulator(pipeline)
        memory = KernelMemory(1, 2)
        write_state(state_view(memory.blocks, 0), situation, simulator.model)
        simulator.set_state(SimulatorState(memory.blocks, new_records(2, 0, n_replicas=0)))
        total = 0.0
        for interval in range(3):
            numbers = ARRIVED.counts[sample, 10 * interval : 10 * interval + 10]
            times = arrival_times(numbers, first_second=10 * interval, seed=int(ARRIVED.seeds[sample]), kind="exact")
            outcome = simulator.step(decision, times)
            violations = outcome.violations + (simulator.overdue_inside() if interval == 2 else 0)
            total -= 20.0 * violations / 40.0
            if interval < 2:  # accuracy 0.5 * 0.6, batches of 1 and 1
                total += 10.0 * 0.3 - 0.5 * outcome.core_seconds / 10.0 - 1e-6 * 2
        assert found[sample] == pytest.approx(total / 2)


def test_requests_left_inside_are_charged(setting: Setting) -> None:
    """9 rps against a replica that serves 5: in 20 s more than 80 stay behind and are late in the last interval."""
    slow = np.array([[[1, 0, 0, 0, 0, 0]] * 2])
    situation = _situation(stage_seen(variant=1, target_variant=1, utilisation=1.0), stage_seen())
    unpaid = _rollouts(setting).play(slow, situation, ARRIVED).reward[0]
    # 180 arrive; at 5 rps about 10 are served within the SLA of 2 s: 170 late ones at 20 / 40 each, over 2 intervals.
    cost_and_accuracy = 10 * 0.8 * 0.6 - 0.5 * 3
    assert unpaid[1] == pytest.approx(cost_and_accuracy - 20 * 170 / 40 / 2, abs=3.0)


def test_what_serves_at_the_end_is_told(setting: Setting) -> None:
    """Variants start for 8 s in stage 1 and 3 s in stage 2: asked for at 0 s they serve at 20 s, at 10 s too."""
    stay, change = (0, 0, 0, 0, 0, 0), (1, 0, 0, 1, 0, 0)
    plans = np.array([[stay, stay], [change, change], [stay, change]])
    found = _rollouts(setting).play(plans, _situation(stage_seen(), stage_seen()), ARRIVED)
    assert found.variants.tolist() == [[0, 0], [1, 1], [1, 1]]
    slow = _rollouts(make_setting(setting.pipeline, 4.0)).play(plans, _situation(stage_seen(), stage_seen()), ARRIVED)
    assert slow.variants.tolist() == [[0, 0], [0, 1], [0, 1]]  # 8 s are not over before 8 s


def test_it_makes_room_for_large_queues_and_many_replicas(setting: Setting) -> None:
    crowd = _situation(stage_seen(replicas=90, queue_requests=700, utilisation=1.0), stage_seen())
    found = _rollouts(setting).play(_plans((10, 10)), crowd, ARRIVED).reward
    assert np.isfinite(found).all()


def test_a_guess_counts_its_requests() -> None:
    assert StageGuess(stage_seen(queue_requests=4), (), n_busy=3, fill=2, rate_rps=1.0).n_inside == 10
    assert ARRIVALS == 1
