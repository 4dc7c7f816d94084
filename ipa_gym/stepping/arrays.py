"""The arrays that the step kernel works on: what an environment is made of, its episode, and what a step returns.

N environments of S stages, V variants, B batch sizes; D numbers in an observation; L seconds of load. The queueing
model's own arrays are in `ipa_gym/queueing/state.py`. Everything is an array, so that a
fleet can hand the kernel plain tuples of them. Nothing is computed here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.episode import METRICS
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Pipeline
from ipa_gym.queueing.state import Floats, Ints, Model
from ipa_gym.reward import weights_of
from ipa_gym.settings import EnvSettings
from ipa_gym.workload.arrivals import ARRIVAL_KINDS
from ipa_gym.workload.trace import HISTORY_S

# places in `World.seconds`
SLA_S, DROP_AFTER_S, BATCH_TIMEOUT_S, SIGMA, INTERVAL_S = 0, 1, 2, 3, 4
# places in `World.codes`
SERVICE_LAW, MEASURE, N_INTERVALS, N_SECONDS, ARRIVAL_KIND, FORECAST = 0, 1, 2, 3, 4, 5


class World(NamedTuple):
    """What does not change between episodes; read only."""

    service_s: Floats  # (S, V, b + 1) seconds to serve a batch of k requests, scale included; [..., 0] unused
    cores: Floats  # (S, V) cores of one replica
    startup_s: Floats  # (S, V) seconds, scale included
    accuracy: Floats  # (S, V) fractions
    rank: Floats  # (S, V) scaled accuracy ranks
    weights: Floats  # (4,) alpha, beta, delta, rho
    seconds: Floats  # (5,) see SLA_S .. INTERVAL_S
    codes: Ints  # (6,) see SERVICE_LAW .. FORECAST
    batch_sizes: Ints  # (B,)
    n_variants: Ints  # (S,)
    field_start: Ints  # (S,) where a stage's fields begin in the observation
    scales: Floats  # (D,) the observation's


class Episodes(NamedTuple):
    """The episode that each environment is in."""

    seen: Ints  # (N, 120 + L + 20) requests of each second: history, the episode's, those right after it
    n_seen: Ints  # (N,) how many of these seconds the trace has
    expected_requests: Floats  # (N,) mean count per interval of the window
    forecast_rps: Floats  # (N,) the forecast that the next decision sees


class Outputs(NamedTuple):
    """What a step returns of each environment."""

    observation: np.ndarray[tuple[int, int], np.dtype[np.float32]]  # (N, D)
    reward: Floats  # (N,)
    truncated: np.ndarray[tuple[int], np.dtype[np.bool_]]  # (N,)
    metrics: Floats  # (N, len(METRICS))


def make_world(settings: EnvSettings, layout: ObservationLayout, model: Model, *, forecast_code: int) -> World:
    """Lay out what an environment is made of.

    Args:
        model: of the settings' pipeline, as its simulator has it.
        forecast_code: see `ipa_gym/forecast/compiled.py`.
    """
    pipeline = settings.pipeline
    return World(
        service_s=model.service_s,
        cores=model.cores,
        startup_s=model.startup_s,
        accuracy=_table(pipeline, [[v.accuracy / 100.0 for v in stage.variants] for stage in pipeline.stages]),
        rank=_table(pipeline, [list(stage.accuracy_ranks) for stage in pipeline.stages]),
        weights=weights_of(pipeline.objective),
        seconds=np.array(
            [model.sla_s, model.drop_after_s, model.batch_timeout_s, model.sigma, settings.interval_s], dtype=np.float64
        ),
        codes=np.array(
            [
                model.service_law,
                ACCURACY_MEASURES.index(pipeline.objective.accuracy_measure),
                settings.n_intervals,
                settings.episodes.episode_s,
                ARRIVAL_KINDS[settings.arrivals],
                forecast_code,
            ],
            dtype=np.int64,
        ),
        batch_sizes=np.array(pipeline.batch_sizes, dtype=np.int64),
        n_variants=np.array([len(stage.variants) for stage in pipeline.stages], dtype=np.int64),
        field_start=np.array([layout.field("variant", s).start for s in range(layout.n_stages)], dtype=np.int64),
        scales=layout.scales,
    )


def _table(pipeline: Pipeline, rows: list[list[float]]) -> Floats:
    table = np.full((len(rows), max(len(stage.variants) for stage in pipeline.stages)), np.nan)
    for stage, row in enumerate(rows):
        table[stage, : len(row)] = row
    return table


def new_episodes(n_envs: int, n_seconds: int, *, horizon_s: int) -> Episodes:
    """Room for the load of N episodes."""
    return Episodes(
        seen=np.zeros((n_envs, HISTORY_S + n_seconds + horizon_s), dtype=np.int64),
        n_seen=np.zeros(n_envs, dtype=np.int64),
        expected_requests=np.zeros(n_envs),
        forecast_rps=np.zeros(n_envs),
    )


def new_outputs(n_envs: int, size: int) -> Outputs:
    """Room for what a step returns; ``size`` numbers an observation."""
    return Outputs(
        observation=np.zeros((n_envs, size), dtype=np.float32),
        reward=np.zeros(n_envs),
        truncated=np.zeros(n_envs, dtype=np.bool_),
        metrics=np.zeros((n_envs, len(METRICS))),
    )
