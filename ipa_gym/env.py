"""`PipelineEnv`: the Gymnasium environment that joins load, simulator, observation and reward.

It computes none of these itself: see `load.py`, `queueing/simulator.py`, `observation.py`, `reward.py`,
`rendering.py`. The same model for many copies at once will live in `vector_env.py`.
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
from ipa_gym.settings import env_settings
from ipa_gym.snapshot import EnvState
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
    - `forecast`: a name of `ipa_gym.forecast.FORECASTS`; the card's without it.
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
        forecast: str | None = None,
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
        self.forecast_name, self.forecast = settings.forecast, make_forecast(settings.forecast)
        self.simulator = Simulator(
            self.pipeline,
            interval_s=self.interval_s,
            service_cv=settings.service_cv,
            service_scale=settings.service_scale,
            startup_scale=settings.startup_scale,
            record=record,
        )
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
        windows, episode_seed = self.settings.episodes.draw(self._seed, self._episode, options)
        self._load = draw_load(self.trace, windows, seed=episode_seed, kind=self.settings.arrivals)
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

    # --- branching ---

    def get_state(self) -> EnvState:
        """A full copy of the state, from which `set_state` continues bit for bit. It can be pickled.

        Raises: OptionError before the first `reset`.
        """
        return EnvState(
            pipeline=self.pipeline,
            interval_s=self.interval_s,
            seed=self._seed,
            episode=self._episode,
            generator=self.np_random.bit_generator.state,
            load=self._running_load(finished=True),
            expected_requests=self._expected_requests,
            initial_configuration=self.initial_configuration,
            decision=self._decision,
            forecast_rps=self._forecast_rps,
            observation=self._observation.copy(),
            rows=tuple(self.rows),
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
        self.simulator.set_state(state.simulator)
        self.np_random.bit_generator.state = state.generator
        self._seed, self._episode, self._load = state.seed, state.episode, state.load
        self._expected_requests, self._forecast_rps = state.expected_requests, state.forecast_rps
        self.initial_configuration, self._decision = state.initial_configuration, state.decision
        self._observation, self.rows = state.observation.copy(), list(state.rows)

    # --- what it joins ---

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
