"""How large rewards and observations are: rollouts of every pipeline on training days, as a learner meets them.

Policies: IPA, static, uniform over all actions, and uniform over those that the masks leave. Prints the reward, as it
is and times `reward_scale`, and each field of the observation. With --learn it also trains MaskablePPO and PPO from
scratch with several scales: what the rule 1 / rho was chosen by. docs/training.md holds what it printed. Run:

    python benchmarks/scales.py [--envs 16] [--episodes 2] [--learn 204800]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ipa_gym import ENVIRONMENTS, make_policy
from ipa_gym.training import PipelineVecEnv, make_sb3_vec_env, reward_scale

Act = Callable[[NDArray[np.float32]], NDArray[np.int64]]  # observations (n_envs, size) -> actions (n_envs, 3 S)
POLICIES = ("ipa-exact", "static", "random", "random, masked")
SCALES = (10.0, 1.0, 0.1)  # times 1 / rho


def make_act(name: str, vec_env: PipelineVecEnv) -> Act:
    """A policy for all environments at once."""
    if name not in ("random", "random, masked"):
        policies = [make_policy(name, vec_env) for _ in range(vec_env.num_envs)]
        return lambda observations: np.array([p.act(row) for p, row in zip(policies, observations, strict=True)])
    rng, nvec = np.random.default_rng(0), vec_env.actions.nvec
    masks = np.split(vec_env.action_masks()[0], np.cumsum(nvec)[:-1])
    choices = [np.flatnonzero(mask) if "masked" in name else np.arange(mask.size) for mask in masks]
    return lambda observations: np.stack([rng.choice(values, len(observations)) for values in choices], axis=1)


def rollout(
    card: str, policy: str, *, n_envs: int, episodes: int
) -> tuple[PipelineVecEnv, NDArray[np.float64], NDArray[np.float32]]:
    """Play whole episodes of training days.

    Returns: the environments; unscaled rewards (steps, n_envs); observations (steps, n_envs, size), those of ended
        episodes' last moments left out.
    """
    vec_env = make_sb3_vec_env(card, n_envs, seed=1, reward_scale=1.0)
    act, observations = make_act(policy, vec_env), vec_env.reset()
    rewards, seen = [], []
    for _ in range(episodes * vec_env.env.n_intervals):
        seen.append(observations)
        observations, reward, _, _ = vec_env.step(act(observations))
        rewards.append(reward)
    return vec_env, np.array(rewards, dtype=np.float64), np.array(seen)


def numbers(values: NDArray[np.floating]) -> list[float]:
    """Mean, standard deviation, minimum and maximum."""
    return [float(f(values)) for f in (np.mean, np.std, np.min, np.max)]


def print_tables(n_envs: int, episodes: int) -> None:
    """The two tables of docs/training.md."""
    fields: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    print("| pipeline | ρ | policy | reward | times 1/ρ: mean | std | min | max |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for env_id in ENVIRONMENTS:
        for policy in POLICIES:
            vec_env, rewards, seen = rollout(env_id, policy, n_envs=n_envs, episodes=episodes)
            scaled = " | ".join(f"{number:.2f}" for number in numbers(rewards * reward_scale(vec_env.pipeline)))
            rho = vec_env.pipeline.objective.rho
            print(f"| {vec_env.pipeline.name} | {rho:g} | {policy} | {rewards.mean():.2f} | {scaled} |", flush=True)
            for field in vec_env.layout.fields:
                fields.setdefault((field.name, policy), []).append(seen[..., field.slice].ravel())
    print("\n| field | " + " | ".join(POLICIES) + " |\n|---|" + "---|" * len(POLICIES))
    for name in dict.fromkeys(name for name, _ in fields):
        found = [numbers(np.concatenate(fields[name, policy])) for policy in POLICIES]
        cells = [f"{mean:.2f} ± {std:.2f}, {low:.2f} to {high:.2f}" for mean, std, low, high in found]
        print(f"| `{name}` | " + " | ".join(cells) + " |")


def learned_reward(algorithm: str, scale: float, *, steps: int) -> float:
    """Mean reward a step, unscaled, of the last 64 training episodes on video."""
    import sb3_contrib
    import stable_baselines3
    import torch

    torch.set_num_threads(1)
    learner = {"PPO": stable_baselines3.PPO, "MaskablePPO": sb3_contrib.MaskablePPO}[algorithm]
    vec_env = make_sb3_vec_env("video", 64, reward_scale=scale)
    settings = {"n_steps": 128, "batch_size": 1024, "n_epochs": 5, "gamma": 0.9, "seed": 0, "device": "cpu"}
    model = learner("MlpPolicy", vec_env, **settings).learn(steps)
    episodes = list(model.ep_info_buffer or ())[-64:]
    return float(np.mean([episode["r"] / episode["l"] for episode in episodes]))


def print_learning(steps: int) -> None:
    """What two learners reach from scratch with several scales."""
    rule = reward_scale(make_sb3_vec_env("video", 1).pipeline)
    print(f"\nvideo, {steps} steps from scratch, mean reward a step of the last 64 episodes\n")
    print("| learner | " + " | ".join(f"{factor:g} / ρ" for factor in SCALES) + " |\n|---|" + "---:|" * len(SCALES))
    for algorithm in ("MaskablePPO", "PPO"):
        cells = [f"{learned_reward(algorithm, factor * rule, steps=steps):.1f}" for factor in SCALES]
        print(f"| {algorithm} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=int, default=16, help="environments a rollout")
    parser.add_argument("--episodes", type=int, default=2, help="episodes an environment")
    parser.add_argument("--learn", type=int, default=0, metavar="STEPS", help="also train this long with each scale")
    arguments = parser.parse_args()
    print_tables(arguments.envs, arguments.episodes)
    if arguments.learn:
        print_learning(arguments.learn)


if __name__ == "__main__":
    main()
