"""InferLine's planner: batches and replicas for fixed variants, whose simulated p99 meets the SLA on a sample load.

`Estimator` plays the sample through the queueing kernel, `initialize` and `minimize_cost` are the paper's two
algorithms, `make_plan` puts them together and remembers its plans. The tuner that follows the load is `inferline.py`.
Source: Crankshaw et al., InferLine (SoCC 2020, arXiv 1812.01776), low-frequency planning, algorithms 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError, TraceError
from ipa_gym.observation import HISTORY_BIN_S
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.policies.inferline_envelope import WINDOW_BINS, sample_envelope
from ipa_gym.queueing.simulator import Simulator
from ipa_gym.workload.arrivals import arrival_times, realised_counts
from ipa_gym.workload.loading import load_trace

SHORTEST_SAMPLE_S = max(WINDOW_BINS) * HISTORY_BIN_S
LATE_FRACTION = 0.01  # p99: so much of the sample may be late or dropped
_SEED = 0  # of the sample's arrivals
_SHIPPED_LOAD_RPS = 32.0  # load_scale_rps that the shipped traces are made for


@dataclass(frozen=True, slots=True)
class SampleSource:
    """Which seconds of which trace the planner plans for; they count from the start of its training seconds."""

    trace: str  # a shipped trace's name, or a path
    start_s: int
    length_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the planner hands to the tuner."""

    configuration: Configuration
    feasible: bool  # whether the p99 meets the SLA on the sample
    ratios: tuple[float, ...]  # ρ of each stage: the sample's mean rate over the throughput of its replicas
    envelope: tuple[float, ...]  # of the sample, requests/s, one a window of `inferline_envelope.WINDOW_BINS`


class Estimator:
    """Says whether a configuration meets the SLA on the sample: all its requests, one by one, through the kernel.

    Args:
        pipeline: to simulate; service times are those of its profiles.
        counts: int64 (n_seconds,), the sample's requests of each second.
    """

    def __init__(self, pipeline: Pipeline, counts: NDArray[np.int64]) -> None:
        self.pipeline = pipeline
        self._arrival_s = arrival_times(counts, first_second=0, seed=_SEED, kind="poisson")
        self._simulator = Simulator(pipeline, interval_s=float(len(counts)))
        self._known: dict[Configuration, bool] = {}

    def late_fraction(self, configuration: Configuration) -> float:
        """Requests that complete after the SLA or are dropped, over all; the p99 meets the SLA up to 0.01."""
        self._simulator.reset(configuration, seed=_SEED)
        outcome = self._simulator.step(configuration, self._arrival_s)
        return (outcome.violations + self._simulator.overdue_inside()) / max(1, outcome.arrivals)

    def feasible(self, configuration: Configuration) -> bool:
        """Whether the p99 of the sample's latencies is within the SLA; a dropped request is late without end."""
        if configuration not in self._known:
            self._known[configuration] = self.late_fraction(configuration) <= LATE_FRACTION
        return self._known[configuration]


def initialize(estimator: Estimator, variants: tuple[int, ...]) -> tuple[Configuration, bool]:
    """Algorithm 1: batch 1 and one replica each, then a replica more where throughput is least, until it is feasible.

    Of stages with equal throughput the first gets the replica. It gives up where service alone takes longer than the
    SLA, or where the slowest stage is at the replica cap.
    Returns: the configuration, and whether it is feasible.
    """
    pipeline = estimator.pipeline
    one_each = Configuration(tuple(StageConfiguration(variant, 1, 1) for variant in variants))
    if _service_s(pipeline, one_each) > pipeline.sla_s:
        return one_each, False
    configuration = one_each
    while not estimator.feasible(configuration):
        carried = [
            choice.replicas * stage.variants[choice.variant].throughput_rps(choice.batch)
            for stage, choice in zip(pipeline.stages, configuration.stages, strict=True)
        ]
        slowest = carried.index(min(carried))
        choice = configuration.stages[slowest]
        if choice.replicas >= pipeline.replica_cap:
            return configuration, False
        configuration = _with(configuration, slowest, replace(choice, replicas=choice.replicas + 1))
    return configuration, True


