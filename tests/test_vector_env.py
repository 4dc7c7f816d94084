"""The vector environment against N single ones, float for float, through both kinds of autoreset."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import NormalizeObservation, RecordEpisodeStatistics

import ipa_gym
from ipa_gym.errors import IpaGymError
from ipa_gym.vector_env import PipelineVectorEnv
from ipa_gym.workload.trace import Trace
from tests.test_env import same

IDS = tuple(ipa_gym.ENVIRONMENTS)
NOISY: dict[str, Any] = {"trace": "bursty", "episode_s": 60, "service_cv": 0.5, "scale": 2.0}
N, STEPS = 5, 17  # over two ends of episodes of six steps


def actions_of(env: gym.vector.VectorEnv, *, steps: int = STEPS) -> list[np.ndarray]:
    """Random actions with few replicas, so that requests wait and are dropped."""
    rng = np.random.default_rng(3)
    drawn = [rng.integers(np.broadcast_to(env.single_action_space.nvec, env.action_space.shape)) for _ in range(steps)]
    for action in drawn:
        action[:, 2::3] %= 6
    return drawn


def as_arrays(infos: dict[str, Any]) -> dict[str, Any]:
    """Gymnasium's infos with object arrays as ours: rows of numbers, 0 where the mask is False."""
    found: dict[str, Any] = {}
    for name, value in infos.items():
        if isinstance(value, dict):
            found[name] = as_arrays(value)
        elif value.dtype == object:
            present = np.array(next(item for item in value if item is not None))
            found[name] = np.array([np.zeros_like(present) if item is None else np.array(item) for item in value])
        else:
            found[name] = value
    return found


def assert_same_infos(found: dict[str, Any], expected: dict[str, Any]) -> None:
    plain = as_arrays(expected)
    assert found.keys() == plain.keys()
    for name, value in found.items():
        if isinstance(value, dict):
            assert_same_infos(value, plain[name])
        else:
            np.testing.assert_array_equal(value, plain[name], err_msg=name)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("env_id", IDS)
def test_equals_single_environments_through_autoreset(env_id: str, mode: AutoresetMode) -> None:
    ours = gym.make_vec(env_id, num_envs=N, vectorization_mode="vector_entry_point", autoreset_mode=mode, **NOISY)
    single = gym.make_vec(
        env_id, num_envs=N, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **NOISY
    )
    found, expected = ours.reset(seed=40), single.reset(seed=40)
    dropped = ends = 0
    for action in [None, *actions_of(ours)]:
        if action is not None:
            found, expected = ours.step(action), single.step(action)
            dropped += int(found[4].get("dropped", np.zeros(1)).sum())
            ends += int(found[3].sum())
        for mine, theirs in zip(found[:-1], expected[:-1], strict=True):
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)
        assert_same_infos(found[-1], expected[-1])
    assert dropped > 0
    assert ends == 2 * N


@pytest.mark.parametrize("n_threads", [2, 7])
def test_threads_change_no_float(n_threads: int) -> None:
    def played(threads: int) -> list[Any]:
        env = PipelineVectorEnv(230, "video", n_threads=threads, **NOISY)
        assert len(env._fleet._shares) == threads
        return [env.reset(seed=1), *(env.step(action) for action in actions_of(env, steps=8))]

    assert same(played(1), played(n_threads))


def test_windows_depend_on_seed_environment_and_episode_only() -> None:
    def windows(n: int, *, steps: int, options: dict[str, Any] | None) -> list[np.ndarray]:
        env = PipelineVectorEnv(n, "video", episode_s=20, autoreset_mode="SameStep")
        env.reset(seed=7, options=options)
        seen = []
        for action in actions_of(env, steps=steps):
            infos = env.step(action)[4]
            if "windows" in infos:
                seen.append(infos["windows"][:3, 0, 0])
        return seen

    plain = windows(3, steps=6, options=None)
    assert same(plain, windows(4, steps=6, options={"start": 5000}))  # neither N nor reset options matter later
    assert len({int(start) for row in plain for start in row}) == 9
    single = gym.make("ipa_gym/Video-v0", episode_s=20)
    starts = [single.reset(seed=8)[1]["windows"][0][0]] + [single.reset()[1]["windows"][0][0] for _ in range(3)]
    assert [int(row[1]) for row in plain] == starts[1:]


