"""`MarginVecEnv`: the environments of stable-baselines3 with the optimiser between the learner and the pipeline.

The learner's action is the forecast's correction, each stage's margin and the reluctance to change variants; what
becomes of it is for `ipa_gym.policies.load_margins`. Nothing is simulated here.
"""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnvWrapper

from ipa_gym.policies.base import Setting
from ipa_gym.policies.load_margins import LoadMargins
from ipa_gym.training.vec_env import Observations, PipelineVecEnv, StepReturn


class MarginVecEnv(VecEnvWrapper):
    """N pipelines steered by `LoadMargins`.

    Actions are float32 (2 + n_stages,) in [-1, 1]; all zero is IPA's decision for the forecast.
    Args:
        span: the largest factor on the load, see `LoadMargins`.
    """

    def __init__(self, venv: PipelineVecEnv, *, span: float) -> None:
        setting = Setting(venv.pipeline, venv.layout, venv.actions, venv.interval_s)
        self._margins = LoadMargins(setting, span=span)
        space = spaces.Box(-1.0, 1.0, (self._margins.n_outputs,), dtype=np.float32)
        super().__init__(venv, action_space=space)
        self._pipelines = venv

    def reset(self) -> Observations:
        """Start an episode everywhere; see `PipelineVecEnv.reset`."""
        observations = self._pipelines.reset()
        self.reset_infos = self._pipelines.reset_infos
        return observations

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Take the numbers for the next step, float32 (num_envs, 2 + n_stages)."""
        self._pipelines.step_async(self._margins.act_many(self._pipelines.observations, actions))

    def step_wait(self) -> StepReturn:
        """Simulate one interval everywhere; see `PipelineVecEnv.step_wait`."""
        step = self._pipelines.step_wait()
        self.reset_infos = self._pipelines.reset_infos
        return step