def minimize_cost(estimator: Estimator, configuration: Configuration) -> Configuration:
    """Algorithm 2: again and again the feasible action of least cost, until none is feasible.

    The actions of each stage are a doubled batch, which costs nothing, and a replica less. So a batch grows only where
    no replica can go; of equal costs the first stage's, and there the batch, is taken. (The paper's third action, a
    cheaper kind of hardware, has no counterpart: replicas of a variant are alike.)
    Args:
        configuration: a feasible one.
    Returns: a feasible configuration from which no single action is feasible.
    """
    pipeline = estimator.pipeline
    while True:
        candidates = [other for other in _actions(pipeline, configuration) if estimator.feasible(other)]
        if not candidates:
            return configuration
        configuration = min(candidates, key=pipeline.cost_cores)


@lru_cache(maxsize=64)
def make_plan(pipeline: Pipeline, variants: tuple[int, ...], source: SampleSource) -> Plan:
    """The plan for some variants; where none is feasible, what algorithm 1 gave up at.

    λ in the plan's ratios is the sample's mean rate.
    Raises: OptionError for a trace that cannot be read, or a sample that is outside it or empty.
    """
    counts = sample_counts(source, pipeline.load_scale_rps)
    estimator = Estimator(pipeline, counts)
    configuration, feasible = initialize(estimator, variants)
    if feasible:
        configuration = minimize_cost(estimator, configuration)
    mean_rps = float(counts.mean())
    ratios = tuple(
        mean_rps / (choice.replicas * stage.variants[choice.variant].throughput_rps(choice.batch))
        for stage, choice in zip(pipeline.stages, configuration.stages, strict=True)
    )
    return Plan(configuration, feasible, ratios, sample_envelope(counts))


@lru_cache(maxsize=8)
def sample_counts(source: SampleSource, load_scale_rps: float) -> NDArray[np.int64]:
    """The sample's requests of each second: the trace's counts, scaled and drawn as an environment would.

    Args:
        load_scale_rps: the pipeline card's full load; the shipped traces are made for 32.
    Returns: int64 (length_s,), read-only.
    Raises: OptionError.
    """
    try:
        trace = load_trace(source.trace, scale=load_scale_rps / _SHIPPED_LOAD_RPS)
    except TraceError as error:
        raise OptionError(f"sample: {error}") from error
    first, end = trace.split_range("train" if "train" in trace.splits else "all")
    if source.start_s + source.length_s > end - first:
        raise OptionError(
            f"sample of {source.length_s} s from second {source.start_s} on; trace {trace.name} has "
            f"{end - first} training seconds"
        )
    begin = first + source.start_s
    counts = realised_counts(trace.counts[begin : begin + source.length_s], seed=_SEED, kind="poisson")
    if not counts.any():
        raise OptionError(f"sample: trace {trace.name} has no request from second {begin} on")
    counts.flags.writeable = False
    return counts


def _actions(pipeline: Pipeline, configuration: Configuration) -> Iterator[Configuration]:
    for index, choice in enumerate(configuration.stages):
        if 2 * choice.batch <= pipeline.batch_cap:
            yield _with(configuration, index, replace(choice, batch=2 * choice.batch))
        if choice.replicas > 1:
            yield _with(configuration, index, replace(choice, replicas=choice.replicas - 1))


def _with(configuration: Configuration, stage: int, choice: StageConfiguration) -> Configuration:
    stages = configuration.stages
    return Configuration((*stages[:stage], choice, *stages[stage + 1 :]))


def _service_s(pipeline: Pipeline, configuration: Configuration) -> float:
    """Seconds that a request is served, without any wait."""
    return sum(
        stage.variants[choice.variant].batch_latency_s(choice.batch)
        for stage, choice in zip(pipeline.stages, configuration.stages, strict=True)
    )
