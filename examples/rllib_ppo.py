"""RLlib: PPO of the new API stack on the useful configurations, then against IPA.

Shows how to register a pipeline environment with Ray and what to set there: `UsefulConfigurations` gives one number as
action, since RLlib's PPO has no masks of its own, and a wrapper scales the rewards. Needs `pip install 'ipa-gym[ray]'`
beside `'ipa-gym[train]'`. Run:

    python examples/rllib_ppo.py --iterations 30 --seed 1
    python examples/rllib_ppo.py --env-runners 2          # more processes that play
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import ray
import torch
from gymnasium.wrappers import TransformReward
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.columns import Columns
from ray.tune.registry import register_env

import ipa_gym
from ipa_gym.training import reward_scale
from ipa_gym.wrappers import UsefulConfigurations

NAME = "ipa-useful"
GAMMA = 0.9  # what is decided now matters for a minute or two: intervals are 10 s


def make_env(config: dict[str, Any]) -> gym.Env:
    """The environment that RLlib plays. Imports of `ipa_gym` register the ids in Ray's processes too."""
    env = UsefulConfigurations(gym.make(**config))
    scale = reward_scale(env.unwrapped.pipeline)
    return TransformReward(env, lambda reward: reward * scale)


def build(options: dict[str, Any], *, env_runners: int, batch: int, seed: int) -> Algorithm:
    """PPO with small networks; ``env_runners`` 0 plays in this process."""
    register_env(NAME, make_env)
    config = (
        PPOConfig()
        .environment(NAME, env_config=options)
        .env_runners(num_env_runners=env_runners, num_envs_per_env_runner=8)
        .training(
            train_batch_size_per_learner=batch,
            minibatch_size=min(512, batch),
            num_epochs=6,
            lr=1e-3,
            gamma=GAMMA,
            lambda_=0.95,
            entropy_coeff=0.003,
        )
        .rl_module(model_config={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"})
        .debugging(seed=seed, log_level="ERROR")
    )
    return config.build_algo()


def greedy(algorithm: Algorithm) -> Callable[[np.ndarray], int]:
    """The most likely row for an observation."""
    module = algorithm.get_module()

    def act(observation: np.ndarray) -> int:
        with torch.no_grad():
            logits = module.forward_inference({Columns.OBS: torch.as_tensor(observation[None])})
        return int(logits[Columns.ACTION_DIST_INPUTS].argmax())

    return act


def mean_reward(env: gym.Env, act: Callable[[np.ndarray], Any], *, episodes: int, seed: int) -> float:
    """Mean reward an interval, unscaled."""
    rewards: list[float] = []
    for episode in range(episodes):
        observation, truncated = env.reset(seed=seed + episode)[0], False
        while not truncated:
            observation, reward, _, truncated, _ = env.step(act(observation))
            rewards.append(float(reward))
    return float(np.mean(rewards))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="ipa_gym/Video-v0", help="environment id")
    parser.add_argument("--trace", default="twitter-like", help="load: its training days, then its test days")
    parser.add_argument("--iterations", type=int, default=30, help="rounds of playing and learning")
    parser.add_argument("--batch", type=int, default=4_096, help="environment steps a round")
    parser.add_argument("--env-runners", type=int, default=0, help="processes that play; 0: this one")
    parser.add_argument("--seed", type=int, default=1, help="of the networks and the windows")
    parser.add_argument("--test-episodes", type=int, default=8, help="windows that agent and IPA are compared on")
    chosen = parser.parse_args(arguments)

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    options = {"id": chosen.env, "trace": chosen.trace}
    algorithm = build(options, env_runners=chosen.env_runners, batch=chosen.batch, seed=chosen.seed)
    plain = gym.make(**options).unwrapped
    unscaled = 1 / reward_scale(plain.pipeline)
    for number in range(1, chosen.iterations + 1):
        played = algorithm.train()["env_runners"]
        if "episode_return_mean" in played:
            mean = unscaled * played["episode_return_mean"] / played["episode_len_mean"]
            print(f"{number:>3} of {chosen.iterations} rounds  reward {mean:9.2f}", flush=True)

    held_out = gym.make(**options, split="test" if "test" in plain.trace.splits else None)
    rows, ipa = UsefulConfigurations(held_out), ipa_gym.make_policy("ipa-exact", held_out)
    print(f"\nmean of an interval, {chosen.test_episodes} held-out windows of {chosen.trace}")
    print(f"  PPO  reward {mean_reward(rows, greedy(algorithm), episodes=chosen.test_episodes, seed=10_000):9.2f}")
    print(f"  IPA  reward {mean_reward(held_out, ipa.act, episodes=chosen.test_episodes, seed=10_000):9.2f}")
    algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
