"""The readable face of the queueing kernel: `Simulator` packs a pipeline into arrays, runs intervals, unpacks outcomes.

It checks what comes in and makes room; every rule of the model is in `kernel.py` and `replicas.py` (in words:
docs/model.md). It draws no arrivals, knows no reward, reads no files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing.compiled import compiled
from ipa_gym.queueing.kernel import run_interval
from ipa_gym.queueing.outcome import IntervalOutcome, Records, ReplicaRecords
from ipa_gym.queueing.replicas import begin_episode
from ipa_gym.queueing.state import (
    DETERMINISTIC,
    EXPONENTIAL,
    LOGNORMAL,
    KernelState,
    Model,
    RecordArrays,
    copied_records,
    copied_state,
    grown_records,
    grown_state,
    new_records,
    new_state,
    new_tally,
    new_work,
    padded,
    pipeline_of,
    tally_of,
    work_of,
)

__all__ = ["IntervalOutcome", "Records", "Simulator", "SimulatorState"]

ServiceLaw = Literal["lognormal", "exponential"]
_SERVICE_LAWS: Mapping[str, int] = {"lognormal": LOGNORMAL, "exponential": EXPONENTIAL}  # name -> code in the kernel
_FIRST_PLACES = 256  # room for requests and replicas that a new state starts with; grows by doubling
_FIRST_SLOTS = 16


@compiled
def _begin_first(state, records, initial):
    begin_episode(pipeline_of(state, 0), records, initial)


@compiled
def _run_first(model, seed, state, tally, work, records, decision, arrival_s, first_number, start_s, stop_s):
    """One interval of the only pipeline in the arrays."""
    return run_interval(
        model, seed, pipeline_of(state, 0), tally_of(tally, 0), work_of(work, 0), records, decision, arrival_s,
        first_number, start_s, stop_s,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimulatorState:
    """Opaque full copy of a simulator's state; can be pickled, and set on any simulator of the same pipeline."""

    arrays: KernelState
    record_arrays: RecordArrays
    seed: int
    n_intervals: int
    n_arrived: int
    n_completed: int
    n_dropped: int


