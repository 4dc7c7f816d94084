"""`DiscreteVecEnv`: one choice among the useful configurations, for DQN and its like on many environments at once.

Turns the rows' numbers into the environments' actions and nothing else; the table is the one of
`ipa_gym/wrappers/useful.py`, and `make_sb3_vec_env` makes what it goes around.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from ipa_gym.errors import OptionError
from ipa_gym.training.vec_env import Observations, PipelineVecEnv, StepReturn
from ipa_gym.wrappers.useful import MOST, highest_load_rps, useful_configurations


class DiscreteVecEnv(VecEnvWrapper):
    """N pipelines whose action is one number each: a row of the table of useful configurations.

    Args:
        venv: the environments, as `make_sb3_vec_env` gives them. Everything but the actions is theirs: seeds, infos,
            `interval_metrics`, ``layout`` and so on.
        peak_rps: highest load of the table; None: see `highest_load_rps`.
        step_rps, most: see `useful_configurations`.
    Raises: OptionError as `useful_configurations` does.
    """

    def __init__(
        self, venv: PipelineVecEnv, *, peak_rps: float | None = None, step_rps: float = 1.0, most: int = MOST
    ) -> None:
        highest_rps = highest_load_rps(venv.settings) if peak_rps is None else peak_rps
        self.table = useful_configurations(venv.pipeline, peak_rps=highest_rps, step_rps=step_rps, most=most)
        super().__init__(venv, action_space=spaces.Discrete(len(self.table)))

    def reset(self) -> Observations:
        """Start an episode everywhere; see `PipelineVecEnv.reset`."""
        observations: Observations = self.venv.reset()  # type: ignore[assignment]  # SB3's also cover dicts
        self.reset_infos = self.venv.reset_infos  # one list, which the environments keep up to date
        return observations

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the decisions for the next step.

        Args:
            actions: integers (num_envs,), rows of ``table``.
        Raises: OptionError for another shape or a number outside the table.
        """
        rows = np.asarray(actions)
        if rows.shape != (self.num_envs,) or rows.dtype.kind not in "iu":
            raise OptionError(
                f"actions have shape {rows.shape} and type {rows.dtype}; expected integers ({self.num_envs},)"
            )
        outside = (rows < 0) | (rows >= len(self.table))
        if outside.any():
            found = int(rows[outside][0])
            raise OptionError(f"action is {found}; expected a whole number from 0 to {len(self.table) - 1}")
        self.venv.step_async(self.table[rows])

    def step_wait(self) -> StepReturn:
        """Simulate one interval everywhere; see `PipelineVecEnv.step_wait`."""
        step: StepReturn = self.venv.step_wait()  # type: ignore[assignment]  # as above
        return step

    def action_masks(self) -> NDArray[np.bool_]:
        """Which rows may ever pay, in each environment: bool (num_envs, n), all True."""
        return np.ones((self.num_envs, len(self.table)), dtype=np.bool_)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each environment; the space of actions and the masks are those of the rows.

        Raises: AttributeError for one that they do not have.
        """
        found = self.venv.get_attr(attr_name, indices)
        if attr_name == "action_space":
            return [self.action_space] * len(found)
        if attr_name == "action_masks":
            return [partial(np.ones, len(self.table), dtype=np.bool_)] * len(found)
        return found

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each environment; the masks are those of the rows. Raises: as `PipelineVecEnv`."""
        found = self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs)
        return list(self.action_masks()[: len(found)]) if method_name == "action_masks" else found
