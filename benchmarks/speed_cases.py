"""What `make bench-speed` plays: a base case, and cases that differ from it along one axis at a time.

The base is the card video at 12 requests/s, one request a batch, with the fewest replicas that are busy 70 % of the
time or less. Stages and replicas are varied on synthetic pipelines, whose service times follow from the load and the
replicas. Nothing is measured here. Next: `speed_contestants.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ipa_gym.cards import load_card
from ipa_gym.pipeline import Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant
from ipa_gym.workload.arrivals import arrival_times, realised_counts
from ipa_gym.workload.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INTERVAL_S = 10
UTILISATION = 0.7  # of the replicas, at most on the card, exactly on synthetic pipelines
BASE_RPS = 12
RATES_RPS = (1, BASE_RPS, 34, 300, 3000)
STAGES = (1, 2, 3, 5, 10)
REPLICAS = (1, 2, 5, 20, 50, 200)
REPLICAS_RPS = 60  # keeps service times between 12 ms and 2.3 s over all of these
VARIED_CV = 0.5
REQUESTS, STAGES_AXIS, ONLY_REPLICAS, VARIED_REPLICAS, KINDS = (
    "requests/s",
    "stages",
    "replicas",
    f"replicas, service cv {VARIED_CV:g}",
    "kinds",
)
_N_RANDOM = 64  # configurations that a random policy goes through, over and over
_BATCHES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Case:
    """One model under one load."""

    name: str
    pipeline: Pipeline
    decisions: tuple[Configuration, ...]  # of one interval after the other, over and over
    rate_rps: int
    service_cv: float = 0.0

    @property
    def n_stages(self) -> int:
        """Length of the chain."""
        return len(self.pipeline.stages)

    @property
    def held(self) -> StagesHeld | None:
        """What runs where it never changes and serves requests one by one, as SimPy and Ciw can say it; else None."""
        stages = self.decisions[0].stages
        if len(self.decisions) > 1 or any(choice.batch > 1 for choice in stages):
            return None
        variants = [stage.variants[c.variant] for stage, c in zip(self.pipeline.stages, stages, strict=True)]
        return StagesHeld(tuple(v.latency_s[0] for v in variants), tuple(c.replicas for c in stages))

    @property
    def table(self) -> Ints:
        """The decisions as int64 (n, n_stages, 3): variant, batch, replicas."""
        return np.array([[(c.variant, c.batch, c.replicas) for c in d.stages] for d in self.decisions])

    def requests_a_step(self) -> int:
        """Requests of an interval, on average."""
        return self.rate_rps * INTERVAL_S

    def trace(self, n_seconds: int) -> Trace:
        """The flat load."""
        return Trace(f"flat-{self.rate_rps}", np.full(n_seconds, self.rate_rps))


@dataclass(frozen=True, slots=True)
class StagesHeld:
    """Stages that serve requests one by one with as many replicas all the time."""

    service_s: tuple[float, ...]
    replicas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A case's place on an axis."""

    axis: str
    value: float
    case: Case


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Instants made beforehand, interval by interval."""

    arrival_s: Floats  # (n,), sorted
    bounds: Ints  # (n_intervals + 1,), interval k has [bounds[k], bounds[k + 1])

    @property
    def n_intervals(self) -> int:
        """Intervals that they cover."""
        return len(self.bounds) - 1

    def interval(self, index: int) -> Floats:
        """Those of one interval."""
        return self.arrival_s[self.bounds[index] : self.bounds[index + 1]]


def draw_arrivals(case: Case, n_intervals: int, *, seed: int) -> Arrivals:
    """Poisson arrivals of so many intervals, as the environment draws them."""
    counts = realised_counts(np.full(n_intervals * INTERVAL_S, case.rate_rps), seed=seed, kind="poisson")
    bounds = np.concatenate([[0], np.cumsum(counts.reshape(n_intervals, INTERVAL_S).sum(axis=1))])
    return Arrivals(arrival_times(counts, first_second=0, seed=seed, kind="poisson"), bounds)


def video(rate_rps: int, *, batch: int = 1) -> Case:
    """The card video, each stage with its first variant and the fewest replicas that are not busy too much."""
    pipeline = load_card("video").pipeline
    choices = []
    for stage in pipeline.stages:
        replicas = math.ceil(rate_rps * stage.variants[0].latency_s[0] / UTILISATION)
        choices.append(StageConfiguration(0, batch, replicas))
    most = max(pipeline.replica_cap, *(choice.replicas for choice in choices))
    return Case("video", pipeline.with_limits(replica_cap=most), (Configuration(tuple(choices)),), rate_rps)


def synthetic(n_stages: int, *, replicas: int, rate_rps: int) -> Case:
    """Stages that are all alike."""
    service_s = UTILISATION * replicas / rate_rps
    variant = Variant("only", 80.0, 1.0, 0.0, _BATCHES, tuple(service_s * (1 + 0.8 * (b - 1)) for b in _BATCHES))
    stages = tuple(Stage(f"stage-{index + 1}", (variant,)) for index in range(n_stages))
    pipeline = Pipeline(
        name=f"synthetic-{n_stages}x{replicas}",
        title="synthetic",
        stages=stages,
        sla_s=2.0 * n_stages * service_s,
        drop_after_s=100.0 * n_stages * service_s,
        batch_timeout_s=1.0,
        batch_cap=_BATCHES[-1],
        replica_cap=max(100, replicas),
        slowdown=1.0,
        objective=Objective(alpha=10.0, beta=1.0, delta=1e-6, rho=1.0, accuracy_measure="product"),
    )
    decision = Configuration((StageConfiguration(0, 1, replicas),) * n_stages)
    return Case(pipeline.name, pipeline, (decision,), rate_rps)


def random_policy(seed: int) -> Case:
    """The base under decisions drawn uniformly from the action space, another one every interval."""
    base, rng = video(BASE_RPS), np.random.default_rng(seed)
    pipeline = base.pipeline
    decisions = tuple(
        Configuration(
            tuple(
                StageConfiguration(
                    int(rng.integers(len(stage.variants))),
                    int(rng.choice(pipeline.batch_sizes)),
                    int(rng.integers(1, pipeline.replica_cap + 1)),
                )
                for stage in pipeline.stages
            )
        )
        for _ in range(_N_RANDOM)
    )
    return replace(base, name="another configuration every interval", decisions=decisions)


def _rates() -> Iterator[Point]:
    for rate_rps in RATES_RPS:
        yield Point(REQUESTS, rate_rps, video(rate_rps))


def _chains() -> Iterator[Point]:
    for n_stages in STAGES:
        yield Point(STAGES_AXIS, n_stages, synthetic(n_stages, replicas=2, rate_rps=BASE_RPS))


def _fleets() -> Iterator[Point]:
    for replicas in REPLICAS:
        yield Point(ONLY_REPLICAS, replicas, synthetic(2, replicas=replicas, rate_rps=REPLICAS_RPS))


def _varied_fleets() -> Iterator[Point]:
    for point in _fleets():
        yield Point(VARIED_REPLICAS, point.value, replace(point.case, service_cv=VARIED_CV))


def _kinds() -> Iterator[Point]:
    base = video(BASE_RPS)
    yield Point(KINDS, 0, replace(base, name=f"service times vary (cv {VARIED_CV:g})", service_cv=VARIED_CV))
    yield Point(KINDS, 1, replace(video(BASE_RPS, batch=8), name="batches of up to 8"))
    yield Point(KINDS, 2, random_policy(seed=1))


AXES: Mapping[str, Callable[[], Iterator[Point]]] = {  # axis -> its points
    REQUESTS: _rates,
    STAGES_AXIS: _chains,
    ONLY_REPLICAS: _fleets,
    VARIED_REPLICAS: _varied_fleets,
    KINDS: _kinds,
}
