"""`PipelineVecEnv` against single environments stepped by hand, and what stable-baselines3 asks of a `VecEnv`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

import ipa_gym
from ipa_gym.errors import OptionError
from ipa_gym.training import PipelineVecEnv, make_sb3_vec_env
from ipa_gym.training.episode_infos import EMPTY_INFO
from ipa_gym.vector_env import PipelineVectorEnv
from tests.conftest import toy_pipeline
from tests.training.conftest import N_INTERVALS, OPTIONS, WAVE, random_actions, toy_singles, toy_vec_env

TOY_SCALE = 1 / 20  # 1 / rho
METRICS = ("arrivals", "completed", "dropped", "violations", "latency_p99_s", "pas", "accuracy", "cost_cores", "time_s")


def test_many_environments_are_single_ones_stepped_by_hand_over_the_ends_of_episodes() -> None:
    vec_env, singles = toy_vec_env(3, seed=7), toy_singles(3)
    begun = [env.reset(seed=7 + i) for i, env in enumerate(singles)]
    assert np.array_equal(vec_env.reset(), np.array([observation for observation, _ in begun]))
    ends = 0
    for actions in random_actions(vec_env, 2 * N_INTERVALS + 2):
        observations, rewards, dones, infos = vec_env.step(actions)
        metrics = vec_env.interval_metrics()
        assert observations.dtype == rewards.dtype == np.float32
        for i, env in enumerate(singles):
            observation, reward, terminated, truncated, info = env.step(actions[i])
            assert not terminated
            assert rewards[i] == np.float32(float(reward) * TOY_SCALE)
            assert dones[i] == truncated
            np.testing.assert_equal(
                {name: metrics[name][i] for name in METRICS}, {name: info[name] for name in METRICS}
            )
            if truncated:
                ends += 1
                np.testing.assert_array_equal(infos[i]["terminal_observation"], observation)
                assert infos[i]["TimeLimit.truncated"] is True
                assert {k: infos[i]["episode"][k] for k in "rl"} == {k: info["episode"][k] for k in "rl"}
                assert 0 <= infos[i]["episode"]["t"] < 600
                np.testing.assert_equal(
                    {name: infos[i][name] for name in info if name != "episode"}, _but_episode(info)
                )
                observation, reset_info = env.reset()
                assert vec_env.reset_infos[i] == reset_info
            else:
                assert infos[i] == {}
            np.testing.assert_array_equal(observations[i], observation)
    assert ends == 6


def _but_episode(info: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in info.items() if name != "episode"}


def test_an_episode_that_ends_alone_has_the_only_info() -> None:
    vec_env = toy_vec_env(3, seed=1)
    vec_env.reset()
    actions = random_actions(vec_env, N_INTERVALS)
    vec_env.step(actions[0])
    vec_env.env.reset(options={"reset_mask": np.array([True, False, True])})  # these end one step later
    single = toy_singles(2)[1]
    single.reset(seed=2)
    last = [single.step(table[1]) for table in actions][-1]
    for table in actions[1:]:
        _, _, dones, infos = vec_env.step(table)
    assert dones.tolist() == [False, True, False]
    assert [bool(info) for info in infos] == [False, True, False]
    np.testing.assert_array_equal(infos[1]["terminal_observation"], last[0])
    assert infos[1]["time_s"] == 60.0
    assert vec_env.interval_metrics()["time_s"].tolist() == [50.0, 60.0, 50.0]
    assert vec_env.step(actions[0])[2].tolist() == [True, False, True]


def test_later_steps_do_not_touch_what_was_returned() -> None:
    vec_env = toy_vec_env(2, seed=1)
    returned: list[Any] = [vec_env.reset()]
    copies = copy.deepcopy(returned)
    for table in random_actions(vec_env, 2 * N_INTERVALS):
        returned.append(vec_env.step(table))
        copies.append(copy.deepcopy(returned[-1]))
    np.testing.assert_equal(returned, copies)


def test_what_was_returned_belongs_to_the_caller() -> None:
    """Stable-baselines3 adds to the rewards in place; whoever writes into an array changes nothing else."""
    vec_env, untouched = toy_vec_env(2, seed=1), toy_vec_env(2, seed=1)
    vec_env.reset()[:] = np.nan
    untouched.reset()
    for table in random_actions(vec_env, 2 * N_INTERVALS):
        found, expected = vec_env.step(table), untouched.step(table)
        np.testing.assert_equal([_but_time(info) for info in found[3]], [_but_time(info) for info in expected[3]])
        np.testing.assert_equal(found[:3], expected[:3])
        for array in found[:3]:
            array[:] = 1
        for info in found[3]:
            if info:
                info["terminal_observation"][:] = -1
                info.clear()


def _but_time(info: dict[str, Any]) -> dict[str, Any]:
    return {**info, "episode": {**info["episode"], "t": 0.0}} if info else info


def test_writing_into_the_info_of_a_step_within_an_episode_is_refused() -> None:
    vec_env = toy_vec_env(2, seed=1)
    vec_env.reset()
    infos = vec_env.step(random_actions(vec_env, 1)[0])[3]
    with pytest.raises(OptionError, match=r"replace it, infos\[i\] = "):
        infos[0]["mine"] = 1
    infos[0] = {**infos[0], "mine": 1}
    assert infos == [{"mine": 1}, {}]
    assert vec_env.step(random_actions(vec_env, 1)[0])[3] == [{}, {}]
    assert EMPTY_INFO == {}


def test_seeds_count_from_the_next_reset_and_reproduce_everything() -> None:
    def play(vec_env: PipelineVecEnv) -> list[Any]:
        actions = random_actions(vec_env, N_INTERVALS + 1)
        return [vec_env.reset(), *(vec_env.step(table)[:3] for table in actions), copy.deepcopy(vec_env.reset_infos)]

    one, other = toy_vec_env(3, seed=5), toy_vec_env(3)
    other.reset()
    assert list(other.seed(5)) == [5, 6, 7]
    before = other.step(random_actions(other, 1)[0])
    assert not before[2].any()  # the episode goes on: seeding alone does nothing
    np.testing.assert_equal(play(one), play(other))
    assert len({info["windows"] for info in one.reset_infos}) == 3
    again, once_more = play(one), play(toy_vec_env(3, seed=6))
    assert not np.array_equal(again[0], once_more[0])  # a reset without a seed goes on with the sequences


def test_a_reset_within_an_episode_forgets_it() -> None:
    vec_env, untouched = toy_vec_env(2, seed=1), toy_vec_env(2, seed=1)
    for early in (vec_env, untouched):
        early.reset()
    vec_env.step(random_actions(vec_env, 1)[0])
    assert vec_env.interval_metrics()["time_s"].tolist() == [10.0, 10.0]
    vec_env.seed(1)
    vec_env.reset()
    assert vec_env.interval_metrics() == {}
    for table in random_actions(vec_env, N_INTERVALS):
        infos, expected = vec_env.step(table)[3], untouched.step(table)[3]
    assert [info["episode"]["l"] for info in infos] == [N_INTERVALS] * 2
    assert [info["episode"]["r"] for info in infos] == [info["episode"]["r"] for info in expected]


def test_reset_options_hold_for_one_reset() -> None:
    vec_env = toy_vec_env(2, seed=1)
    vec_env.set_options({"start": 300})
    vec_env.reset()
    assert [info["windows"] for info in vec_env.reset_infos] == [((300, 360),)] * 2
    vec_env.set_options([{"start": 300}, {"start": 400}])
    vec_env.reset()
    assert [info["windows"] for info in vec_env.reset_infos] == [((300, 360),), ((400, 460),)]
    assert [info["episode_index"] for info in vec_env.reset_infos] == [1, 1]
    vec_env.reset()
    assert [info["windows"][0][0] in (300, 400) for info in vec_env.reset_infos] == [False, False]


def test_training_days_are_what_episodes_are_drawn_from() -> None:
    vec_env = make_sb3_vec_env("video", 64, seed=3)
    first, end = vec_env.trace.split_range("train")
    assert end < vec_env.trace.counts.size
    starts, ends = [], []
    for _ in range(5):
        vec_env.reset()
        starts += [info["windows"][0][0] for info in vec_env.reset_infos]
        ends += [info["windows"][0][1] for info in vec_env.reset_infos]
    assert first <= min(starts) < first + 0.05 * (end - first)  # of 320 draws: all of the split, and only it
    assert end - 0.05 * (end - first) < max(ends) <= end


def test_masks_are_those_of_single_environments() -> None:
    vec_env, singles = make_sb3_vec_env("nlp", 3), toy_singles(1)
    assert is_masking_supported(vec_env)
    masks = get_action_masks(vec_env)
    single = ipa_gym_single("nlp")
    assert masks.shape == (3, int(vec_env.actions.nvec.sum()))
    assert all(np.array_equal(row, single.action_masks()) for row in masks)
    assert not masks.all()
    assert np.array_equal(vec_env.action_masks(), masks)
    assert len(vec_env.env_method("action_masks", indices=[0, 2])) == 2
    assert np.array_equal(vec_env.get_attr("action_masks", indices=1)[0](), masks[1])
    toy = toy_vec_env(2)
    assert np.array_equal(get_action_masks(toy)[1], singles[0].unwrapped.action_masks())  # type: ignore[attr-defined]


def ipa_gym_single(card: str) -> Any:
    import gymnasium

    return gymnasium.make("ipa_gym/Pipeline-v0", pipeline=card).unwrapped


def test_attributes_are_those_of_one_environment() -> None:
    vec_env = toy_vec_env(3)
    assert vec_env.get_attr("pipeline", indices=[0, 1]) == [toy_pipeline()] * 2
    assert vec_env.get_attr("observation_space", 0) == [vec_env.layout.space()]
    assert vec_env.get_attr("render_mode") == [None] * 3
    assert vec_env.render_mode is None
    assert not vec_env.has_attr("np_random")
    with pytest.raises(AttributeError, match=r"no attribute 'pipelin'; known: .*pipeline"):
        vec_env.get_attr("pipelin")
    with pytest.raises(IndexError):
        vec_env.get_attr("pipeline", indices=3)


def test_what_many_environments_cannot_do_says_what_to_do() -> None:
    vec_env = toy_vec_env(2)
    with pytest.raises(OptionError, match="options of make_sb3_vec_env"):
        vec_env.set_attr("interval_s", 5.0)
    with pytest.raises(OptionError, match=r"gymnasium\.make\(\.\.\., render_mode='rgb_array'\)"):
        vec_env.get_images()
    with pytest.raises(AttributeError, match=r"no method 'get_state' .* known: action_masks"):
        vec_env.env_method("get_state")
    with pytest.raises(OptionError, match=r"expected a call of reset\(\) first"):
        vec_env.step(random_actions(vec_env, 1)[0])
    with pytest.raises(OptionError, match=r"expected a call of step_async\(\) first"):
        vec_env.step_wait()
    vec_env.set_options([{"start": 300}, {}])
    with pytest.raises(OptionError, match="expected the same in all"):
        vec_env.reset()
    vec_env.set_options([{"start": 300}])
    with pytest.raises(OptionError, match="has 1 dicts; expected 2"):
        vec_env.reset()
    vec_env.set_options(None)
    vec_env.reset()
    with pytest.raises(OptionError, match=r"environment 1: action\[0\] \(variant of stage 1\) is 2; expected 0 to 1"):
        vec_env.step(np.array([[0] * 6, [2] + [0] * 5]))
    with pytest.raises(OptionError, match="autoreset_mode 'NextStep'; expected 'SameStep'"):
        PipelineVecEnv(PipelineVectorEnv(2, toy_pipeline(), **OPTIONS))
    with pytest.raises(OptionError, match="reward_scale is 0"):
        toy_vec_env(2, reward_scale=0)
    vec_env.close()


def test_observations_are_copied_even_where_the_environments_do_not() -> None:
    fleet = PipelineVectorEnv(2, toy_pipeline(), autoreset_mode="SameStep", copy=False, **OPTIONS)
    vec_env = PipelineVecEnv(fleet)
    vec_env.seed(1)
    first = vec_env.reset()
    kept = first.copy()
    vec_env.step(random_actions(vec_env, 1)[0])
    assert np.array_equal(first, kept)


def test_policies_of_the_benchmark_read_the_setting_from_it() -> None:
    vec_env = toy_vec_env(1, seed=1)
    policy = ipa_gym.make_policy("ipa-exact", vec_env)
    single = toy_singles(1)[0]
    observation, _ = single.reset(seed=1)
    assert np.array_equal(policy.act(vec_env.reset()[0]), ipa_gym.make_policy("ipa-exact", single).act(observation))
    with pytest.raises(OptionError, match="make the environment with forecast='perfect'"):
        ipa_gym.make_policy("ipa-perfect", vec_env)
    ipa_gym.make_policy("ipa-perfect", toy_vec_env(1, forecast="perfect"))


def test_the_monitor_is_built_in_and_vec_monitor_warns() -> None:
    vec_env = toy_vec_env(2, seed=1)
    assert vec_env.env_is_wrapped(Monitor) == [True, True]
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        watched = VecMonitor(vec_env)
    watched.reset()
    scaled = np.zeros(2, dtype=np.float32)
    for actions in random_actions(vec_env, N_INTERVALS):
        _, rewards, _, infos = watched.step(actions)
        scaled += rewards
    assert [info["episode"]["r"] for info in infos] == pytest.approx(scaled.tolist())


def test_the_wave_is_more_than_the_toy_carries() -> None:
    """The tests above compare episodes with violations and drops, not idle ones."""
    vec_env = toy_vec_env(3, seed=7)
    vec_env.reset()
    seen: dict[str, float] = {"dropped": 0, "violations": 0}
    for actions in random_actions(vec_env, 2 * N_INTERVALS + 2):
        vec_env.step(actions)
        metrics = vec_env.interval_metrics()
        seen = {name: total + float(metrics[name].sum()) for name, total in seen.items()}
    assert min(seen.values()) > 20
    assert WAVE.counts.max() == 30