def test_start_may_be_one_for_all_or_one_each() -> None:
    env = PipelineVectorEnv(3, "video")
    assert env.reset(options={"start": 500})[1]["windows"][:, 0, 0].tolist() == [500] * 3
    assert env.reset(options={"start": [1, 20, 300]})[1]["windows"][:, 0, 0].tolist() == [1, 20, 300]


def test_reset_mask_resets_some_and_leaves_the_others() -> None:
    env, other = (PipelineVectorEnv(4, "video", autoreset_mode="Disabled", **NOISY) for _ in range(2))
    actions = actions_of(env)
    env.reset(seed=2)
    other.reset(seed=2)
    for action in actions[:3]:
        env.step(action)
        other.step(action)
    mask = np.array([True, False, True, False])
    _, infos = env.reset(options={"reset_mask": mask})
    assert infos["episode_index"].tolist() == [1, 0, 1, 0]
    assert infos["_episode_index"].tolist() == mask.tolist()
    found, expected = env.step(actions[3]), other.step(actions[3])
    assert same(found[0][~mask], expected[0][~mask])
    assert not same(found[0][mask], expected[0][mask])
    for action in actions[4:6]:
        truncated = env.step(action)[3]
    assert truncated.tolist() == (~mask).tolist()
    with pytest.raises(IpaGymError, match="environment 1 has ended"):
        env.step(actions[6])
    env.reset(options={"reset_mask": ~mask})
    env.step(actions[6])


def test_seeds_may_be_given_one_each_and_none_goes_on() -> None:
    env = PipelineVectorEnv(3, "video", **NOISY)
    first, _ = env.reset(seed=[5, 6, 7])
    assert same(first, PipelineVectorEnv(3, "video", **NOISY).reset(seed=5)[0])
    _, infos = env.reset(seed=[5, None, None])
    assert infos["episode_index"].tolist() == [0, 1, 1]
    unseeded = PipelineVectorEnv(2, "video")
    assert not same(unseeded.reset()[0], PipelineVectorEnv(2, "video").reset()[0])


def test_arrays_are_the_callers_unless_copy_is_off() -> None:
    env = PipelineVectorEnv(2, "video", **NOISY)
    first, _ = env.reset(seed=1)
    kept = first.copy()
    second, reward, _, truncated, infos = env.step(actions_of(env)[0])
    held = copy.deepcopy((second, reward, truncated, infos))
    for action in actions_of(env)[1:8]:
        env.step(action)
    assert same(first, kept)
    assert same((second, reward, truncated, infos), held)
    shared = PipelineVectorEnv(2, "video", copy=False, **NOISY)
    first, _ = shared.reset(seed=1)
    assert shared.step(actions_of(shared)[0])[0] is first


def test_copies_and_pickles_continue_alike() -> None:
    env = PipelineVectorEnv(3, "video", **NOISY)
    env.reset(seed=4)
    actions = actions_of(env)
    for action in actions[:4]:
        env.step(action)
    others = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    expected = [env.step(action) for action in actions[4:]]
    for other in others:
        assert same([other.step(action) for action in actions[4:]], expected)


def test_growing_arrays_change_nothing() -> None:
    flood = Trace("flood", np.r_[np.full(30, 3), np.full(30, 400), np.full(60, 3)])
    arguments: dict[str, Any] = {"trace": flood, "episode_s": 100, "replica_cap": 300, "arrivals": "exact"}
    env = PipelineVectorEnv(3, "video", **arguments)
    env.reset(seed=1, options={"start": [0, 10, 20]})
    singles = [gym.make("ipa_gym/Video-v0", **arguments) for _ in range(3)]
    for index, single in enumerate(singles):
        single.reset(seed=1 + index, options={"start": 10 * index})
    rng = np.random.default_rng(0)
    for _ in range(10):
        action = rng.integers(np.broadcast_to(env.single_action_space.nvec, env.action_space.shape))
        observations, rewards, *_ = env.step(action)
        for index, single in enumerate(singles):
            observation, reward, *_ = single.step(action[index])
            assert same(observations[index], observation)
            assert rewards[index] == reward
    assert env._fleet.memory.n_slots > 16
    assert env._fleet.memory.n_places > 4000


