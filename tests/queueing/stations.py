"""Stations as queueing theory has them, run by the simulator, and what is measured in independent replications.

Used by the tests against theory and by `make theory`. Expectations are in `tests/reference/formulas.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.pipeline import Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant
from ipa_gym.queueing import Records, Simulator
from ipa_gym.queueing.simulator import ServiceLaw

FloatArray = NDArray[np.float64]
WARM_UP_FRACTION = 0.1  # of a run's time, dropped at its start
COOL_DOWN_FRACTION = 0.01  # dropped at its end, where a batch may wait for requests that never come
STANDARD_ERRORS = 4.0


@dataclass(frozen=True, slots=True)
class Station:
    """Alike servers of one queue, which take up to `batch` requests at once."""

    latency_s: tuple[float, ...]  # of batches of 1, 2, 4, ... requests, linear between them
    servers: int = 1
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Tandem:
    """Stations one after another, Poisson arrivals before the first; no request is ever dropped."""

    stations: tuple[Station, ...]
    rate_rps: float
    service_law: ServiceLaw = "lognormal"
    service_cv: float = 0.0
    batch_timeout_s: float = 0.0

    def pipeline(self) -> Pipeline:
        """The stations as stages of one variant."""
        return Pipeline(
            name="theory",
            title="stations of queueing theory",
            stages=tuple(Stage(f"s{index}", (_variant(station),)) for index, station in enumerate(self.stations)),
            sla_s=np.inf,
            drop_after_s=np.inf,
            batch_timeout_s=self.batch_timeout_s,
            batch_cap=64,
            replica_cap=64,
            slowdown=1.0,
            objective=Objective(1.0, 1.0, 0.0, 1.0, "product"),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean over replications and its standard error, element by element."""

    mean: FloatArray
    error: FloatArray

    @classmethod
    def of(cls, values: Sequence[object]) -> Estimate:
        """From one value (a number or an array) a replication."""
        table = np.array(values, dtype=np.float64)
        return cls(table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table)))

    def agrees(self, expected: object) -> bool:
        """Whether all lie within four standard errors of what is expected."""
        return bool((np.abs(self.mean - np.asarray(expected)) < STANDARD_ERRORS * self.error).all())


@dataclass(frozen=True, slots=True)
class Sample:
    """One replication of one station."""

    mean_wait_s: float
    p_wait: float
    waiting: FloatArray  # (levels,) fraction of time with k requests waiting
    inside: FloatArray  # (levels,) with k requests waiting or in service
    wait_tail: FloatArray  # (n,) fraction of requests that wait longer than each of the times asked for


def _variant(station: Station) -> Variant:
    sizes = tuple(1 << power for power in range(len(station.latency_s)))
    return Variant("only", 50.0, 1.0, 0.0, sizes, station.latency_s)


def poisson_arrivals_s(rate_rps: float, horizon_s: float, *, seed: int) -> FloatArray:
    """Instants of a Poisson process in [0, horizon): a Poisson number of uniform instants, sorted."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.0, horizon_s, rng.poisson(rate_rps * horizon_s)))


def run(tandem: Tandem, *, requests: int, seed: int) -> tuple[Records, float]:
    """One replication of about so many requests, and the seconds over which they arrive.

    Arrivals and service factors depend on the tandem too, so that the errors of different cases are independent.
    """
    horizon_s = requests / tandem.rate_rps
    world = (zlib.crc32(repr(tandem).encode()) << 20) + seed
    arrival_s = poisson_arrivals_s(tandem.rate_rps, horizon_s, seed=world)
    return serve(tandem, arrival_s, horizon_s=horizon_s, seed=world), horizon_s


def serve(tandem: Tandem, arrival_s: FloatArray, *, horizon_s: float, seed: int) -> Records:
    """Every request's path, in one interval of twice the horizon: in a stable tandem all are served by then."""
    decision = Configuration(tuple(StageConfiguration(0, s.batch, s.servers) for s in tandem.stations))
    simulator = Simulator(
        tandem.pipeline(),
        interval_s=2.0 * horizon_s,
        service_cv=tandem.service_cv,
        service_law=tandem.service_law,
        record=True,
    )
    simulator.reset(decision, seed=seed)
    simulator.step(decision, arrival_s)
    return simulator.records()


def window_s(horizon_s: float) -> tuple[float, float]:
    """The part of a run that is measured."""
    return WARM_UP_FRACTION * horizon_s, (1.0 - COOL_DOWN_FRACTION) * horizon_s


def replicate(tandem: Tandem, measure: Callable[[Records, float], object], *, requests: int, n: int) -> Estimate:
    """Mean and error of ``measure(records, horizon_s)`` over n replications with seeds 0 to n - 1."""
    return Estimate.of([measure(*run(tandem, requests=requests, seed=seed)) for seed in range(n)])


def sample_station(
    tandem: Tandem, *, requests: int, n: int, levels: int = 1, tail_at_s: Sequence[float] = (), stage: int = 0
) -> list[Sample]:
    """What one station shows in each of n replications."""
    samples = []
    for seed in range(n):
        records, horizon_s = run(tandem, requests=requests, seed=seed)
        samples.append(observe(records, horizon_s, levels=levels, tail_at_s=tail_at_s, stage=stage))
    return samples


def observe(
    records: Records, horizon_s: float, *, levels: int = 1, tail_at_s: Sequence[float] = (), stage: int = 0
) -> Sample:
    """Waits of the requests that enter the station within the window, and time averages over the window."""
    begin_s, stop_s = window_s(horizon_s)
    enqueue_s, start_s, end_s = records.enqueue_s[stage], records.start_s[stage], records.end_s[stage]
    inside = (enqueue_s >= begin_s) & (enqueue_s < stop_s)
    wait_s = start_s[inside] - enqueue_s[inside]
    return Sample(
        mean_wait_s=float(wait_s.mean()),
        p_wait=float((wait_s > 0.0).mean()),
        waiting=time_at_level(enqueue_s, start_s, begin_s=begin_s, stop_s=stop_s, levels=levels),
        inside=time_at_level(enqueue_s, end_s, begin_s=begin_s, stop_s=stop_s, levels=levels),
        wait_tail=np.array([(wait_s > t).mean() for t in tail_at_s]),
    )


def time_at_level(
    enter_s: FloatArray, leave_s: FloatArray, *, begin_s: float, stop_s: float, levels: int
) -> FloatArray:
    """Fraction of [begin, stop) during which k are present, for k < levels. NaN in `leave_s`: has not left."""
    enter_s, leave_s = enter_s[~np.isnan(enter_s)], leave_s[~np.isnan(leave_s)]
    event_s = np.concatenate((np.sort(enter_s), np.sort(leave_s)))
    order = np.argsort(event_s, kind="stable")
    present = np.cumsum(np.where(order < len(enter_s), 1, -1))
    edge_s = np.clip(np.append(event_s[order], stop_s), begin_s, stop_s)
    duration_s = np.diff(edge_s)
    known = np.bincount(np.minimum(present, levels), weights=duration_s, minlength=levels + 1)[:levels]
    known[0] += max(edge_s[0] - begin_s, 0.0)  # before the first event
    return known / (stop_s - begin_s)
