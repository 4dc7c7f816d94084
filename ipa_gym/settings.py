"""`EnvSettings`: the arguments of `gymnasium.make`, checked and loaded once, for one environment or for many.

What each argument means stands in `PipelineEnv`'s docstring. Nothing runs here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ipa_gym import options as checks
from ipa_gym.cards import load_pipeline
from ipa_gym.errors import OptionError
from ipa_gym.forecast import forecast_name
from ipa_gym.pipeline import Pipeline
from ipa_gym.queueing import Simulator
from ipa_gym.windows import EpisodeWindows, episode_windows
from ipa_gym.workload.arrivals import ArrivalKind
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class EnvSettings:
    """What an environment is made of."""

    pipeline: Pipeline  # with its overrides
    trace: Trace
    episodes: EpisodeWindows
    n_intervals: int  # of an episode
    interval_s: float
    arrivals: ArrivalKind
    forecast: str  # its name, or the full path of a file of weights, see `forecast_name`
    service_cv: float
    service_scale: float
    startup_scale: float

    def simulator(self, *, record: bool = False) -> Simulator:
        """The queueing model of one such environment."""
        return Simulator(
            self.pipeline,
            interval_s=self.interval_s,
            service_cv=self.service_cv,
            service_scale=self.service_scale,
            startup_scale=self.startup_scale,
            record=record,
        )


def env_settings(
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
) -> EnvSettings:
    """Check and load the arguments of an environment.

    Raises: CardError, TraceError, OptionError or UnknownNameError: one error that names the argument.
    """
    card = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(pipeline)
    card = card.with_limits(batch_cap=batch_cap, replica_cap=replica_cap)
    scale = checks.positive("scale", scale)
    if isinstance(trace, Trace) and scale != 1.0:
        raise OptionError(f"scale is {scale!r} beside a loaded Trace; expected 1: scale it when you load it")
    loaded = trace if isinstance(trace, Trace) else load_trace(trace, scale=scale)
    interval_s = checks.positive("interval", interval)
    episodes = episode_windows(loaded, split, windows=windows, episode_s=episode_s)
    return EnvSettings(
        pipeline=replace(card, objective=checks.override_objective(card.objective, reward)),
        trace=loaded,
        episodes=episodes,
        n_intervals=checks.whole_intervals("the episode", episodes.episode_s, interval_s),
        interval_s=interval_s,
        arrivals=checks.arrival_kind(arrivals),
        forecast=forecast_name(forecast or card.forecast),
        service_cv=checks.not_negative("service_cv", service_cv),
        service_scale=checks.positive("service_scale", service_scale),
        startup_scale=checks.not_negative("startup_scale", startup_scale),
    )