class Simulator:
    """Exact queueing model of a pipeline, interval by interval, request by request.

    Args:
        pipeline: stages, profiles and limits; latencies must be positive.
        interval_s: seconds between decisions.
        service_cv: coefficient of variation of the lognormal service factor; 0: deterministic.
        service_law: ``exponential`` draws the service factor from the exponential law of mean 1, to compare with
            queueing theory; `service_cv` is then left at 0.
        service_scale: multiplies every batch's latency (a profile that is wrong).
        startup_scale: multiplies every startup time.
        record: keep every request's path for `records`.
    Raises: OptionError if an argument is out of its range.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        interval_s: float = 10.0,
        service_cv: float = 0.0,
        service_law: ServiceLaw = "lognormal",
        service_scale: float = 1.0,
        startup_scale: float = 1.0,
        record: bool = False,
    ) -> None:
        _check_number("interval_s", interval_s, above=True)
        _check_number("service_cv", service_cv, above=False)
        _check_number("service_scale", service_scale, above=True)
        _check_number("startup_scale", startup_scale, above=False)
        self.pipeline = pipeline
        self.interval_s = float(interval_s)
        self._n_stages = len(pipeline.stages)
        self._record = record
        self._model = _model(pipeline, service_scale=service_scale, startup_scale=startup_scale)._replace(
            service_law=_service_law(service_law, cv=service_cv), sigma=math.sqrt(math.log1p(service_cv * service_cv))
        )
        self._limits = np.array([[len(stage.variants) - 1, _largest_batch(pipeline)] for stage in pipeline.stages])
        self._started = False
        self._clear(seed=0)

    def _clear(self, *, seed: int) -> None:
        self._seed = seed
        self._state = new_state(1, self._n_stages, n_slots=_FIRST_SLOTS, n_places=_FIRST_PLACES)
        self._tally = new_tally(1, self._n_stages)
        self._work = new_work(1, _FIRST_PLACES)
        self._records = new_records(
            self._n_stages, _FIRST_PLACES if self._record else 0, n_replicas=_FIRST_SLOTS if self._record else 0
        )
        self._n_intervals = 0
        self.n_arrived = self.n_completed = self.n_dropped = 0

    @property
    def clock_s(self) -> float:
        """Seconds since the episode's start: k · interval after k steps."""
        return self._n_intervals * self.interval_s

    @property
    def n_inside(self) -> int:
        """Requests that have arrived and neither completed nor been dropped, counted where they are."""
        return int(self._state.in_service.sum() + self._state.waiting.sum())

    def reset(self, initial: Configuration, *, seed: int) -> None:
        """Start an episode at time 0 with empty queues and ``initial`` serving.

        Args:
            initial: what serves at time 0, all replicas ready.
            seed: 0 to 2**64 - 1; decides the service factors.
        Raises: OptionError if the configuration or the seed cannot be used.
        """
        if not 0 <= int(seed) < 1 << 64:
            raise OptionError(f"seed is {seed}; expected an integer from 0 to 2**64 - 1")
        table = self._decision_table(initial)
        self._clear(seed=int(seed))
        self._make_room(0, max(table[:, 2].tolist()))
        _begin_first(self._state, self._records, table)
        self._started = True

    def step(self, decision: Configuration, arrival_s: NDArray[np.float64]) -> IntervalOutcome:
        """Apply a decision at the clock and run until the next one.

        Args:
            decision: variant, batch and replicas of every stage.
            arrival_s: float64 (n,), sorted, seconds since the episode's start, in [clock, clock + interval).
        Raises: OptionError if the decision or the arrivals cannot be used, or before `reset`.
        """
        if not self._started:
            raise OptionError("Simulator.step before reset: call reset(initial, seed=...) first")
        start_s, stop_s = self.clock_s, (self._n_intervals + 1) * self.interval_s
        table = self._decision_table(decision)
        arrivals = _checked_arrivals(arrival_s, start_s=start_s, stop_s=stop_s)
        self._make_room(len(arrivals), max(table[:, 2].tolist()))
        completed = _run_first(
            self._model, np.uint64(self._seed), self._state, self._tally, self._work, self._records, table, arrivals,
            self.n_arrived, start_s, stop_s,
        )  # fmt: skip
        outcome = self._outcome(len(arrivals), completed)
        self._n_intervals += 1
        self.n_arrived += outcome.arrivals
        self.n_completed += outcome.completed
        self.n_dropped += outcome.dropped
        return outcome

    def _outcome(self, arrivals: int, completed: int) -> IntervalOutcome:
        tally, state = self._tally, self._state
        latency_s = self._work.value_s[0, :completed].copy()
        dropped = sum(tally.dropped[0].tolist())
        return IntervalOutcome(
            arrivals=arrivals,
            completed=completed,
            dropped=dropped,
            violations=int(np.count_nonzero(latency_s > self.pipeline.sla_s)) + dropped,
            latency_s=latency_s,
            core_seconds=float(sum(tally.core_s[0].tolist())),
            queue_requests=state.waiting[0].copy(),
            busy_replica_s=tally.busy_s[0].copy(),
            serving_replica_s=tally.serving_s[0].copy(),
            dropped_at=tally.dropped[0].copy(),
            sojourn_p99_s=tally.sojourn_p99_s[0].copy(),
            variant_before=tally.variant_before[0].copy(),
            variant=state.variant[0].copy(),
            switch_s=tally.switch_s[0].copy(),
            batch=state.batch[0].copy(),
            serving=tally.serving[0].copy(),
            starting=tally.starting[0].copy(),
            leaving=tally.leaving[0].copy(),
        )

    def overdue_inside(self) -> int:
        """Requests inside that are older than the SLA at the clock (for the end of the window)."""
        state, clock_s = self._state, self.clock_s
        inside = (state.in_service[0] + state.waiting[0]).tolist()
        return sum(
            int(np.count_nonzero(clock_s - state.t0_s[0, stage, :count] > self.pipeline.sla_s))
            for stage, count in enumerate(inside)
        )

    def records(self) -> Records:
        """Every request's path so far. Raises: OptionError unless made with ``record=True``."""
        if not self._record:
            raise OptionError("Simulator.records needs Simulator(..., record=True)")
        kept, n = self._records, self.n_arrived
        return Records(
            arrival_s=kept.arrival_s[:n].copy(),
            left_s=kept.left_s[:n].copy(),
            fate=kept.fate[:n].copy(),
            drop_stage=kept.drop_stage[:n].copy(),
            enqueue_s=kept.enqueue_s[:, :n].copy(),
            start_s=kept.start_s[:, :n].copy(),
            end_s=kept.end_s[:, :n].copy(),
            batch=kept.batch[:, :n].copy(),
            replica=kept.replica[:, :n].copy(),
            replicas=tuple(self._replica_records(stage) for stage in range(self._n_stages)),
        )

    def _replica_records(self, stage: int) -> ReplicaRecords:
        kept, n = self._records, self._state.n_replicas[0, stage]
        return ReplicaRecords(
            slot=kept.replica_slot[stage, :n].copy(),
            variant=kept.replica_variant[stage, :n].copy(),
            started_s=kept.replica_started_s[stage, :n].copy(),
            joined_s=kept.replica_joined_s[stage, :n].copy(),
            told_s=kept.replica_told_s[stage, :n].copy(),
            gone_s=kept.replica_gone_s[stage, :n].copy(),
        )

    def get_state(self) -> SimulatorState:
        """A full copy of the state (records included)."""
        return SimulatorState(
            arrays=copied_state(self._state),
            record_arrays=copied_records(self._records),
            seed=self._seed,
            n_intervals=self._n_intervals,
            n_arrived=self.n_arrived,
            n_completed=self.n_completed,
            n_dropped=self.n_dropped,
        )

    def set_state(self, state: SimulatorState) -> None:
        """Continue from a copy, bit for bit.

        Raises: OptionError if the copy is of another number of stages, or recording differs.
        """
        n_stages = state.arrays.variant.shape[1]
        if n_stages != self._n_stages or (state.record_arrays.fate.size > 0) != self._record:
            raise OptionError(
                f"set_state: the state has {n_stages} stages, recording "
                f"{state.record_arrays.fate.size > 0}; this simulator has {self._n_stages}, {self._record}"
            )
        self._seed = state.seed
        self._state = copied_state(state.arrays)
        self._records = copied_records(state.record_arrays)
        self._work = new_work(1, self._state.number.shape[2])
        self._n_intervals = state.n_intervals
        self.n_arrived, self.n_completed, self.n_dropped = state.n_arrived, state.n_completed, state.n_dropped
        self._started = True

    def _decision_table(self, decision: Configuration) -> NDArray[np.int64]:
        choices = [(choice.variant, choice.batch, choice.replicas) for choice in decision.stages]
        if len(choices) != self._n_stages:
            raise OptionError(f"decision has {len(choices)} stages; pipeline {self.pipeline.name} has {self._n_stages}")
        cap = self.pipeline.replica_cap
        for stage, (chosen, (last_variant, batch_cap)) in enumerate(zip(choices, self._limits.tolist(), strict=True)):
            variant, batch, replicas = chosen
            if not (0 <= variant <= last_variant and 1 <= batch <= batch_cap and 1 <= replicas <= cap):
                raise OptionError(
                    f"decision for stage {stage} ({self.pipeline.stages[stage].name}) is variant {variant}, "
                    f"batch {batch}, replicas {replicas}; expected variant 0 to {last_variant}, "
                    f"batch 1 to {batch_cap}, replicas 1 to {cap}"
                )
        return np.array(choices, dtype=np.int64)

    def _make_room(self, arrivals: int, replicas: int) -> None:
        """Grow the arrays so that the coming interval cannot overflow: inside + arrivals, existing + new replicas."""
        places, slots = self._state.number.shape[2], self._state.slot_state.shape[2]
        need_places = self.n_arrived - self.n_completed - self.n_dropped + arrivals
        need_slots = int(self._state.n_slots.max()) + replicas
        if need_places > places or need_slots > slots:
            places = padded(places, need_places)
            self._state = grown_state(self._state, n_slots=padded(slots, need_slots), n_places=places)
            self._work = new_work(1, places)
        if self._record:
            requests, fleet = len(self._records.fate), self._records.replica_slot.shape[1]
            need_requests, need_fleet = self.n_arrived + arrivals, int(self._state.n_replicas.max()) + replicas
            if need_requests > requests or need_fleet > fleet:
                requests, fleet = padded(requests, need_requests), padded(fleet, need_fleet)
                self._records = grown_records(self._records, requests, n_replicas=fleet)


