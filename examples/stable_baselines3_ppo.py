"""Stable-baselines3: PPO, or sb3-contrib's MaskablePPO, on 64 environments, then against IPA on days it never saw.

Shows `make_sb3_vec_env`: one call steps all environments, infos and masks are as stable-baselines3 wants them, rewards
are scaled, and windows come from the training days. Needs `pip install 'ipa-gym[train]'`. Run:

    python examples/stable_baselines3_ppo.py --steps 300000 --seed 1
    python examples/stable_baselines3_ppo.py --algorithm PPO --env ipa_gym/AudioQA-v0
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

import ipa_gym
from ipa_gym.training import PipelineVecEnv, make_sb3_vec_env

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"MaskablePPO": MaskablePPO, "PPO": PPO}
N_ENVS, N_STEPS = 64, 32
HYPERPARAMETERS = {
    "n_steps": N_STEPS,
    "batch_size": 512,
    "n_epochs": 4,
    "learning_rate": lambda left: 1e-3 * left,  # falls to 0; left: fraction of the training
    "gamma": 0.9,  # what is decided now matters for a minute or two: intervals are 10 s
    "ent_coef": 0.005,
}


class Lines(BaseCallback):
    """Prints a line for each tenth of the training."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._every, self._next = steps // 10, steps // 10

    def _on_step(self) -> bool:
        if self.num_timesteps >= self._next and self.model.ep_info_buffer:
            self._next += self._every
            recent = np.mean([episode["r"] / episode["l"] for episode in self.model.ep_info_buffer])
            print(f"{self.num_timesteps:>9,} steps  reward {recent:9.2f}")
        return True


def judge(vec_env: PipelineVecEnv, act: Callable[[np.ndarray], np.ndarray], *, seed: int) -> str:
    """Mean reward an interval, unscaled, and SLA violations, over one episode in every environment."""
    vec_env.seed(seed)
    observations, ended = vec_env.reset(), np.zeros(1, dtype=bool)
    violations, arrivals = 0, 0
    while not ended.any():  # all episodes are equally long
        observations, _, ended, infos = vec_env.step(act(observations))
        metrics = vec_env.interval_metrics()
        violations, arrivals = violations + metrics["violations"].sum(), arrivals + metrics["arrivals"].sum()
    reward = np.mean([info["episode"]["r"] / info["episode"]["l"] for info in infos])
    return f"reward {reward:9.2f}   SLA violations {100 * violations / arrivals:5.2f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="ipa_gym/Video-v0", help="environment id")
    parser.add_argument("--algorithm", choices=tuple(ALGORITHMS), default="MaskablePPO")
    parser.add_argument("--steps", type=int, default=300_000, help="environment steps of all copies together")
    parser.add_argument("--seed", type=int, default=1, help="of the networks and the windows")
    parser.add_argument("--test-episodes", type=int, default=64, help="windows of the test days")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the networks are small: more threads would only wait for each other

    vec_env = make_sb3_vec_env(chosen.env, N_ENVS, trace="twitter-like")
    model = ALGORITHMS[chosen.algorithm]("MlpPolicy", vec_env, seed=chosen.seed, device="cpu", **HYPERPARAMETERS)
    model.learn(chosen.steps, callback=Lines(chosen.steps))

    held_out = make_sb3_vec_env(chosen.env, chosen.test_episodes, trace="twitter-like", split="test")
    ipa = ipa_gym.make_policy("ipa-exact", held_out)
    masks = {"action_masks": held_out.action_masks()} if chosen.algorithm == "MaskablePPO" else {}

    def act(observations: np.ndarray) -> np.ndarray:
        return model.predict(observations, deterministic=True, **masks)[0]

    print(f"\nmean of an interval, {chosen.test_episodes} windows of twitter-like, test days")
    for name, decide in ((chosen.algorithm, act), ("IPA", ipa.act_many)):
        print(f"  {name:11}  {judge(held_out, decide, seed=10_000)}")


if __name__ == "__main__":
    main()
