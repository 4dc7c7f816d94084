"""`PipelineEnv`: the Gymnasium environment that joins load, simulator, observation and reward.

It computes none of these itself: see `load.py`, `queueing/simulator.py`, `observation.py`, `reward.py`,
`rendering.py`. The same model for many copies at once will live in `vector_env.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ipa_gym import options as checks
from ipa_gym.action import ActionLayout
from ipa_gym.cards import load_pipeline
from ipa_gym.episode import IntervalRow, interval_info
from ipa_gym.errors import OptionError
from ipa_gym.forecast import make_forecast
from ipa_gym.load import EpisodeLoad, Window, draw_load
from ipa_gym.monitoring import stages_at_start, stages_seen
from ipa_gym.observation import Observation, ObservationLayout
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing.simulator import IntervalOutcome, Simulator
from ipa_gym.reward import reward_terms, served_accuracy
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace, window_counts

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
    - `forecast`: a name of `ipa_gym.forecast.FORECASTS`; the card's without it.
    - `batch_cap`, `replica_cap`: other caps than the card's.
    - `service_cv`: coefficient of variation of service times; `service_scale`, `startup_scale`: truth over profile.
    - `reward`: overrides of `alpha`, `beta`, `delta`, `rho`, `accuracy_measure`.
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
        forecast: str | None = None,
        batch_cap: int | None = None,
        replica_cap: int | None = None,
        service_cv: float = 0.0,
        service_scale: float = 1.0,
        startup_scale: float = 1.0,
        reward: Mapping[str, Any] | None = None,
        render_mode: str | None = None,
    ) -> None:
        card = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
        card = card.with_limits(batch_cap=batch_cap, replica_cap=replica_cap)
        self.pipeline = replace(card, objective=checks.override_objective(card.objective, reward))
        scale = checks.positive("scale", scale)
        self.trace = trace if isinstance(trace, Trace) else load_trace(trace, scale=scale)
        if isinstance(trace, Trace) and scale != 1.0:
            raise OptionError(f"scale is {scale!r} beside a loaded Trace; expected 1: scale it when you load it")
        self.interval_s = checks.positive("interval", interval)
        self.arrivals = checks.arrival_kind(arrivals)
        self.forecast_name = forecast or self.pipeline.forecast
        self.forecast = make_forecast(self.forecast_name)
        self.simulator = Simulator(
            self.pipeline,
            interval_s=self.interval_s,
            service_cv=checks.not_negative("service_cv", service_cv),
            service_scale=checks.positive("service_scale", service_scale),
            startup_scale=checks.not_negative("startup_scale", startup_scale),
        )
        self.fixed_windows = _fixed_windows(self.trace, windows)
        self.episode_s = _episode_seconds(self.fixed_windows, episode_s, self.trace)
        self.n_intervals = checks.whole_intervals("the episode", self.episode_s, self.interval_s)
        self.split_range = self._checked_split(split)
        self.layout = ObservationLayout(self.pipeline, self.interval_s)
        self.actions = ActionLayout(self.pipeline)
        self.observation_space: spaces.Box = self.layout.space()  # type: ignore[assignment]  # Gymnasium's is generic
        self.action_space: spaces.MultiDiscrete = self.actions.space()
        self._mask = np.concatenate(self.actions.masks(float(self.trace.counts.max()), self.interval_s))
        if render_mode is not None:
            checks.choice("render_mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.rows: list[IntervalRow] = []
        self._seed: int | None = None
        self._episode = -1
        self._load: EpisodeLoad | None = None

    def _checked_split(self, split: str | None) -> tuple[int, int]:
        start, end = checks.split_range(self.trace, split)
        if self.fixed_windows is None and end - start < self.episode_s:
            raise OptionError(
                f"episode_s is {self.episode_s}; expected at most {end - start}, "
                f"the length of the split of trace {self.trace.name}"
            )
        return start, end

    # --- Gymnasium's interface ---

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode. Its window and its arrivals depend on the seed and on how many episodes came before.

        Args:
            seed: starts the sequence of episodes anew; None goes on with the next episode of the sequence.
            options: ``{"start": second}``: the window's first second in the trace.
        Returns: the observation, and ``info`` with ``windows`` and ``episode``.
        Raises: OptionError for an unknown option or a start outside the split.
        """
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = int(self.np_random.integers(1 << _SEED_BITS)) if seed is None else int(seed)
            self._episode = -1
        self._episode += 1
        rng = np.random.default_rng([self._seed, self._episode])
        drawn = int(rng.integers(self.split_range[0], self.split_range[1] - self.episode_s + 1)) if self._draws else 0
        episode_seed = int(rng.integers(1 << _SEED_BITS))
        windows = self._choose_windows(drawn, options or {})
        self._load = draw_load(self.trace, windows, seed=episode_seed, kind=self.arrivals)
        self._expected_requests = float(self._load.counts.mean()) * self.interval_s
        self.initial_configuration = self.pipeline.initial or self._ipa_decision(float(self._load.history_rps(0).max()))
        self.simulator.reset(self.initial_configuration, seed=episode_seed)
        self.rows = []
        self._decision = self.initial_configuration
        observation = self._observe(None)
        return observation, {"windows": windows, "episode": self._episode}

    def step(self, action: NDArray[np.int64]) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Apply a decision and simulate one interval.

        Args:
            action: integers (3 · n_stages,), see `ActionLayout`.
        Returns: observation, reward, False, whether the window has ended, and ``info`` with the interval's metrics.
        Raises: OptionError for an action outside the space or a step before ``reset`` or after the window's end.
        """
        load = self._running_load()
        self._decision = self.actions.decode(action)
        start_s = len(self.rows) * self.interval_s
        arrival_s = load.arrivals_between(start_s, (len(self.rows) + 1) * self.interval_s)
        outcome = self.simulator.step(self._decision, arrival_s)
        truncated = len(self.rows) + 1 == self.n_intervals
        row = self._row(outcome, start_s=start_s, overdue=self.simulator.overdue_inside() if truncated else 0)
        self.rows.append(row)
        observation = self._observe(outcome)
        return observation, row.reward, False, truncated, interval_info(row)

    def render(self) -> Any:
        """``ansi``: the pipeline now as text. ``rgb_array``: the episode so far as uint8 (height, width, 3)."""
        from ipa_gym import rendering

        if self.render_mode is None:
            gymnasium.logger.warn("render() needs render_mode='ansi' or 'rgb_array' in gymnasium.make")
            return None
        if self.render_mode == "ansi":
            return rendering.ansi_table(self.pipeline, self.rows, self.layout.read(self._observation))
        return rendering.episode_frame(self.pipeline, self.rows)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which value of each number of the action may ever pay: bool (sum of nvec,), one run a number.

        The order is sb3-contrib's for MultiDiscrete spaces; see `ActionLayout.masks` for the rule.
        """
        return self._mask.copy()

    # --- what it joins ---

    @property
    def _draws(self) -> bool:
        return self.fixed_windows is None

    @property
    def windows(self) -> tuple[Window, ...]:
        """(from, to) seconds of the trace that this episode plays."""
        return self._running_load(finished=True).windows

    @property
    def expected_requests(self) -> float:
        """Mean count per interval of the episode's window."""
        self._running_load(finished=True)
        return self._expected_requests

    def _running_load(self, *, finished: bool = False) -> EpisodeLoad:
        if self._load is None or (len(self.rows) >= self.n_intervals and not finished):
            state = "has not begun" if self._load is None else "has ended"
            raise OptionError(f"the episode {state}; expected a call of reset() first")
        return self._load

    def _choose_windows(self, drawn: int, options: Mapping[str, Any]) -> tuple[Window, ...]:
        for name in options:
            checks.choice("reset option", name, ("start",))
        start = options.get("start", drawn)
        if self.fixed_windows is not None:
            if "start" in options:
                raise OptionError(f"start is {start!r} beside fixed windows; expected one or the other")
            return self.fixed_windows
        first, end = self.split_range
        if (
            isinstance(start, bool)
            or not isinstance(start, int | np.integer)
            or not first <= start <= end - self.episode_s
        ):
            raise OptionError(f"start is {start!r}; expected a whole second from {first} to {end - self.episode_s}")
        return ((int(start), int(start) + self.episode_s),)

    def _ipa_decision(self, rate_rps: float) -> Configuration:
        return solve_exact(Problem(self.pipeline, rate_rps)).configuration

    def _row(self, outcome: IntervalOutcome, *, start_s: float, overdue: int) -> IntervalRow:
        load = self._running_load()
        served = served_accuracy(self.pipeline, outcome, start_s=start_s, interval_s=self.interval_s)
        cost_cores = outcome.core_seconds / self.interval_s
        seen = load.history_rps(start_s + self.interval_s)[-max(1, round(self.interval_s)) :]
        return IntervalRow(
            index=len(self.rows),
            start_s=start_s,
            interval_s=self.interval_s,
            decision=self._decision,
            outcome=outcome,
            forecast_rps=self._forecast_rps,
            load_max_rps=float(seen.max()),
            load_mean_rps=outcome.arrivals / self.interval_s,
            accuracy=served.measure,
            pas=served.pas,
            cost_cores=cost_cores,
            terms=reward_terms(
                self.pipeline,
                accuracy=served.measure,
                cost_cores=cost_cores,
                batch_sum=sum(choice.batch for choice in self._decision.stages),
                violations=outcome.violations + overdue,
                expected_requests=self.expected_requests,
            ),
            overdue_at_end=overdue,
        )

    def _observe(self, outcome: IntervalOutcome | None) -> NDArray[np.float32]:
        load = self._running_load(finished=True)
        now_s = len(self.rows) * self.interval_s
        self._forecast_rps = self.forecast.predict(load.history_rps(now_s), load.future_rps(now_s))
        stages = stages_at_start(self._decision) if outcome is None else stages_seen(self._decision, outcome)
        self._observation = self.layout.write(Observation(load.history_maxima(now_s), self._forecast_rps, stages))
        return self._observation.copy()


def _fixed_windows(trace: Trace, windows: Sequence[Sequence[int]] | None) -> tuple[Window, ...] | None:
    if windows is None:
        return None
    window_counts(trace, windows)  # raises for a window that cannot be played
    return tuple((int(window[0]), int(window[1])) for window in windows)


def _episode_seconds(windows: tuple[Window, ...] | None, episode_s: Any, trace: Trace) -> int:
    if windows is not None:
        return sum(b - a for a, b in windows)
    if (
        isinstance(episode_s, bool)
        or not isinstance(episode_s, int | np.integer)
        or not 1 <= episode_s <= trace.counts.size
    ):
        raise OptionError(
            f"episode_s is {episode_s!r}; expected whole seconds from 1 to {trace.counts.size}, "
            f"the length of trace {trace.name}"
        )
    return int(episode_s)