def _service_law(law: str, *, cv: float) -> int:
    if law not in _SERVICE_LAWS:
        raise unknown_name("service_law", law, _SERVICE_LAWS)
    if law == "exponential" and cv != 0.0:
        raise OptionError(f"service_cv is {cv!r} beside service_law 'exponential'; expected 0: its variation is 1")
    return DETERMINISTIC if law == "lognormal" and cv == 0.0 else _SERVICE_LAWS[law]


def _check_number(name: str, value: float, *, above: bool) -> None:
    if not math.isfinite(value) or value < 0 or (above and value == 0):
        raise OptionError(f"{name} is {value!r}; expected a finite number {'above' if above else 'of at least'} 0")


def _largest_batch(pipeline: Pipeline) -> int:
    """Largest batch that a decision may ask for: a variant that leaves must be able to serve it too."""
    profiled = min(variant.batch_sizes[-1] for stage in pipeline.stages for variant in stage.variants)
    return min(pipeline.batch_cap, profiled)


def _model(pipeline: Pipeline, *, service_scale: float, startup_scale: float) -> Model:
    n_variants = max(len(stage.variants) for stage in pipeline.stages)
    largest = _largest_batch(pipeline)
    service_s = np.full((len(pipeline.stages), n_variants, largest + 1), np.nan)
    cores, startup_s = np.full(service_s.shape[:2], np.nan), np.full(service_s.shape[:2], np.nan)
    for s, stage in enumerate(pipeline.stages):
        for v, variant in enumerate(stage.variants):
            cores[s, v], startup_s[s, v] = variant.cores, startup_scale * variant.startup_s
            service_s[s, v, 1:] = [service_scale * variant.batch_latency_s(k) for k in range(1, largest + 1)]
            if not (np.isfinite(service_s[s, v, 1:]).all() and service_s[s, v, 1:].min() > 0):
                raise OptionError(f"stage {stage.name}, variant {variant.name}: latencies must be finite and above 0")
    for name in ("sla_s", "drop_after_s", "batch_timeout_s"):
        if not getattr(pipeline, name) >= 0:
            raise OptionError(f"pipeline {pipeline.name}: {name} is {getattr(pipeline, name)}; expected at least 0")
    return Model(
        service_s=service_s,
        cores=cores,
        startup_s=startup_s,
        sla_s=float(pipeline.sla_s),
        drop_after_s=float(pipeline.drop_after_s),
        batch_timeout_s=float(pipeline.batch_timeout_s),
        service_law=DETERMINISTIC,
        sigma=0.0,
    )


def _checked_arrivals(arrival_s: NDArray[np.float64], *, start_s: float, stop_s: float) -> NDArray[np.float64]:
    arrivals = np.ascontiguousarray(arrival_s, dtype=np.float64)
    if arrivals.ndim != 1:
        raise OptionError(f"arrivals have shape {arrivals.shape}; expected one dimension")
    if len(arrivals) == 0:
        return arrivals
    inside = arrivals[0] >= start_s and arrivals[-1] < stop_s
    if not inside or not bool((arrivals[1:] >= arrivals[:-1]).all()):
        raise OptionError(
            f"arrivals from {arrivals[0]} to {arrivals[-1]}; expected sorted seconds in [{start_s}, {stop_s})"
        )
    return arrivals
