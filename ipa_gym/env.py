"""`PipelineEnv`: the Gymnasium environment that joins load, simulator, observation and reward.

It computes none of these itself: `stepping/` does, a fleet of one environment here, of many in `vector_env.py`.
See also `queueing/simulator.py`, `observation.py`, `reward.py`, `rendering.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ipa_gym import options as checks
from ipa_gym.action import ActionLayout
from ipa_gym.episode import IntervalRow, Step, interval_info, interval_row
from ipa_gym.errors import OptionError
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.settings import env_settings
from ipa_gym.snapshot import EnvState
from ipa_gym.stepping import Fleet
from ipa_gym.windows import Window
from ipa_gym.workload.trace import Trace

_SEED_BITS = 63


class PipelineEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.int64]]):
    """
    ## Description

    A chain of inference stages serves a load that changes from second to second. Every interval (10 s) a controller
    chooses, for each stage, the model variant, the batch size and the number of replicas. Requests are simulated one
    by one on an exact queueing model (`docs/model.md`). The problem is IPA's (arXiv 2308.12871); five of its pipelines
    ship as cards, and any card of one's own works by path.

    ## Action space

    `MultiDiscrete([V_1, B_1, N_1, ..., V_S, B_S, N_S])`: for each stage the index of the variant, the index of the
    batch size (powers of two), and replicas − 1. Any action is legal; `action_masks()` rules out what can never pay.

    ## Observation space

    One float32 vector, roughly in [0, 1] and never clipped: the load of the last 120 s as 12 maxima of 10 s, the
    forecast, and for each stage the serving and the target variant (one-hot), batch, replicas, replicas starting, queue
    length, utilisation, p99 sojourn over the SLA, and drops. `ObservationLayout` (`env.unwrapped.layout`) names every
    slice, reads it back in natural units and prints its table for a given pipeline (`layout.table()`).

    ## Reward

    α · A − β · cost − δ · Σ b − ρ · violations / (mean requests of an interval), see `reward.py`; the terms are in
    `info["reward_terms"]`. Without the last term it is IPA's objective.

    ## Starting state

    Warm: the load history is the trace's 120 s before the window, and what serves is the card's `initial`, by default
    IPA's decision for the history's maximum. `reset(options={"start": second})` chooses the window's first second.

    ## Episode end

    Truncated at the end of the trace window (1,200 s by default); never terminated.

    ## Arguments

    - `pipeline`: a card's name, a path to one, or a `Pipeline`.
    - `trace`: a trace's name, a path to a file of counts or timestamps, or a `Trace`.
    - `scale`: multiplies the trace's counts (rounded down).
    - `split`: `train`, `test` or `all`: where windows are drawn from (default `train` where the trace has it).
    - `windows`: list of (from, to) seconds, joined into one fixed episode; without it each reset draws a window of
      `episode_s`.
    - `interval`: seconds between decisions. `arrivals`: `poisson`, `exact` or `even`.
    - `forecast`: a name of `ipa_gym.forecast.FORECASTS`, or a file of weights for `lstm`; the card's without it.
    - `batch_cap`, `replica_cap`: other caps than the card's.
    - `service_cv`: coefficient of variation of service times; `service_scale`, `startup_scale`: truth over profile.
    - `reward`: overrides of `alpha`, `beta`, `delta`, `rho`, `accuracy_measure`.
    - `record`: keep every request's path for `simulator.records()`; costs memory, changes nothing else.
    - `render_mode`: `ansi` or `rgb_array`.

    ## Version history

    - v0: first release.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # noqa: RUF012  # Gymnasium's

    def __init__(
        self,
        pipeline: str | Path | Pipeline = "video",
        trace: str | Path | Trace = "twitter-like",
        *,
        scale: float = 1.0,
        split: str | None = None,
        windows: Sequence[Sequence[int]] | None = None,
        episode_s: int = 1200,
        interval: float = 10.0,
        arrivals: str = "poisson",
        forecast: str | Path | None = None,
        batch_cap: int | None = None,
        replica_cap: int | None = None,
        service_cv: float = 0.0,
        service_scale: float = 1.0,
        startup_scale: float = 1.0,
        reward: Mapping[str, Any] | None = None,
        record: bool = False,
        render_mode: str | None = None,
    ) -> None:
        settings = env_settings(
            pipeline,
            trace,
            scale=scale,
            split=split,
            windows=windows,
            episode_s=episode_s,
            interval=interval,
            arrivals=arrivals,
            forecast=forecast,
            batch_cap=batch_cap,
            replica_cap=replica_cap,
            service_cv=service_cv,
            service_scale=service_scale,
            startup_scale=startup_scale,
            reward=reward,
        )
        self.settings = settings
        self.pipeline, self.trace, self.interval_s = settings.pipeline, settings.trace, settings.interval_s
        self.n_intervals = settings.n_intervals
        self.forecast_name = settings.forecast
        self.layout = ObservationLayout(self.pipeline, self.interval_s)
        self.actions = ActionLayout(self.pipeline)
        self.simulator = settings.simulator(record=record)
        self._recording, self._pending = record, np.ones(1, dtype=np.bool_)
        self._fleet = Fleet(settings, self.layout, 1, model=self.simulator.model, memory=self.simulator.memory)
        self.observation_space: spaces.Box = self.layout.space()  # type: ignore[assignment]  # Gymnasium's is generic
        self.action_space: spaces.MultiDiscrete = self.actions.space()
        self._mask = np.concatenate(self.actions.masks(float(self.trace.counts.max()), self.interval_s))
        if render_mode is not None:
            checks.choice("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._steps: list[Step] = []
        self._rows: list[IntervalRow] = []
        self._seed: int | None = None
        self._episode = -1
        self._windows: tuple[Window, ...] | None = None

    # --- Gymnasium's interface ---

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode. Its window and its arrivals depend on the seed and on how many episodes came before.

        Args:
            seed: starts the sequence of episodes anew; None goes on with the next episode of the sequence.
            options: ``{"start": second}``: the window's first second in the trace.
        Returns: the observation, and ``info`` with ``windows`` and ``episode_index``.
        Raises: OptionError for an unknown option or a start outside the split.
        """
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = int(self.np_random.integers(1 << _SEED_BITS)) if seed is None else int(seed)
            self._episode = -1
        self._episode += 1
        windows, episode_seed = self.settings.episodes.draw(self._seed, self._episode, options)
        starts = np.array([windows[0][0]])
        initial = self._fleet.initial_decisions(starts)
        self.initial_configuration = Configuration(tuple(StageConfiguration(*row) for row in initial[0].tolist()))
        self.simulator.prepare(self.initial_configuration)
        seeds = np.array([episode_seed], dtype=np.uint64)
        self._fleet.begin(np.zeros(1, dtype=np.int64), starts, seeds, initial, self.simulator.record_arrays)
        self._windows, self._steps, self._rows = windows, [], []
        return self._fleet.outputs.observation[0].copy(), {"windows": windows, "episode_index": self._episode}

    def step(self, action: NDArray[np.int64]) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Apply a decision and simulate one interval.

        Args:
            action: integers (3 · n_stages,), see `ActionLayout`.
        Returns: observation, reward, False, whether the window has ended, and ``info`` with the interval's metrics.
        Raises: OptionError for an action outside the space or a step before ``reset`` or after the window's end.
        """
        self._check_running()
        table = self.actions.checked(action).reshape(1, -1)
        if self._recording:
            self._fleet.make_record_room(self.simulator, table[0])
        self._pending[0] = True
        self._fleet.step(table, self._pending, self.simulator.record_arrays)
        outputs = self._fleet.outputs
        metrics = outputs.metrics[0].copy()
        self._steps.append(Step(table[0], metrics, *self._fleet.tallied(completed=int(metrics[2]))))
        truncated = bool(outputs.truncated[0])
        info = interval_info(metrics.tolist())
        return outputs.observation[0].copy(), float(outputs.reward[0]), False, truncated, info

    def render(self) -> Any:
        """``ansi``: the pipeline now as text. ``rgb_array``: the episode so far as uint8 (height, width, 3)."""
        from ipa_gym import rendering

        if self.render_mode is None:
            gymnasium.logger.warn("render() needs render_mode='ansi' or 'rgb_array' in gymnasium.make")
            return None
        if self.render_mode == "ansi":
            return rendering.ansi_table(self.pipeline, self.rows, self.layout.read(self._fleet.outputs.observation[0]))
        return rendering.episode_frame(self.pipeline, self.rows)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which value of each number of the action may ever pay: bool (sum of nvec,), one run a number.

        The order is sb3-contrib's for MultiDiscrete spaces; see `ActionLayout.masks` for the rule.
        """
        return self._mask.copy()

    # --- branching ---

    def get_state(self) -> EnvState:
        """A full copy of the state, from which `set_state` continues bit for bit. It can be pickled.

        Raises: OptionError before the first `reset`.
        """
        self._check_begun()
        load, outputs = self._fleet.episodes, self._fleet.outputs
        return EnvState(
            pipeline=self.pipeline,
            interval_s=self.interval_s,
            seed=int(self._seed or 0),
            episode=self._episode,
            generator=self.np_random.bit_generator.state,
            windows=self.windows,
            seen=load.seen[0].copy(),
            n_seen=int(load.n_seen[0]),
            expected_requests=float(load.expected_requests[0]),
            forecast_rps=float(load.forecast_rps[0]),
            initial_configuration=self.initial_configuration,
            observation=outputs.observation[0].copy(),
            steps=tuple(self._steps),
            simulator=self.simulator.get_state(),
        )

    def set_state(self, state: EnvState) -> None:
        """Continue from a copy that this environment, or another one of the same settings, has made.

        Raises: OptionError if the copy belongs to another pipeline, interval or recording; nothing is changed then.
        """
        if state.pipeline != self.pipeline or state.interval_s != self.interval_s:
            raise OptionError(
                f"set_state: the state is of {state.pipeline.name} with interval {state.interval_s:g} s; expected "
                f"{self.pipeline.name} with {self.interval_s:g} s, and the same caps and weights"
            )
        load = self._fleet.episodes
        if state.seen.shape != load.seen[0].shape:
            raise OptionError(
                f"set_state: the state's episode has {state.seen.size} seconds of load; expected {load.seen[0].size}"
            )
        self.simulator.set_state(state.simulator)
        self.np_random.bit_generator.state = state.generator
        self._seed, self._episode, self._windows = state.seed, state.episode, state.windows
        load.seen[0], load.n_seen[0] = state.seen, state.n_seen
        load.expected_requests[0], load.forecast_rps[0] = state.expected_requests, state.forecast_rps
        self.initial_configuration = state.initial_configuration
        self._fleet.outputs.observation[0] = state.observation
        self._steps, self._rows = list(state.steps), []

    # --- what it keeps ---

    @property
    def rows(self) -> list[IntervalRow]:
        """What happened in the episode so far, an interval a row."""
        for index in range(len(self._rows), len(self._steps)):
            self._rows.append(interval_row(self._steps[index], self.actions, index=index, interval_s=self.interval_s))
        return self._rows

    @property
    def windows(self) -> tuple[Window, ...]:
        """(from, to) seconds of the trace that this episode plays."""
        self._check_begun()
        return self._windows or ()

    @property
    def expected_requests(self) -> float:
        """Mean count per interval of the episode's window."""
        self._check_begun()
        return float(self._fleet.episodes.expected_requests[0])

    def _check_begun(self) -> None:
        if self._windows is None:
            raise OptionError("the episode has not begun; expected a call of reset() first")

    def _check_running(self) -> None:
        self._check_begun()
        if len(self._steps) >= self.n_intervals:
            raise OptionError("the episode has ended; expected a call of reset() first")
