"""Random environments for comparisons with the plain twin: arguments, reset options and actions.

A case is a pure function of its pipeline and its number. `test_against_plain_environment.py` counts what the cases
reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ipa_gym
from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.action import ActionLayout
from ipa_gym.cards import load_pipeline
from ipa_gym.forecast import FORECASTS
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.settings import env_settings
from ipa_gym.workload.arrivals import ARRIVAL_KINDS
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

INTERVALS_S: Mapping[float, int] = {10.0: 10, 5.0: 16, 2.5: 20, 0.5: 40, 20.0: 6}  # length -> intervals of an episode
WINDOWS = ("drawn", "joined", "whole", "first", "last")
TOY, TOY_FROM_CARD = "toy", "toy with an initial configuration"
PIPELINES: tuple[str, ...] = (*ipa_gym.ENVIRONMENTS, TOY, TOY_FROM_CARD)
N_NUMBERS = 8  # cases of each pipeline


@dataclass(frozen=True, slots=True)
class EnvCase:
    """One environment and what is done to it."""

    arguments: dict[str, Any]  # of `PipelineEnv`, and of `env_settings`
    options: dict[str, int]  # of the first reset
    seed: int
    actions: NDArray[np.int64]  # (steps of two episodes, 3 S)


@cache
def _pipeline(name: str) -> Pipeline:
    if name == TOY:
        return replace(toy_pipeline(), forecast="holt")
    if name == TOY_FROM_CARD:
        initial = Configuration((StageConfiguration(1, 2, 3), StageConfiguration(0, 1, 5)))
        return toy_pipeline(initial=initial, drop_after_s=1.5)
    return load_pipeline(ipa_gym.ENVIRONMENTS[name])


def _trace(rng: np.random.Generator, n_seconds: int) -> Trace:
    """Waves from silence to hundreds of requests in a second."""
    rate_rps = rng.choice([0.2, 3.0, 20.0]) * rng.uniform(0.0, 2.0, -(-n_seconds // 7)).repeat(7)[:n_seconds]
    counts = rng.poisson(rate_rps)
    counts[rng.integers(n_seconds, size=2)] += rng.choice([0, 1]) * rng.integers(100, 400)
    counts[: n_seconds // 10] = rng.integers(0, 2)
    return Trace("waves", counts)


def _load(rng: np.random.Generator, kind: str, episode_s: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Trace and windows as arguments, and the options of the first reset."""
    if kind == "whole":
        return {"trace": _trace(rng, episode_s), "windows": [(0, episode_s)]}, {}
    if kind == "joined":
        cut, length = int(rng.integers(1, episode_s)), episode_s + int(rng.integers(1, 200))
        first, last = (
            int(rng.integers(0, length - cut + 1)),
            length - int(rng.integers(0, 2)) * int(rng.integers(0, 30)),
        )
        second = max(0, last - (episode_s - cut))
        windows = [(first, first + cut), (second, second + episode_s - cut)]
        return {"trace": _trace(rng, length), "windows": windows}, {}
    name, scale = rng.choice(["bursty", "steady-high", "twitter-like"]), rng.choice([0.3, 1.0, 4.0])
    trace = _shipped(str(name), float(scale if episode_s <= 60 else min(scale, 1.2)))
    last = trace.n_seconds - episode_s
    starts = {"drawn": {}, "first": {"start": int(rng.choice([0, 7]))}, "last": {"start": last}}
    return {"trace": trace, "episode_s": episode_s, "split": "all"}, starts[kind]


@cache
def _shipped(name: str, scale: float) -> Trace:
    return load_trace(name, scale=scale)


def _actions(rng: np.random.Generator, nvec: NDArray[np.int64], n_steps: int) -> NDArray[np.int64]:
    """Decisions that hold for a while, few replicas mostly: then one of some stages or of all is new."""
    most = int(rng.choice([2, 4, 10, nvec[2]]))
    actions = np.empty((n_steps, len(nvec)), dtype=np.int64)
    for k in range(n_steps):
        drawn = rng.integers(np.minimum(nvec, [nvec.max(), nvec.max(), most] * (len(nvec) // 3)))
        kept = np.repeat(rng.random(len(nvec) // 3) < rng.choice([0.0, 0.7, 1.0]), 3)
        actions[k] = np.where(kept & (k > 0), actions[k - 1], drawn)
    return actions


def env_case(pipeline: str, number: int) -> EnvCase:
    """Case ``number`` of a pipeline: interval, kind of arrivals, windows and forecast by turns, the rest at random."""
    index = PIPELINES.index(pipeline)
    rng = np.random.default_rng([index, number])
    turn = index + number
    interval_s, n_intervals = tuple(INTERVALS_S.items())[turn % len(INTERVALS_S)]
    load, options = _load(rng, WINDOWS[(3 * turn + turn // 5) % len(WINDOWS)], int(interval_s * n_intervals))
    weights = {"alpha": 3.0, "beta": 0.7, "delta": 0.01, "rho": 9.0}
    arguments = load | {
        "pipeline": _pipeline(pipeline),
        "interval": interval_s,
        "arrivals": tuple(ARRIVAL_KINDS)[turn % 3],
        "forecast": tuple(FORECASTS)[(index + 2 * number) % len(FORECASTS)],
        "service_cv": float(rng.choice([0.0, 0.0, 0.5])),
        "service_scale": float(rng.choice([1.0, 1.0, 2.5])),
        "startup_scale": float(rng.choice([0.0, 1.0, 1.0, 3.0])) * (0.2 if interval_s < 5 else 1.0),
        "reward": weights | {"accuracy_measure": ACCURACY_MEASURES[turn // 2 % 3]} if number % 2 else None,
        "replica_cap": int(rng.choice([5, 20, 100])),
    }
    caps = ActionLayout(env_settings(**arguments).pipeline)
    return EnvCase(arguments, options, int(rng.integers(2**40)), _actions(rng, caps.nvec, 2 * n_intervals))