def test_forecast_that_the_kernel_does_not_know_is_asked_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipa_gym.forecast import base

    class Newest:
        def predict(self, history_rps: np.ndarray, future_rps: np.ndarray) -> float:
            return float(history_rps[-1])

    monkeypatch.setitem(base.FORECASTS, "newest", "tests.test_vector_env:Newest")  # type: ignore[arg-type]
    monkeypatch.setattr("tests.test_vector_env.Newest", Newest, raising=False)
    env = PipelineVectorEnv(3, "video", forecast="newest", **NOISY)
    observations, _ = env.reset(seed=1)
    for action in [None, *actions_of(env, steps=8)]:
        if action is not None:
            observations = env.step(action)[0]
        for index in range(3):
            second = 120 + int(env._fleet.memory.blocks.counts[index, 0] * 10)
            newest = env._fleet.episodes.seen[index, second - 1]
            assert env.layout.read(observations[index]).forecast_rps == newest


def test_gymnasiums_wrappers_work_on_it() -> None:
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        env = RecordEpisodeStatistics(gym.make_vec("ipa_gym/Video-v0", num_envs=3, autoreset_mode=mode, **NOISY))
        env.reset(seed=1)
        total = np.zeros(3)
        for action in actions_of(env.unwrapped, steps=6):
            _, rewards, _, truncated, infos = env.step(action)
            total += rewards
        assert truncated.all()
        np.testing.assert_allclose(infos["episode"]["r"], total, rtol=1e-6)
        assert infos["episode"]["l"].tolist() == [6] * 3
        assert len(env.return_queue) == 3
    normalised = NormalizeObservation(gym.make_vec("ipa_gym/Video-v0", num_envs=64, **NOISY))
    normalised.reset(seed=1)
    for action in actions_of(normalised.unwrapped, steps=5):
        observations, *_ = normalised.step(action)
    assert np.abs(observations.mean()) < 1.0


@pytest.mark.parametrize("env_id", [*IDS, "ipa_gym/Pipeline-v0"])
def test_make_vec_gives_it_by_default_with_autoreset_in_its_metadata(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make_vec(env_id, num_envs=2, trace="bursty")
    assert isinstance(env.unwrapped, PipelineVectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.observation_space.contains(env.reset(seed=0)[0])
    masks = env.unwrapped.action_masks()
    assert same(masks[1], gym.make(env_id, trace="bursty").unwrapped.action_masks())
    assert masks.shape[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs is 0"),
        ({"n_threads": 0}, "n_threads is 0"),
        ({"autoreset_mode": "NextStp"}, "Did you mean 'NextStep'"),
        ({"render_mode": "ansi"}, "render_mode is set on a vector environment"),
        ({"record": True}, "record is set on a vector environment"),
        ({"intervall": 5}, "Did you mean 'interval'"),
        ({"pipeline": "vidoe"}, "Did you mean 'video'"),
        ({"scale": -1}, "scale is -1"),
    ],
)
def test_bad_options_are_one_clear_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(IpaGymError, match=message):
        PipelineVectorEnv(**arguments)


def test_bad_resets_and_actions_are_one_clear_error_and_change_nothing() -> None:
    env = PipelineVectorEnv(3, "video", **NOISY)
    action = actions_of(env)[0]
    with pytest.raises(IpaGymError, match="have not begun"):
        env.step(action)
    for options, message in (
        ({"strat": 3}, "unknown reset option 'strat'"),
        ({"start": [1, 2]}, "start has 2 seconds"),
        ({"start": -1}, "start is -1"),
        ({"reset_mask": [True]}, "reset_mask"),
        ({"reset_mask": np.zeros(3, dtype=bool)}, "reset_mask"),
        ({"reset_mask": np.array([True, False, False])}, "before the first reset"),
    ):
        with pytest.raises(IpaGymError, match=message):
            env.reset(options=options)
    with pytest.raises(IpaGymError, match="seed has 2 numbers"):
        env.reset(seed=[1, 2])
    with pytest.raises(IpaGymError, match="seed is -1"):
        env.reset(seed=-1)
    first, _ = env.reset(seed=1)
    assert same(first, PipelineVectorEnv(3, "video", **NOISY).reset(seed=1)[0])
    wrong = action.copy()
    wrong[1, 2] = 1000
    for faulty, message in (
        (wrong, r"environment 1: action\[2\] \(replicas of stage 1\) is 1000"),
        (action[:2], r"actions have shape \(2, 6\)"),
        (action.astype(float), "type float64"),
    ):
        with pytest.raises(IpaGymError, match=message):
            env.step(faulty)
    other = PipelineVectorEnv(3, "video", **NOISY)
    other.reset(seed=1)
    assert same(env.step(action), other.step(action))
