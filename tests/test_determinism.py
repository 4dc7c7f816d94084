"""The same seed is the same world: across copies, pickles, processes, vectorisation and versions."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import ipa_gym
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.workload.trace import Trace
from tests import golden
from tests.conftest import toy_pipeline
from tests.test_env import same

IDS = tuple(ipa_gym.ENVIRONMENTS)
NOISY = {"trace": "bursty", "episode_s": 200, "service_cv": 0.5}


def moved(env: PipelineEnv, *, steps: int = 7) -> PipelineEnv:
    """The environment somewhere inside an episode, with a switch under way."""
    env.reset(seed=8)
    rng = np.random.default_rng(1)
    for _ in range(steps):
        env.step(rng.integers(env.action_space.nvec))
    return env


def onward(env: PipelineEnv) -> list[Any]:
    """Everything that the rest of the episode and the beginning of the next one return."""
    rng = np.random.default_rng(2)
    seen: list[Any] = []
    while not seen or not seen[-1][3]:
        seen.append(env.step(rng.integers(env.action_space.nvec)))
    return [*seen, env.reset(), env.step(rng.integers(env.action_space.nvec)), env.np_random.random()]


@pytest.mark.parametrize("env_id", IDS)
def test_deep_copy_and_pickle_continue_bit_for_bit(env_id: str) -> None:
    env = moved(gym.make(env_id, **NOISY).unwrapped)
    copied, unpickled = copy.deepcopy(env), pickle.loads(pickle.dumps(env))
    expected = onward(env)
    assert same(expected, onward(copied))
    assert same(expected, onward(unpickled))


@pytest.mark.parametrize("env_id", IDS)
def test_saved_state_continues_bit_for_bit_here_and_elsewhere(env_id: str) -> None:
    env = moved(gym.make(env_id, **NOISY).unwrapped)
    saved = env.get_state()
    elsewhere = gym.make(env_id, **NOISY).unwrapped
    expected = onward(env)
    elsewhere.set_state(pickle.loads(pickle.dumps(saved)))
    assert same(expected, onward(elsewhere))
    env.set_state(saved)  # back from the next episode
    assert len(env.rows) == 7
    assert same(expected, onward(env))
    env.set_state(saved)  # the value did not move with the environment that took it
    assert same(expected, onward(env))


def test_branches_do_not_touch_each_other() -> None:
    env = moved(PipelineEnv("video", **NOISY))
    saved = env.get_state()
    smallest, largest = np.zeros_like(env.action_space.nvec), env.action_space.nvec - 1
    first = [env.step(smallest)[1] for _ in range(5)]
    env.set_state(saved)
    other = [env.step(largest)[1] for _ in range(5)]
    env.set_state(saved)
    assert [env.step(smallest)[1] for _ in range(5)] == first != other


def test_state_keeps_the_records() -> None:
    env = moved(PipelineEnv("video", record=True, **NOISY))
    saved, before = env.get_state(), env.simulator.records()
    onward(env)
    env.set_state(saved)
    np.testing.assert_array_equal(env.simulator.records().left_s, before.left_s)


def test_state_of_another_environment_is_refused_and_changes_nothing() -> None:
    env = moved(PipelineEnv("video", **NOISY))
    before = env.get_state()
    for other in (
        PipelineEnv("nlp", **NOISY),
        PipelineEnv("video", interval=5.0, **NOISY),
        PipelineEnv("video", record=True, **NOISY),
        PipelineEnv("video", reward={"alpha": 99.0}, **NOISY),
    ):
        with pytest.raises(OptionError, match="set_state"):
            env.set_state(moved(other).get_state())
    expected = onward(env)
    env.set_state(before)
    assert same(onward(env), expected)
    with pytest.raises(OptionError, match="has not begun"):
        PipelineEnv("video", **NOISY).get_state()


@pytest.mark.parametrize("vectorization_mode", ["sync", "async"])
def test_make_vec_gives_the_same_floats_as_single_environments(vectorization_mode: str) -> None:
    vector = gym.make_vec(IDS[0], num_envs=3, vectorization_mode=vectorization_mode, **NOISY)
    rng = np.random.default_rng(5)
    actions = rng.integers(np.broadcast_to(vector.single_action_space.nvec, (10, 3, 6)))
    seen = [vector.reset(seed=40)[0], *(vector.step(action)[:2] for action in actions)]
    vector.close()
    for index in range(3):
        env = gym.make(IDS[0], **NOISY)
        assert same(env.reset(seed=40 + index)[0], seen[0][index])
        for k, action in enumerate(actions):
            observation, reward, *_ = env.step(action[index])
            assert same(observation, seen[k + 1][0][index])
            assert reward == seen[k + 1][1][index]


def test_another_process_gives_the_same_trajectories_bit_for_bit() -> None:
    """Other hash seeds and thread counts."""
    environment = os.environ | {"PYTHONHASHSEED": "123", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    root = Path(golden.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", "--exact"],
        cwd=root, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == golden.trajectories(golden.EXACT)


def test_exact_hashes_notice_the_last_bit_and_rounded_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    env_id, step = IDS[0], PipelineEnv.step

    def hashes(digits: tuple[int, int]) -> str:
        return golden.trajectories(digits)[f"{env_id} default"]

    monkeypatch.setattr(ipa_gym, "ENVIRONMENTS", {env_id: ipa_gym.ENVIRONMENTS[env_id]})
    rounded, exact = hashes(golden.ROUNDED), hashes(golden.EXACT)

    def nudged(self: PipelineEnv, action: np.ndarray) -> tuple[Any, ...]:
        observation, reward, *rest = step(self, action)
        return observation, float(np.nextafter(reward, np.inf)), *rest

    monkeypatch.setattr(PipelineEnv, "step", nudged)
    assert hashes(golden.ROUNDED) == rounded
    assert hashes(golden.EXACT) != exact


def test_golden_trajectories_are_unchanged() -> None:
    """If this fails on purpose: see `tests/golden.py` for what has to change with it."""
    assert golden.trajectories() == json.loads(golden.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("env_id", IDS)
def test_golden_rollouts_see_the_whole_model(env_id: str) -> None:
    """The hashes are worth as much as what happens in the rollouts."""
    rows = [row for settings in golden.SETTINGS.values() for row in golden.rollout_rows(env_id, settings)]
    switched = sum(np.isfinite(row.outcome.switch_s).sum() for row in rows)
    starting = sum(row.outcome.starting.sum() for row in rows)
    late = sum(row.outcome.violations - row.outcome.dropped for row in rows)
    assert min(switched, starting, late, sum(row.outcome.dropped for row in rows)) > 0


def paired(seed_of_second: int) -> np.ndarray:
    """Difference of mean rewards of two near configurations, episode by episode; equal seeds if the offset is 0."""
    counts = np.random.default_rng(0).integers(5, 25, 4000)
    env = PipelineEnv(toy_pipeline(), Trace("random", counts), episode_s=100, service_cv=0.5, reward={"rho": 50.0})

    def mean_reward(seed: int, batch_index: int) -> float:
        env.reset(seed=seed, options={"start": 100})
        return float(np.mean([env.step(np.array([0, 2, 0, 0, batch_index, 0]))[1] for _ in range(10)]))

    return np.array([mean_reward(seed, 1) - mean_reward(seed + seed_of_second, 2) for seed in range(60)])


def test_common_random_numbers_reduce_the_variance_of_a_paired_difference() -> None:
    """Same seeds, same world: the difference of two policies varies far less than with independent seeds.

    The variance of a difference is var(a) + var(b) − 2 cov(a, b); with independent seeds cov is 0.
    """
    common, independent = paired(0), paired(1000)
    error = np.hypot(common.std(ddof=1), independent.std(ddof=1)) / np.sqrt(60)
    assert abs(common.mean() - independent.mean()) < 4 * error  # the same estimate ...
    assert common.var(ddof=1) < 0.1 * independent.var(ddof=1)  # ... as if from ten times the episodes, at least


def test_two_policies_meet_the_same_arrivals_and_the_same_factors() -> None:
    def world(replicas: int) -> tuple[np.ndarray, dict[int, float]]:
        env = PipelineEnv(toy_pipeline(), Trace("flat", np.full(300, 3)), episode_s=100, service_cv=0.5, record=True)
        env.reset(seed=4)
        for _ in range(10):
            env.step(np.array([0, 0, replicas, 0, 0, replicas]))  # batch 1: every request is its batch's first
        records = env.simulator.records()
        served = np.flatnonzero(~np.isnan(records.end_s[0]))
        return records.arrival_s, {int(r): float(records.end_s[0, r] - records.start_s[0, r]) for r in served}

    (arrivals, times), (other_arrivals, other_times) = world(2), world(9)
    np.testing.assert_array_equal(arrivals, other_arrivals)
    both = times.keys() & other_times.keys()
    assert len(both) > 100
    assert all(times[request] == pytest.approx(other_times[request], abs=1e-9) for request in both)
