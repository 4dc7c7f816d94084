"""Random runs of the queueing model for comparisons with independent models: pipeline, options, decisions, arrivals.

A case is a pure function of its seed. A third of the cases lie on a binary grid (times are multiples of a power of two,
so that instants coincide exactly), a third on a decimal grid (multiples of 0.1 s as floats: sums that should be equal
differ in the last bit or not, as the model's own sums do), a third use arbitrary floats. test_against_simpy.py counts
what they reach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.pipeline import Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant

N_INTERVALS = 12
LARGEST_BATCH, REPLICA_CAP = 8, 32


@dataclass(frozen=True, slots=True)
class Case:
    """One random run: pipeline, options of the simulator, decisions and arrivals of every interval."""

    pipeline: Pipeline
    options: dict[str, Any]
    decisions: list[Configuration]  # the initial configuration, then one an interval
    arrivals: list[NDArray[np.float64]]  # one an interval, sorted, seconds since the episode's start
    seed: int  # of the service factors, any uint64


@dataclass(frozen=True, slots=True)
class TimeKind:
    """What instants a case uses."""

    snap: Callable[[float], float]  # a time in seconds -> the nearest one of this kind, above 0
    intervals_s: tuple[float, ...]
    scales: tuple[float, ...]  # of service and startup; the first is the usual one


TIME_KINDS: Mapping[str, TimeKind] = {
    "binary": TimeKind(lambda time_s: max(1, round(time_s * 8)) / 8, (1.0, 2.0, 4.0), (1.0, 0.5, 2.0)),
    "decimal": TimeKind(lambda time_s: max(1, round(time_s * 10)) / 10, (0.7, 1.1, 2.3), (1.0, 0.7, 1.3)),
    "any": TimeKind(float, (0.7, 2.0, 3.7), (1.0, 0.62, 1.71)),
}


def random_pipeline(rng: np.random.Generator, kind: TimeKind, *, interval_s: float) -> Pipeline:
    """One to four stages of one to three variants, with service times of up to a few seconds."""

    def time_s(low: float, high: float) -> float:
        return kind.snap(rng.uniform(low, high))

    def variant(index: int) -> Variant:
        longest_s = float(rng.choice([0.2, 0.4, 1.0, 3.0]))
        latency_s = np.cumsum([time_s(0.02, longest_s)] + [time_s(0.02, 0.5 * longest_s) for _ in range(3)])
        startup_s = float(rng.choice([0.0, 0.5 * interval_s, interval_s, time_s(0.1, 1.0), 2.5 * interval_s]))
        return Variant(f"v{index}", 50.0, float(rng.integers(1, 9)), startup_s, (1, 2, 4, 8), tuple(latency_s.tolist()))

    stages = tuple(
        Stage(f"s{index}", tuple(variant(v) for v in range(rng.integers(1, 4)))) for index in range(rng.integers(1, 5))
    )
    drop_limits_s = [0.0, time_s(0.2, 1.0), time_s(0.5, 2.0), time_s(1.0, 6.0), 1e9, np.inf]
    return Pipeline(
        name="random",
        title="random",
        stages=stages,
        sla_s=time_s(0.5, 3.0),
        drop_after_s=float(rng.choice(drop_limits_s, p=[0.08, 0.14, 0.24, 0.24, 0.15, 0.15])),
        batch_timeout_s=float(rng.choice([0.0, time_s(0.1, 0.5), time_s(0.5, 3.0)])),
        batch_cap=LARGEST_BATCH,
        replica_cap=REPLICA_CAP,
        slowdown=1.0,
        objective=Objective(1.0, 1.0, 0.0, 1.0, "product"),
    )


def random_case(seed: int) -> Case:
    """The case of this seed: twelve intervals and up to about 350 requests."""
    rng = np.random.default_rng(seed)
    kind = TIME_KINDS[str(rng.choice(list(TIME_KINDS)))]
    interval_s = float(rng.choice(kind.intervals_s))
    pipeline = random_pipeline(rng, kind, interval_s=interval_s)
    options = {
        "interval_s": interval_s,
        "service_cv": float(rng.choice([0.0, 0.0, 0.0, 0.5, 1.5])),
        "service_scale": float(rng.choice([kind.scales[0], rng.choice(kind.scales)])),
        "startup_scale": float(rng.choice([kind.scales[0], rng.choice([0.0, *kind.scales])])),
    }
    if options["service_cv"] == 1.5 and rng.integers(2):
        options |= {"service_cv": 0.0, "service_law": "exponential"}
    decisions = _decisions(rng, pipeline)
    rate_rps = float(rng.choice([0.5, 3.0, 10.0])) * min(1.0, 2.5 / interval_s)
    arrivals = [_arrivals(rng, kind, k * interval_s, (k + 1) * interval_s, rate_rps) for k in range(N_INTERVALS)]
    return Case(pipeline, options, decisions, arrivals, int(rng.integers(0, 2**64, dtype=np.uint64)))


def _decisions(rng: np.random.Generator, pipeline: Pipeline) -> list[Configuration]:
    """Each stage keeps its last decision, changes the number of replicas only, or draws all anew."""
    most = int(rng.choice([1, 2, 3, 4, 5, REPLICA_CAP]))
    largest = int(rng.choice([2, 4, LARGEST_BATCH]))

    def anew(stage: Stage) -> StageConfiguration:
        variant, batch, replicas = rng.integers([0, 1, 1], [len(stage.variants), largest + 1, most + 1]).tolist()
        return StageConfiguration(variant, batch, replicas)

    def next_choice(stage: Stage, last: StageConfiguration) -> StageConfiguration:
        draw = rng.random()
        if draw < 0.35:
            return last
        return replace(last, replicas=int(rng.integers(1, most + 1))) if draw < 0.6 else anew(stage)

    decisions = [Configuration(tuple(anew(stage) for stage in pipeline.stages))]
    for _ in range(N_INTERVALS):
        pairs = zip(pipeline.stages, decisions[-1].stages, strict=True)
        decisions.append(Configuration(tuple(next_choice(stage, last) for stage, last in pairs)))
    return decisions


def _arrivals(
    rng: np.random.Generator, kind: TimeKind, start_s: float, stop_s: float, rate_rps: float
) -> NDArray[np.float64]:
    """Arrivals of one interval: none, a burst at one instant (at times the start itself), or spread."""
    n_requests, draw = int(rng.poisson(rate_rps * (stop_s - start_s))), rng.random()
    if draw < 0.1:
        return np.zeros(0)
    times_s = rng.uniform(start_s, stop_s, n_requests)
    if draw < 0.2:
        times_s[: n_requests // 2 + 1] = start_s if rng.integers(2) else times_s[:1]
    snapped_s = np.sort([kind.snap(time_s) for time_s in times_s] + [start_s] * int(draw > 0.95))
    return snapped_s[(snapped_s >= start_s) & (snapped_s < stop_s)]
