"""`PipelineVecEnv`: many environments as stable-baselines3's `VecEnv`, in one kernel call a step.

`PipelineVectorEnv` simulates; here are only what stable-baselines3 expects of it: infos, truncation, action masks,
seeds, and the constant that rewards are multiplied by. `make_sb3_vec_env` makes one. Next: `episode_infos.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from ipa_gym import options as checks
from ipa_gym.episode import INFO, TERMS
from ipa_gym.errors import OptionError
from ipa_gym.stepping.fleet_state import like
from ipa_gym.training.episode_infos import EMPTY_INFO, Info, begun_infos, ended_infos
from ipa_gym.training.scaling import reward_scale as scale_by_rule
from ipa_gym.vector_env import PipelineVectorEnv

Observations = NDArray[np.float32]
StepReturn = tuple[Observations, NDArray[np.float32], NDArray[np.bool_], list[Info]]
METHODS = ("action_masks",)  # that `env_method` can call


class PipelineVecEnv(VecEnv):
    """N pipelines for stable-baselines3 and sb3-contrib.

    Args:
        env: the environments, with autoreset mode ``SameStep``. Observations are copied here, whether they are copied
            there or not: stable-baselines3 puts them into its buffer only after the next step.
        reward_scale: what rewards are multiplied by, above 0; None: by rule, see `reward_scale`.
        violation_weight: what the reward's last term, the penalty for violations, is multiplied by for the learner;
            returns in infos and `interval_metrics` keep the environment's own.
    Raises: OptionError.

    Environment i after ``seed(s)`` plays the episodes of a single environment with seed s + i. Every episode ends by
    truncation. The infos of the environments whose episode ended hold the last interval's metrics,
    ``terminal_observation``, ``TimeLimit.truncated`` (True) and ``episode``, the latter as SB3's `Monitor` gives it and
    with the return unscaled; all others are one empty dict that refuses to be written to. `interval_metrics` has the
    metrics of every step, as arrays.
    """

    def __init__(
        self, env: PipelineVectorEnv, *, reward_scale: float | None = None, violation_weight: float = 1.0
    ) -> None:
        if env.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise OptionError(f"env has autoreset_mode {env.autoreset_mode.value!r}; expected 'SameStep'")
        self.env = env
        self.settings, self.pipeline, self.trace = env.settings, env.pipeline, env.trace
        self.layout, self.actions, self.interval_s = env.layout, env.actions, env.interval_s
        self.forecast_name = env.settings.forecast
        self.reward_scale = (
            scale_by_rule(env.pipeline) if reward_scale is None else _positive("reward_scale", reward_scale)
        )
        self.violation_weight = _positive("violation_weight", violation_weight)
        self._returns, self._lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=np.int64)
        self._infos: dict[str, Any] = {}  # of the newest step, as arrays
        self._chosen: NDArray[np.int64] | None = None
        self.last_actions: NDArray[np.int64] | None = None  # of the newest step, whoever wraps this
        self._made_s = time.perf_counter()
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    # --- stable-baselines3's interface ---

    def reset(self) -> Observations:
        """Start an episode everywhere, with the seeds and options that were set since the last reset.

        Returns: observations, float32 (num_envs, layout.size); ``reset_infos`` says which windows are played.
        Raises: OptionError for a faulty option.
        """
        observations, infos = self.env.reset(seed=self._seeds, options=self._joined_options())
        self._reset_seeds()
        self._reset_options()
        self._returns[:], self._lengths[:], self._infos, self.last_actions = 0.0, 0, {}, None
        self.reset_infos = begun_infos(infos, np.arange(self.num_envs))
        return observations.copy()

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take the decisions for the next step, integers (num_envs, 3 · n_stages)."""
        self._chosen = actions

    def step_wait(self) -> StepReturn:
        """Simulate one interval everywhere.

        Returns: observations (of the next episode where one ended), scaled rewards, ends, infos. Later steps do not
            touch them.
        Raises: OptionError for actions outside the space, or before `reset`.
        """
        actions, self._chosen = self._chosen, None
        if actions is None:
            raise OptionError("step_wait() without decisions; expected a call of step_async() first")
        observations, rewards, _, truncated, self._infos = self.env.step(actions)
        self.last_actions = actions
        self._returns += rewards
        self._lengths += 1
        infos: list[Info] = [EMPTY_INFO] * self.num_envs
        if truncated.any():
            self._end_episodes(np.flatnonzero(truncated), infos)
        if self.violation_weight != 1.0:
            rewards = rewards + (self.violation_weight - 1.0) * self.interval_metrics()["reward_violations"]
        return observations.copy(), (rewards * self.reward_scale).astype(np.float32), truncated, infos

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each environment; all but the bound methods are one object that they share.

        Raises: AttributeError for one that they do not have.
        """
        rows = self._rows(indices)
        if attr_name in METHODS:
            return [partial(self._call, attr_name, i) for i in rows.tolist()]
        return [self._shared(attr_name)] * len(rows)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> NoReturn:
        """Raises: OptionError: the environments are rows of arrays and have no attributes of their own."""
        raise OptionError(
            f"set_attr({attr_name!r}): the environments share their attributes and keep them; expected options of "
            "make_sb3_vec_env, or set_options() for the next reset"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each environment, one of `METHODS`; the answers are rows of one array.

        Raises: AttributeError for any other.
        """
        if method_name not in METHODS:
            raise AttributeError(
                f"environments of a PipelineVecEnv have no method {method_name!r} that is called one by one; known: "
                f"{', '.join(METHODS)}"
            )
        return list(getattr(self.env, method_name)(*method_args, **method_kwargs)[self._rows(indices)])

    def env_is_wrapped(self, wrapper_class: type[gymnasium.Wrapper], indices: VecEnvIndices = None) -> list[bool]:  # type: ignore[type-arg]  # as SB3 declares it
        """True for SB3's `Monitor` alone: nothing wraps the environments, but their ``episode`` infos are its.

        So `evaluate_policy` and `EvalCallback` report unscaled returns, and `VecMonitor`, which would record scaled
        ones over them, warns.
        """
        return [issubclass(Monitor, wrapper_class)] * len(self._rows(indices))

    def get_images(self) -> NoReturn:
        """Raises: OptionError: only a single environment draws."""
        raise OptionError(
            "many environments are not drawn; expected a single one: gymnasium.make(..., render_mode='rgb_array')"
        )

    # --- beyond it ---

    def action_masks(self) -> NDArray[np.bool_]:
        """Which value of each number of the action may ever pay, in each environment: bool (num_envs, sum of nvec)."""
        return self.env.action_masks()

    def interval_metrics(self) -> dict[str, NDArray[Any]]:
        """Metrics of the newest step, those of a single environment's ``info`` under flat keys, each (num_envs,).

        Terms of the reward, unscaled, are under ``reward_accuracy``, ``reward_cost``, ``reward_batch`` and
        ``reward_violations``. Empty before the first step after a reset.
        """
        parts = [part for part in (self._infos, self._infos.get("final_info", {})) if "reward_terms" in part]
        if not parts:
            return {}
        metrics = {name: _joined([part[name] for part in parts]) for name in INFO}
        terms = {f"reward_{name}": _joined([part["reward_terms"][name] for part in parts]) for name in TERMS}
        return metrics | terms

    @property
    def observations(self) -> Observations:
        """What the next decisions are for, float32 (num_envs, layout.size), a copy."""
        return self.env.observations

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of everything that the next step depends on; see `PipelineVectorEnv.state_arrays`."""
        return self.env.state_arrays() | {"returns": self._returns.copy(), "lengths": self._lengths.copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on where such environments were when `state_arrays` was called. Raises: OptionError."""
        returns, lengths = like(arrays, "returns", self._returns), like(arrays, "lengths", self._lengths)
        self.env.restore(arrays)
        self._reset_seeds()  # those that are set belong to a reset that lies behind
        self._reset_options()
        self._returns[:], self._lengths[:], self._infos, self.last_actions = returns, lengths, {}, None

    # --- what it joins ---

    def _end_episodes(self, ended: NDArray[np.int64], infos: list[Info]) -> None:
        """Fill in the infos of the environments whose episode ended, and begin the counts of the next one."""
        t_s = time.perf_counter() - self._made_s
        final = ended_infos(self._infos, ended, returns=self._returns, lengths=self._lengths, t_s=t_s)
        begun = begun_infos(self._infos, ended)
        for row, i in enumerate(ended.tolist()):
            infos[i], self.reset_infos[i] = final[row], begun[row]
        self._returns[ended], self._lengths[ended] = 0.0, 0

    def _joined_options(self) -> dict[str, Any] | None:
        """The environments' reset options as those of one reset."""
        if len(self._options) != self.num_envs:
            raise OptionError(
                f"set_options has {len(self._options)} dicts; expected {self.num_envs}: one an environment"
            )
        names = set(self._options[0])
        if any(set(options) != names for options in self._options):
            raise OptionError("set_options has other keys for some environments; expected the same in all of them")
        return {name: [options[name] for options in self._options] for name in sorted(names)} or None

    def _shared(self, name: str) -> Any:
        """An attribute that all environments have."""
        known = {
            "render_mode": None,
            "observation_space": self.env.single_observation_space,
            "action_space": self.env.single_action_space,
            **{part: getattr(self, part) for part in ("settings", "pipeline", "trace", "layout", "actions")},
            **{part: getattr(self, part) for part in ("interval_s", "forecast_name")},
        }
        if name not in known:
            raise AttributeError(
                f"environments of a PipelineVecEnv have no attribute {name!r}; known: {', '.join((*known, *METHODS))}"
            )
        return known[name]

    def _call(self, method_name: str, index: int, *arguments: Any, **named: Any) -> Any:
        return self.env_method(method_name, *arguments, indices=index, **named)[0]

    def _rows(self, indices: VecEnvIndices) -> NDArray[np.int64]:
        everyone = np.arange(self.num_envs)
        if indices is None:
            return everyone
        return np.atleast_1d(everyone[indices if isinstance(indices, int) else list(indices)])


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Values of those whose episode goes on and of those whose has ended; each is 0 where the other has values."""
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _positive(name: str, value: Any) -> float:
    return checks.positive(name, value)
