"""The batched form of the planning policies: the same decisions as one by one, on a vector environment."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import ipa_gym
from ipa_gym.errors import OptionError


@pytest.mark.parametrize("env_id", tuple(ipa_gym.ENVIRONMENTS))
@pytest.mark.parametrize("agent", ["ipa", "ipa-exact", "fa2-low", "fa2-high", "rim"])
def test_many_decisions_are_those_of_single_policies(env_id: str, agent: str) -> None:
    envs = gym.make_vec(env_id, num_envs=16, trace="bursty", episode_s=100)
    policy = ipa_gym.make_policy(agent, envs)
    observations, _ = envs.reset(seed=3)
    forecasts = set()
    for _ in range(4):
        actions = policy.act_many(observations)
        for observation, action in zip(observations, actions, strict=True):
            assert policy.act(observation).tolist() == action.tolist()
            forecasts.add(float(observation[12]))
        observations, *_ = envs.step(actions)
    assert len(forecasts) > 10


def test_diagnostics_stay_those_of_the_newest_single_decision() -> None:
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=3, trace="bursty")
    policy = ipa_gym.make_policy("ipa-exact", envs)
    observations, _ = envs.reset(seed=3)
    policy.act(observations[0])
    before = dict(policy.diagnostics)
    policy.act_many(observations)
    assert policy.diagnostics == before
    assert before["feasible"] is True


@pytest.mark.parametrize("shape", [(47,), (3, 46), (3, 47, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=3, trace="bursty")
    with pytest.raises(OptionError, match="observation"):
        ipa_gym.make_policy("ipa-exact", envs).act_many(np.zeros(shape, dtype=np.float32))
