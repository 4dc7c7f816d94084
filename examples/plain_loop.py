"""A plain Gymnasium loop: IPA and a random policy side by side, under the same traffic.

Shows `gymnasium.make`, `ipa_gym.make_policy`, and what `info` tells about every interval. Equal seeds give equal
arrivals whatever a policy does, so each line compares two decisions for one load. Run:

    python examples/plain_loop.py
    python examples/plain_loop.py --env ipa_gym/NLP-v0 --trace fluctuating --steps 60 --seed 7
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

import ipa_gym

POLICIES = ("ipa-exact", "random")
LINES = 12  # of the table; the means below it are over all intervals


def play(policy_name: str, options: dict[str, Any], *, steps: int, seed: int) -> list[dict[str, Any]]:
    """Play one episode, or its first steps; the infos of its intervals, each with its reward."""
    env = gym.make(**options)
    policy = ipa_gym.make_policy(policy_name, env)
    observation, _ = env.reset(seed=seed)
    policy.reset()
    seen: list[dict[str, Any]] = []
    truncated = False  # every episode ends by truncation
    while not truncated and len(seen) < steps:
        observation, reward, _, truncated, info = env.step(policy.act(observation))
        seen.append({**info, "reward": float(reward)})
    return seen


def mean_row(name: str, seen: list[dict[str, Any]]) -> str:
    """One policy's means over the intervals."""
    reward, pas, cost_cores = (np.mean([info[key] for info in seen]) for key in ("reward", "pas", "cost_cores"))
    violations, arrivals = (sum(info[key] for info in seen) for key in ("violations", "arrivals"))
    late_percent = 100 * violations / max(1, arrivals)
    return f"{name:>10} {reward:10.2f} {100 * pas:8.2f} {cost_cores:8.1f} {late_percent:8.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="ipa_gym/Video-v0", help="environment id")
    parser.add_argument("--trace", default="bursty", help="load")
    parser.add_argument("--steps", type=int, default=120, help="intervals at most; an episode of 1,200 s has 120")
    parser.add_argument("--seed", type=int, default=1, help="of the arrivals")
    chosen = parser.parse_args(arguments)

    options = {"id": chosen.env, "trace": chosen.trace}
    ipa, random = (play(name, options, steps=chosen.steps, seed=chosen.seed) for name in POLICIES)
    print(f"{'time s':>8} {'arrivals':>9} {'reward: ipa':>12} {'random':>10} {'cores: ipa':>11} {'random':>8}")
    for index in range(0, len(ipa), max(1, len(ipa) // LINES)):
        a, b = ipa[index], random[index]
        print(
            f"{a['time_s']:8.0f} {a['arrivals']:9d} {a['reward']:12.2f} {b['reward']:10.2f} "
            f"{a['cost_cores']:11.1f} {b['cost_cores']:8.1f}"
        )
    print(f"\n{'mean of':>10} {'reward':>10} {'PAS %':>8} {'cores':>8} {'SLA v. %':>8}")
    for name, seen in zip(POLICIES, (ipa, random), strict=True):
        print(mean_row(name, seen))


if __name__ == "__main__":
    main()
