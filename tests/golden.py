"""Golden trajectories: a hash of a fixed rollout of every environment id, to notice any change of results.

They prove sameness, never correctness. `python -m tests.golden` prints them, `python -m tests.golden --write` replaces
the file: only together with a new version of the id, or an entry under "Changes results" in CHANGELOG.md.
Numbers are hashed with 9 significant digits (6 where they are float32): another processor's last bit is no change.
`python -m tests.golden --exact` hashes every bit, for comparisons on one machine.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import ipa_gym
from ipa_gym.episode import IntervalRow

FILE = Path(__file__).with_name("golden_trajectories.json")
SEED, STEPS = 20241, 60
ROUNDED, EXACT = (9, 6), (17, 9)  # significant digits of float64, float32; the second pair tells any two floats apart
SETTINGS: Mapping[str, Mapping[str, Any]] = {  # what differs from the defaults
    "default": {},
    "noise": {"service_cv": 0.5, "scale": 4.0, "trace": "bursty", "split": "all", "interval": 5.0},
}


def _action(rng: np.random.Generator, env: gym.Env) -> np.ndarray:
    """Any variants and batches, few replicas, so that requests wait, come late and are dropped."""
    action = rng.integers(env.action_space.nvec)
    action[2::3] = rng.integers(0, 4, size=len(action) // 3)
    return action


def rollout_rows(env_id: str, settings: Mapping[str, Any]) -> list[IntervalRow]:
    """The rows of the rollout, for a test of what happens in it."""
    env = gym.make(env_id, **settings)
    for _ in _lines(env, ROUNDED):
        pass
    rows: list[IntervalRow] = env.unwrapped.rows
    return rows


def _lines(env: gym.Env, digits: tuple[int, int]) -> Iterator[str]:
    double, single = digits
    rng = np.random.default_rng(SEED)
    observation, _ = env.reset(seed=SEED)
    yield " ".join(f"{value:.{single}g}" for value in observation)
    action = _action(rng, env)
    for _ in range(STEPS):
        if rng.random() < 0.5:
            action = _action(rng, env)
        observation, reward, terminated, truncated, info = env.step(action)
        yield " ".join(f"{value:.{single}g}" for value in observation)
        yield f"{reward:.{double}g} {terminated} {truncated}"
        yield " ".join(f"{name}={info[name]:.{double}g}" for name in sorted(info) if name != "reward_terms")
        yield " ".join(f"{name}={value:.{double}g}" for name, value in sorted(info["reward_terms"].items()))


def trajectories(digits: tuple[int, int] = ROUNDED) -> dict[str, str]:
    """Name of the rollout -> SHA-256 of everything that it returned, with so many significant digits."""
    return {
        f"{env_id} {name}": hashlib.sha256("\n".join(_lines(gym.make(env_id, **settings), digits)).encode()).hexdigest()
        for env_id in ipa_gym.ENVIRONMENTS
        for name, settings in SETTINGS.items()
    }


if __name__ == "__main__":
    text = json.dumps(trajectories(EXACT if sys.argv[1:] == ["--exact"] else ROUNDED), indent=2) + "\n"
    if sys.argv[1:] == ["--write"]:
        FILE.write_text(text, encoding="utf-8")
    print(text, end="")
