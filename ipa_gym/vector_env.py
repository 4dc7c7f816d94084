"""`PipelineVectorEnv`: N copies of `PipelineEnv` in one kernel call, as Gymnasium's vector environment.

The same arguments, the same windows and the same floats as N single environments; `stepping/` computes both. Here are
only seeds, autoreset and infos. `gymnasium.make_vec("ipa_gym/Video-v0", num_envs=64)` makes one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ipa_gym import options as checks
from ipa_gym.action import ActionLayout
from ipa_gym.errors import OptionError
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Pipeline
from ipa_gym.settings import env_settings
from ipa_gym.stepping import Fleet
from ipa_gym.stepping.fleet_state import fleet_arrays, like, restore_fleet
from ipa_gym.vector_info import reset_infos, step_infos
from ipa_gym.windows import Window
from ipa_gym.workload.trace import Trace

_SEED_BITS = 63
_MODES = {mode.value: mode for mode in AutoresetMode}

Observations = NDArray[np.float32]
Flags = NDArray[np.bool_]
Infos = dict[str, Any]  # Any: arrays, and dicts of arrays


class PipelineVectorEnv(VectorEnv[Observations, NDArray[np.int64], NDArray[Any]]):
    """N pipelines under loads of their own, stepped together.

    Args:
        num_envs: how many, at least 1.
        pipeline, trace, options: as in `PipelineEnv`, but for `record` and `render_mode`, which need a single one.
        autoreset_mode: ``NextStep`` (Gymnasium's default): the step after an episode's end resets instead, with reward
            0; ``SameStep``: the last step resets at once and the last observation is in ``infos["final_obs"]``;
            ``Disabled``: the caller resets, all or by ``options={"reset_mask": ...}``.
        copy: return arrays that later steps do not touch; False: the environment's own, overwritten by the next step.
        n_threads: to step on; None: one a processor. The floats do not depend on it.
    Raises: OptionError, CardError or TraceError as `PipelineEnv` does.

    Environment i with seed s plays the episodes of a single environment with seed s + i, autoreset or not: the window
    of its episode k depends on (s, i, k) alone. Infos are arrays over the environments, each beside a mask ``_name``.
    """

    def __init__(
        self,
        num_envs: int = 1,
        pipeline: str | Path | Pipeline = "video",
        trace: str | Path | Trace = "twitter-like",
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        n_threads: int | None = None,
        **options: Any,  # Any: `env_settings` checks each
    ) -> None:
        self.num_envs = _at_least_one("num_envs", num_envs)
        if n_threads is not None:
            _at_least_one("n_threads", n_threads)
        self.autoreset_mode = _mode(autoreset_mode)
        self.settings = settings = env_settings(pipeline, trace, **_known(options))
        self.pipeline, self.trace, self.interval_s = settings.pipeline, settings.trace, settings.interval_s
        self.n_intervals, self.forecast_name = settings.n_intervals, settings.forecast
        self.layout, self.actions = ObservationLayout(self.pipeline, self.interval_s), ActionLayout(self.pipeline)
        self.single_observation_space, self.single_action_space = self.layout.space(), self.actions.space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self._copy = copy
        self._mask = np.concatenate(self.actions.masks(float(self.trace.counts.max()), self.interval_s))
        self._fleet = Fleet(settings, self.layout, self.num_envs, model=settings.simulator().model, n_threads=n_threads)
        n_windows = len(settings.episodes.fixed or (None,))
        self._windows = np.zeros((self.num_envs, n_windows, 2), dtype=np.int64)  # from and to, seconds of the trace
        self._seeds: list[int] | None = None  # of the sequences of episodes
        self._episode = np.full(self.num_envs, -1, dtype=np.int64)  # number in the sequence
        self._done = np.zeros(self.num_envs, dtype=np.bool_)  # the episode has ended and none has begun since

    # --- Gymnasium's interface ---

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        """Start an episode everywhere, or where a mask says.

        Args:
            seed: starts the sequences of episodes anew: environment i with ``seed + i``, or with its own of a list
                (None in it: goes on); None: all go on.
            options: ``start``: first second of the windows in the trace, one for all or one each; ``reset_mask``: bool
                (num_envs,), which environments. Both hold for this reset only.
        Returns: observations, and infos with ``windows``, int64 (num_envs, windows, 2), and ``episode_index``.
        Raises: OptionError for an unknown option, a faulty mask or seed, or a start outside the split.
        """
        chosen = dict(options or {})
        mask = self._reset_mask(chosen.pop("reset_mask", None))
        seeds, episode = self._sequences(seed, mask)
        drawn = self._draw(seeds, episode, mask, chosen)  # may refuse; nothing has changed so far
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._seeds = seeds
        self._begin(episode, mask, drawn)
        return self._observations(), reset_infos(self._windows, self._episode, mask)

    def step(self, actions: NDArray[np.int64]) -> tuple[Observations, NDArray[np.float64], Flags, Flags, Infos]:
        """Apply a decision everywhere and simulate one interval.

        Args:
            actions: integers (num_envs, 3 · n_stages), see `ActionLayout`.
        Returns: observations, rewards, terminations (all False), truncations, infos.
        Raises: OptionError for actions outside the space, before `reset`, or past an end without autoreset.
        """
        table = self._checked(actions)
        outputs, mode, done = self._fleet.outputs, self.autoreset_mode, self._done
        if self._seeds is None:
            raise OptionError("the episodes have not begun; expected a call of reset() first")
        if mode is AutoresetMode.DISABLED and done.any():
            raise OptionError(f"the episode of environment {int(np.argmax(done))} has ended; expected a reset() of it")
        stepped = ~done
        if stepped.any():
            self._fleet.step(table, stepped.copy())
        truncated = outputs.truncated & stepped
        rewards = np.where(stepped, outputs.reward, 0.0)
        infos = step_infos(outputs.metrics, stepped) if mode is not AutoresetMode.SAME_STEP else {}
        resetting = truncated if mode is AutoresetMode.SAME_STEP else done.copy()
        if mode is AutoresetMode.SAME_STEP:
            infos = step_infos(outputs.metrics, ~truncated)
            if truncated.any():
                infos |= {"final_obs": np.where(truncated[:, None], outputs.observation, 0), "_final_obs": truncated}
                infos |= {"final_info": step_infos(outputs.metrics, truncated), "_final_info": truncated}
        if resetting.any():
            episode = self._episode + resetting
            self._begin(episode, resetting, self._draw(self._seeds, episode, resetting, {}))
            infos |= reset_infos(self._windows, self._episode, resetting)
        self._done = truncated if mode is not AutoresetMode.SAME_STEP else np.zeros_like(truncated)
        return self._observations(), rewards, np.zeros(self.num_envs, dtype=np.bool_), truncated.copy(), infos

    def action_masks(self) -> NDArray[np.bool_]:
        """Which value of each number of the action may ever pay, in each environment: bool (num_envs, sum of nvec)."""
        return np.tile(self._mask, (self.num_envs, 1))

    @property
    def observations(self) -> Observations:
        """What the next decisions are for, float32 (num_envs, layout.size), a copy."""
        return self._fleet.outputs.observation.copy()

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of everything that the next step depends on, as plain arrays: to be stored, see `restore`.

        Raises: OptionError before `reset`.
        """
        if self._seeds is None:
            raise OptionError("the episodes have not begun; expected a call of reset() first")
        sequences = {
            "seeds": np.array(self._seeds, dtype=np.int64), "episode": self._episode.copy(),
            "windows": self._windows.copy(), "done": self._done.copy(),
        }  # fmt: skip
        return fleet_arrays(self._fleet) | {f"sequences.{name}": array for name, array in sequences.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Observations:
        """Go on, to the last bit, where environments of the same arguments were when `state_arrays` was called.

        Returns: the observations that the next decisions are for.
        Raises: OptionError if the arrays are of other environments.
        """
        seeds = like(arrays, "sequences.seeds", self._episode)
        windows = like(arrays, "sequences.windows", self._windows)
        episode, done = like(arrays, "sequences.episode", self._episode), like(arrays, "sequences.done", self._done)
        restore_fleet(self._fleet, arrays)
        self._seeds, self._episode, self._done = seeds.tolist(), episode.copy(), done.copy()
        self._windows[:] = windows
        return self._observations()

    # --- what it joins ---

    def _observations(self) -> Observations:
        observation = self._fleet.outputs.observation
        return observation.copy() if self._copy else observation

    def _draw(
        self, seeds: list[int], episode: NDArray[np.int64], mask: Flags, options: dict[str, Any]
    ) -> list[tuple[tuple[Window, ...], int]]:
        """Windows and seeds of the episodes of the environments in ``mask``."""
        draw, each = self.settings.episodes.draw, self._options_each(options)
        return [draw(seeds[i], int(episode[i]), each[i]) for i in np.flatnonzero(mask).tolist()]

    def _begin(self, episode: NDArray[np.int64], mask: Flags, drawn: list[tuple[tuple[Window, ...], int]]) -> None:
        """Begin the drawn episodes of the environments in ``mask``."""
        index = np.flatnonzero(mask)
        self._episode = episode
        self._windows[index] = np.array([windows for windows, _ in drawn], dtype=np.int64)
        begins = self._windows[index, 0, 0]
        episode_seeds = np.array([episode_seed for _, episode_seed in drawn], dtype=np.uint64)
        self._fleet.begin(index, begins, episode_seeds, self._fleet.initial_decisions(begins))
        self._done[index] = False

    def _options_each(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """The reset options of each environment, where ``start`` may be one second or a row of them."""
        starts = options.get("start")
        if not isinstance(starts, Sequence | np.ndarray):
            return [options] * self.num_envs
        if len(starts) != self.num_envs:
            raise OptionError(f"start has {len(starts)} seconds; expected one, or {self.num_envs}: one an environment")
        return [{**options, "start": start} for start in starts]

    def _sequences(self, seed: int | Sequence[int | None] | None, mask: Flags) -> tuple[list[int], NDArray[np.int64]]:
        """Seeds of the sequences, and the numbers of the episodes that the environments in ``mask`` are to begin."""
        given: list[int | None]
        if seed is None or isinstance(seed, int | np.integer):
            given = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        else:
            given = list(seed)
        if len(given) != self.num_envs:
            raise OptionError(f"seed has {len(given)} numbers; expected {self.num_envs}, one an environment")
        if any(number is not None and number < 0 for number in given):
            raise OptionError(f"seed is {min(n for n in given if n is not None)}; expected whole numbers from 0")
        seeds = list(self._seeds or self.np_random.integers(1 << _SEED_BITS, size=self.num_envs).tolist())
        episode = self._episode + mask
        for i in np.flatnonzero(mask).tolist():
            number = given[i]
            if number is not None:
                seeds[i], episode[i] = number, 0
        return seeds, episode

    def _reset_mask(self, mask: Any) -> Flags:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        found = np.asarray(mask)
        if found.dtype != np.bool_ or found.shape != (self.num_envs,) or not found.any():
            raise OptionError(
                f"reset_mask has type {found.dtype} and shape {found.shape}; expected bool ({self.num_envs},), "
                "at least one of them True"
            )
        if self._seeds is None and not found.all():
            raise OptionError("reset_mask leaves environments out before the first reset(); expected all of them")
        return found

    def _checked(self, actions: Any) -> NDArray[np.int64]:
        table = np.asarray(actions)
        if table.shape != self.action_space.shape or table.dtype.kind not in "iu":
            raise OptionError(
                f"actions have shape {table.shape} and type {table.dtype}; expected integers {self.action_space.shape}"
            )
        legal = (table >= 0) & (table < self.actions.nvec)
        if not legal.all():
            row = int(np.argmin(legal.all(axis=1)))
            try:
                self.actions.decode(table[row])
            except OptionError as error:
                raise OptionError(f"environment {row}: {error}") from None
        return np.ascontiguousarray(table, dtype=np.int64)


def _at_least_one(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise OptionError(f"{name} is {value!r}; expected a whole number of at least 1")
    return int(value)


def _mode(mode: str | AutoresetMode) -> AutoresetMode:
    return mode if isinstance(mode, AutoresetMode) else _MODES[checks.choice("autoreset_mode", mode, tuple(_MODES))]


def _known(options: dict[str, Any]) -> dict[str, Any]:
    """The options of one environment that many can have."""
    for name, instead in (("render_mode", None), ("record", False)):
        if options.pop(name, instead) != instead:
            raise OptionError(
                f"{name} is set on a vector environment; expected a single one: gymnasium.make, or "
                'gymnasium.make_vec(..., vectorization_mode="sync")'
            )
    for name in options:
        checks.choice("option", name, tuple(inspect.signature(env_settings).parameters))
    return options
