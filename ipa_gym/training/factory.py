"""`make_sb3_vec_env`: many environments for stable-baselines3, from an id or a card and the environments' options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from ipa_gym import ENVIRONMENTS
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Pipeline
from ipa_gym.training.vec_env import PipelineVecEnv
from ipa_gym.vector_env import PipelineVectorEnv

_ENTRY_POINT = "ipa_gym.vector_env:PipelineVectorEnv"


def make_sb3_vec_env(
    env: str | Path | Pipeline = "ipa_gym/Video-v0",
    n_envs: int = 64,
    *,
    seed: int | None = None,
    reward_scale: float | None = None,
    violation_weight: float = 1.0,
    n_threads: int | None = 1,
    **options: Any,  # Any: `PipelineVectorEnv` checks each
) -> PipelineVecEnv:
    """Make N environments for stable-baselines3 or sb3-contrib.

    Args:
        env: an id (``ipa_gym/Video-v0``), a card's name, a path to one, or a `Pipeline`.
        n_envs: how many.
        seed: of the next reset, see `PipelineVecEnv.seed`; None: as the learner seeds them.
        reward_scale: what rewards are multiplied by; None: by rule, see `reward_scale`; 1: not at all.
        violation_weight: factor on the penalty for violations in the learner's rewards, see `PipelineVecEnv`.
        n_threads: to step on; None: one a processor. One is the default here: the learner takes most of the time, and
            on a busy machine its threads and the environments' wait for each other.
        options: of the environments: ``trace``, ``split``, ``forecast`` and so on, see `PipelineEnv`. Without ``split``
            windows are drawn from the training days of a trace that has them.
    Raises: OptionError, UnknownNameError, CardError or TraceError: one error that names the argument.
    """
    for name in ("autoreset_mode", "copy", "num_envs"):
        if name in options:
            raise OptionError(f"{name} is given to make_sb3_vec_env, which sets it; expected none (n_envs: how many)")
    arguments = {**_of_env(env), **options}
    fleet = PipelineVectorEnv(n_envs, autoreset_mode="SameStep", copy=False, n_threads=n_threads, **arguments)
    vec_env = PipelineVecEnv(fleet, reward_scale=reward_scale, violation_weight=violation_weight)
    if seed is not None:
        vec_env.seed(seed)
    return vec_env


def _of_env(env: str | Path | Pipeline) -> dict[str, Any]:  # Any: what an id was registered with
    """Arguments that an id, or a card, stands for."""
    spec = gymnasium.registry.get(env) if isinstance(env, str) else None
    if spec is not None and spec.vector_entry_point == _ENTRY_POINT:
        return dict(spec.kwargs)
    if spec is not None or (isinstance(env, str) and env.startswith("ipa_gym/")):
        raise unknown_name("environment id", str(env), (*ENVIRONMENTS, "ipa_gym/Pipeline-v0"))
    return {"pipeline": env}
