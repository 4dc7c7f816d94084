"""The toy pipeline in many environments, and the same environments one by one, as SB3 would wrap them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.monitor import Monitor

from ipa_gym.training import PipelineVecEnv, make_sb3_vec_env
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

N_INTERVALS = 6  # of an episode
SECONDS = np.arange(2000)
WAVE = Trace("wave", np.rint(15 + 15 * np.sin(SECONDS / 60.0)).astype(np.int64))  # 0 to 30 rps: more than it carries
OPTIONS: dict[str, Any] = {"trace": WAVE, "episode_s": 60}


def toy_vec_env(n_envs: int, seed: int | None = None, **changes: Any) -> PipelineVecEnv:
    """The toy pipeline under the wave, ``N_INTERVALS`` decisions an episode."""
    return make_sb3_vec_env(toy_pipeline(), n_envs, seed=seed, **{**OPTIONS, **changes})


def toy_singles(n_envs: int) -> list[gymnasium.Env[Any, Any]]:
    """As many single environments."""
    pipeline = toy_pipeline()
    return [Monitor(gymnasium.make("ipa_gym/Pipeline-v0", pipeline=pipeline, **OPTIONS)) for _ in range(n_envs)]


def random_actions(vec_env: PipelineVecEnv, n_steps: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Uniform over all actions: int64 (n_steps, n_envs, 3 S)."""
    nvec = vec_env.actions.nvec
    return np.random.default_rng(seed).integers(0, nvec, size=(n_steps, vec_env.num_envs, nvec.size))


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Tests run beside each other: more threads than processors make small networks slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
