"""Stable-baselines3's own algorithms on the environments: what they store, log, mask and learn."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure

from ipa_gym.training import PipelineVecEnv, make_sb3_vec_env
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.training.conftest import N_INTERVALS, random_actions, toy_singles, toy_vec_env

SMALL: dict[str, Any] = {"device": "cpu", "policy_kwargs": {"net_arch": [32]}, "seed": 11}


def recorded(vec_env: PipelineVecEnv) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """A list that gets the decisions of each step."""
    actions: list[Any] = []
    step_async = vec_env.step_async

    def step_and_record(decisions: Any) -> None:
        actions.append(np.array(decisions))
        step_async(decisions)

    vec_env.step_async = step_and_record  # type: ignore[method-assign]  # as a spy
    return actions


def test_the_rollout_buffer_bootstraps_where_an_episode_ends() -> None:
    gamma, n_steps = 0.75, 2 * N_INTERVALS + 1
    vec_env = toy_vec_env(2)
    model = PPO("MlpPolicy", vec_env, n_steps=n_steps, batch_size=n_steps, gamma=gamma, **SMALL)
    actions = recorded(vec_env)
    _, callback = model._setup_learn(1)
    buffer: Any = model.rollout_buffer
    model.collect_rollouts(vec_env, callback, buffer, n_steps)
    singles = toy_singles(2)
    bootstrapped = 0
    for i, env in enumerate(singles):
        observation, _ = env.reset(seed=11 + i)
        for step in range(n_steps):
            np.testing.assert_array_equal(buffer.observations[step, i], observation)
            observation, reward, _, truncated, _ = env.step(actions[step][i])
            expected = np.float32(float(reward) / 20)
            if truncated:
                with torch.no_grad():
                    value = float(model.policy.predict_values(torch.as_tensor(observation[None]))[0])
                bootstrapped += abs(gamma * value) > 1e-3
                expected += gamma * value
                observation, _ = env.reset()
            assert buffer.rewards[step, i] == pytest.approx(expected, rel=1e-5)
            assert buffer.episode_starts[step, i] == (step % N_INTERVALS == 0)
    assert bootstrapped == 4


def test_ep_rew_mean_is_the_mean_return_in_the_rewards_own_units(tmp_path: Path) -> None:
    vec_env = toy_vec_env(4)
    actions = recorded(vec_env)
    model = PPO("MlpPolicy", vec_env, n_steps=2 * N_INTERVALS, batch_size=24, n_epochs=2, **SMALL)
    model.set_logger(configure(str(tmp_path), ["json"]))
    model.learn(4 * 2 * N_INTERVALS)
    model.logger.close()
    returns = []
    for i, env in enumerate(toy_singles(4)):
        env.reset(seed=11 + i)
        rewards = []
        for step, table in enumerate(actions, start=1):
            rewards.append(float(env.step(table[i])[1]))
            if step % N_INTERVALS == 0:
                env.reset()
        returns += [sum(rewards[:N_INTERVALS]), sum(rewards[N_INTERVALS:])]
    logged = json.loads((tmp_path / "progress.json").read_text().splitlines()[0])
    assert logged["rollout/ep_rew_mean"] == pytest.approx(np.mean(returns))
    assert logged["rollout/ep_len_mean"] == N_INTERVALS
    assert np.std(returns) > 1


def test_maskable_ppo_learns_with_many_environments_and_takes_no_masked_action() -> None:
    vec_env = make_sb3_vec_env("video", 16, episode_s=100)
    masks = vec_env.action_masks()[0]
    actions = recorded(vec_env)
    model = MaskablePPO("MlpPolicy", vec_env, n_steps=16, batch_size=64, n_epochs=2, **SMALL)
    before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(2 * 16 * 16)
    offsets = np.concatenate([[0], np.cumsum(vec_env.actions.nvec)[:-1]])
    allowed = masks[np.array(actions) + offsets]
    assert allowed.shape == (32, 16, 6)
    assert allowed.all()
    assert masks[random_actions(vec_env, 32) + offsets].mean() < 0.9  # without masks it would take many
    assert any(not torch.equal(a, b) for a, b in zip(before, model.policy.parameters(), strict=True))


def test_evaluate_policy_reports_unscaled_returns_without_a_warning() -> None:
    vec_env = toy_vec_env(3)
    model = PPO("MlpPolicy", vec_env, n_steps=4, batch_size=12, **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        returns, lengths = evaluate_policy(model, vec_env, n_eval_episodes=3, return_episode_rewards=True)
    single = toy_singles(1)[0]
    observation, _ = single.reset(seed=11)
    total = 0.0
    for _ in range(N_INTERVALS):
        action, _ = model.predict(observation, deterministic=True)
        observation, reward, *_ = single.step(action)
        total += float(reward)
    assert isinstance(returns, list)
    assert returns[0] == pytest.approx(total, abs=1e-5)
    assert lengths == [N_INTERVALS] * 3


def test_equal_seeds_learn_equal_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        model = PPO("MlpPolicy", toy_vec_env(4), n_steps=8, batch_size=16, **{**SMALL, "seed": seed}).learn(64)
        return torch.cat([parameter.detach().ravel() for parameter in model.policy.parameters()])

    first = weights(3)
    assert torch.equal(first, weights(3))
    assert not torch.equal(first, weights(4))


def test_ppo_finds_the_known_best_configuration_of_an_easy_load() -> None:
    """At 1 request/s one replica of the two accurate variants carries everything: 10 · 0.8 · 0.9 − 0.5 · (2 + 3) = 4.7.

    Any other choice is less accurate (at most 10 · 0.8 · 0.6 − 1.5 = 3.3) or has more replicas (at most 4.2). Uniform
    actions pay 10 · 0.65 · 0.75 − 0.5 · 5.5 · (1.5 + 2) = −4.75, before starting costs.
    """
    calm = Trace("calm", np.ones(1000, dtype=np.int64))
    options: dict[str, Any] = {"trace": calm, "episode_s": 60, "arrivals": "even", "startup_scale": 0.0}
    vec_env = make_sb3_vec_env(toy_pipeline(), 32, **options)
    vec_env.reset()
    uniform = [vec_env.step(table)[1].mean() * 20 for table in random_actions(vec_env, 2 * N_INTERVALS)]
    assert np.mean(uniform) == pytest.approx(-4.75, abs=0.5)
    settings = {"n_steps": 12, "batch_size": 384, "n_epochs": 10, "learning_rate": 5e-3, "gamma": 0.5, **SMALL}
    model = PPO("MlpPolicy", vec_env, **settings).learn(12 * 32 * 20)
    returns, _ = evaluate_policy(model, vec_env, n_eval_episodes=32, return_episode_rewards=True)
    assert np.mean(returns) / N_INTERVALS == pytest.approx(4.7, abs=0.01)
