"""The autoscaler against Ray Serve's own functions, and against hand arithmetic."""

from __future__ import annotations

import copy
import types
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.policies import Setting, check_policy, load_agent_card, make_policy
from ipa_gym.policies.parameters import checked
from ipa_gym.policies.ray_serve import RayServePolicy
from ipa_gym.policies.ray_serve_rule import Delays, Pending, delayed, desired_replicas
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, seen, stage_seen
from tests.policies.ray_source import config, ray_defaults, ray_functions

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv


class _Clock:
    """Stands for the module ``time`` in Ray's functions."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


def test_desired_replicas_are_ray_s() -> None:
    ray = ray_functions(_Clock())
    rng = np.random.default_rng(1)
    for _ in range(3_000):
        up, down, target = rng.choice([0.3, 0.5, 1.0, 1.7]), rng.choice([0.1, 0.5, 1.0]), rng.choice([1.0, 2.0, 3.3])
        running, ongoing = int(rng.integers(1, 60)), float(rng.choice([rng.integers(0, 200), rng.uniform(0, 200)]))
        settings = config(up=up, down=down, target=target)
        seen_by_ray = types.SimpleNamespace(current_num_replicas=running, total_num_requests=ongoing, config=settings)
        wanted, _ = ray["_core_replica_queue_length_policy"](seen_by_ray)
        expected = max(0, ray["_apply_scaling_factors"](wanted, running, settings))
        found = desired_replicas(ongoing, running, target_ongoing=target, upscaling_factor=up, downscaling_factor=down)
        assert found == expected, (ongoing, running, target, up, down)


@pytest.mark.parametrize(("up_s", "down_s", "step_s"), [(30.0, 600.0, 10.0), (30.0, 60.0, 2.0), (0.5, 7.0, 0.1)])
def test_delays_are_ray_s(up_s: float, down_s: float, step_s: float) -> None:
    ray = ray_functions(_Clock())
    rng = np.random.default_rng(2)
    settings, delays = config(upscale_delay_s=up_s, downscale_delay_s=down_s), Delays(up_s, down_s)
    state: dict[str, object] = {}
    pending, changes = Pending(), 0
    current, wish = 5, 5
    for step in range(6_000):
        if rng.random() < 0.05:
            wish = int(rng.integers(1, 10))
        desired = wish if rng.random() < 0.995 else int(rng.integers(1, 10))
        expected, state = ray["_apply_delay_logic"](desired, current, settings, state, _now=1e9 + step * step_s)
        found, pending = delayed(desired, current, pending, delays=delays, now_s=step * step_s)
        assert found == expected, step
        changes += found != current
        current = found
    assert changes > 3


def test_a_whole_episode_is_ray_s(setting: Setting) -> None:
    """Observations in, replicas out: Ray's mean, rule, delays and bounds beside the policy's, over 3,000 decisions."""
    clock = _Clock()
    ray = ray_functions(clock)
    rng = np.random.default_rng(3)
    policy = RayServePolicy(setting, downscale_delay=100.0, upscaling_factor=0.6, downscaling_factor=0.4)
    settings, state, samples = config(downscale_delay_s=100.0, up=0.6, down=0.4), {}, []
    target = running = 3
    moves, level = set(), 4
    for step in range(3_000):
        clock.now_s = 1e9 + 10.0 * step
        level = int(rng.integers(0, 30)) if rng.random() < 0.05 else level
        queue = int(rng.poisson(level))
        stage = stage_seen(replicas=running, starting=target - running, batch=2, utilisation=0.25, queue_requests=queue)
        found = int(policy.act(seen(setting, stage))[2]) + 1
        if step:
            samples.append(queue + 0.25 * running * 2)
            context = types.SimpleNamespace(
                current_num_replicas=running,
                target_num_replicas=target,
                total_num_requests=sum(samples[-3:]) / len(samples[-3:]),
                config=settings,
            )
            wanted, _ = ray["_core_replica_queue_length_policy"](context)
            decided, state = ray["_apply_default_params"](wanted, context, state)
            before, target = target, min(max(decided, 1), 10)
            moves.add(np.sign(target - before))
        assert found == target, step
        running = target if target < running else min(target, running + int(rng.integers(0, 2)))  # some are starting
    assert moves == {-1, 0, 1}


def test_the_card_holds_ray_s_defaults() -> None:
    ray, card = ray_defaults(), load_agent_card("ray-serve").parameters
    assert card["target_ongoing_requests"] == ray["target_ongoing_requests"] == 2
    assert card["look_back_period"] == ray["look_back_period_s"] == 30.0
    assert card["upscale_delay"] == ray["upscale_delay_s"] == 30.0
    assert card["downscale_delay"] == ray["downscale_delay_s"] == 600.0
    assert card["upscaling_factor"] == card["downscaling_factor"] == ray["smoothing_factor"] == 1.0


@pytest.mark.parametrize(
    ("ongoing", "running", "replicas"),
    [(8.0, 2, 4), (8.1, 2, 5), (4.0, 2, 2), (3.9, 2, 2), (2.0, 2, 1), (0.0, 2, 0)],
)
def test_two_requests_a_replica(ongoing: float, running: int, replicas: int) -> None:
    found = desired_replicas(ongoing, running, target_ongoing=2.0, upscaling_factor=1.0, downscaling_factor=1.0)
    assert found == replicas


def test_factors_take_part_of_the_way() -> None:
    # 20 requests want 10 of 4: half of 6 is 3. 0 requests want 0 of 4: a tenth of 4 rounds to nothing, so one leaves.
    assert desired_replicas(20.0, 4, target_ongoing=2.0, upscaling_factor=0.5, downscaling_factor=1.0) == 7
    assert desired_replicas(0.0, 4, target_ongoing=2.0, upscaling_factor=1.0, downscaling_factor=0.1) == 3


def _run(policy: RayServePolicy, setting: Setting, queues: list[int], replicas: int) -> list[int]:
    """Replicas of stage 1 after each decision, each obeyed at once."""
    counts = []
    for queue in queues:
        action = policy.act(seen(setting, stage_seen(replicas=replicas, queue_requests=queue)))
        replicas = int(action[2]) + 1
        counts.append(replicas)
    return counts


@pytest.mark.parametrize(("interval_s", "steps"), [(10.0, 3), (2.0, 15), (7.0, 5), (60.0, 1)])
def test_growth_is_made_30_s_after_it_was_first_wanted(interval_s: float, steps: int) -> None:
    """Wanted from the second observation on; made at the first decision 30 s later."""
    setting = make_setting(toy_pipeline(), interval_s)
    assert _run(RayServePolicy(setting), setting, [0] + [8] * (steps + 1), 1) == [1] * (steps + 1) + [4]


@pytest.mark.parametrize(("interval_s", "steps"), [(10.0, 60), (2.0, 300)])
def test_shrinking_is_made_600_s_after_it_was_first_wanted(interval_s: float, steps: int) -> None:
    setting = make_setting(toy_pipeline(), interval_s)
    assert _run(RayServePolicy(setting), setting, [0] * (steps + 3), 4) == [4] * (steps + 1) + [1, 1]


def test_as_many_as_are_wanted_when_the_delay_is_over(setting: Setting) -> None:
    # Means of the last three: 8, 8, 8, then (8 + 8 + 14) / 3 = 10 -> 5.
    assert _run(RayServePolicy(setting), setting, [0, 8, 8, 8, 14], 1) == [1, 1, 1, 1, 5]


def test_a_break_starts_the_delay_anew(setting: Setting) -> None:
    policy = RayServePolicy(setting, look_back_period=1.0)
    # 2 requests are what one replica should hold: at 30 s nothing is wanted.
    assert _run(policy, setting, [0, 8, 8, 2, 8, 8, 8, 8], 1) == [1, 1, 1, 1, 1, 1, 1, 4]


def test_a_change_starts_the_delay_anew(setting: Setting) -> None:
    policy = RayServePolicy(setting, look_back_period=1.0)
    assert _run(policy, setting, [0] + [8] * 4 + [12] * 4, 1) == [1, 1, 1, 1, 4, 4, 4, 4, 6]


def test_the_look_back_window_is_30_s(setting: Setting) -> None:
    policy = RayServePolicy(setting)
    _run(policy, setting, [0, 90, 3, 6, 9], 1)
    assert policy.diagnostics["ongoing_requests"][0] == 6.0  # (3 + 6 + 9) / 3


def test_the_cap_bounds_the_action_but_not_the_wish(setting: Setting) -> None:
    policy = RayServePolicy(setting)
    assert _run(policy, setting, [0] + [100] * 4, 1) == [1, 1, 1, 1, 10]
    assert policy.diagnostics == {
        "ongoing_requests": (100.0, 0.0),
        "recommended": (50, 0),
        "replicas": (10, 1),
    }


def test_variants_and_batch_stay_and_a_switch_holds_still(setting: Setting) -> None:
    policy = RayServePolicy(setting, variants=["large", "tiny"], upscale_delay=10.0)
    assert policy.act(seen(setting, stage_seen(replicas=3, batch=2))).tolist() == [1, 1, 2, 0, 0, 0]
    switching = stage_seen(variant=0, target_variant=1, batch=2, replicas=3, starting=3, queue_requests=50)
    for _ in range(5):
        assert policy.act(seen(setting, switching)).tolist() == [1, 1, 2, 0, 0, 0]
    switched = stage_seen(variant=1, target_variant=1, batch=2, replicas=3, queue_requests=8)
    assert policy.act(seen(setting, switched)).tolist() == [1, 1, 2, 0, 0, 0]  # wanted for the first time
    assert policy.act(seen(setting, switched)).tolist() == [1, 1, 3, 0, 0, 0]


def test_copies_and_episodes_do_not_share_memory(setting: Setting) -> None:
    policy = RayServePolicy(setting)
    _run(policy, setting, [0, 8, 8, 8], 1)
    other = copy.deepcopy(policy)
    assert _run(other, setting, [8], 1) == [4]
    assert _run(policy, setting, [8], 1) == [4]
    policy.reset()
    assert _run(policy, setting, [8] * 5, 1) == [1, 1, 1, 1, 4]


def test_the_card_holds_the_defaults_and_says_where_they_come_from() -> None:
    card, parameters = load_agent_card("ray-serve"), RayServePolicy.PARAMETERS
    assert card.parameters == {name: parameter.default for name, parameter in parameters.items()}
    assert set(card.sources) == set(parameters)


@pytest.mark.parametrize(
    ("name", "value"),
    [("target_ongoing_requests", 0), ("upscale_delay", -1.0), ("downscaling_factor", 0), ("look_back_period", "30")],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        checked(RayServePolicy.PARAMETERS, {name: value}, where="parameters")


def test_the_contract_of_a_policy_holds(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("ray-serve", toy_env), toy_env)
