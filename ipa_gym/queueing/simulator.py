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

from ipa_gym.compiling import compiled
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing.kernel import run_interval
from ipa_gym.queueing.memory import KernelMemory
from ipa_gym.queueing.outcome import IntervalOutcome, Records, ReplicaRecords
from ipa_gym.queueing.replicas import begin_episode
from ipa_gym.queueing.state import (
    ARRIVALS,
    COMPLETIONS,
    DETERMINISTIC,
    DROPS,
    EXPONENTIAL,
    INTERVALS,
    LOGNORMAL,
    Blocks,
    Floats,
    Ints,
    KernelState,
    Model,
    RecordArrays,
    copied_blocks,
    copied_records,
    grown_records,
    new_records,
    padded,
    pipeline_of,
    state_view,
    tallied,
    work_of,
    work_view,
)

__all__ = ["IntervalOutcome", "Records", "Simulator", "SimulatorState"]

ServiceLaw = Literal["lognormal", "exponential"]
_SERVICE_LAWS: Mapping[str, int] = {"lognormal": LOGNORMAL, "exponential": EXPONENTIAL}  # name -> code in the kernel
_FIRST_REQUESTS = 264  # room that records start with; grows by doubling
_FIRST_FLEET = 16


@compiled
def _begin_first(blocks, records, initial, seed):
    begin_episode(pipeline_of(blocks, 0), records, initial, seed)


@compiled
def _run_first(model, blocks, work, records, n_arrivals, start_s, stop_s):
    """One interval of the only pipeline in the arrays."""
    return run_interval(model, pipeline_of(blocks, 0), work_of(work, 0), records, n_arrivals, start_s, stop_s)


@dataclass(frozen=True, slots=True)
class SimulatorState:
    """Opaque full copy of a simulator's state; can be pickled, and set on any simulator of the same pipeline."""

    blocks: Blocks
    record_arrays: RecordArrays


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
        self.model = _model(pipeline, service_scale=service_scale, startup_scale=startup_scale)._replace(
            service_law=_service_law(service_law, cv=service_cv), sigma=math.sqrt(math.log1p(service_cv * service_cv))
        )
        self._limits = np.array([[len(stage.variants) - 1, _largest_batch(pipeline)] for stage in pipeline.stages])
        self._started = False
        self.memory = KernelMemory(1, self._n_stages)
        self._clear_records()

    def _clear_records(self) -> None:
        requests, fleet = (_FIRST_REQUESTS, _FIRST_FLEET) if self._record else (0, 0)
        self.record_arrays = new_records(self._n_stages, requests, n_replicas=fleet)

    @property
    def _state(self) -> KernelState:
        return state_view(self.memory.blocks, 0)

    def _total(self, which: int) -> int:
        return int(self.memory.blocks.counts[0, which])

    @property
    def n_arrived(self) -> int:
        """Requests that have arrived since the episode's start."""
        return self._total(ARRIVALS)

    @property
    def n_completed(self) -> int:
        """Requests that have completed since the episode's start."""
        return self._total(COMPLETIONS)

    @property
    def n_dropped(self) -> int:
        """Requests that have been dropped since the episode's start."""
        return self._total(DROPS)

    @property
    def clock_s(self) -> float:
        """Seconds since the episode's start: k · interval after k steps."""
        return self._total(INTERVALS) * self.interval_s

    @property
    def n_inside(self) -> int:
        """Requests that have arrived and neither completed nor been dropped, counted where they are."""
        state = self._state
        return int(state.in_service.sum() + state.waiting.sum())

    def reset(self, initial: Configuration, *, seed: int) -> None:
        """Start an episode at time 0 with empty queues and ``initial`` serving.

        Args:
            initial: what serves at time 0, all replicas ready.
            seed: 0 to 2**64 - 1; decides the service factors.
        Raises: OptionError if the configuration or the seed cannot be used.
        """
        if not 0 <= int(seed) < 1 << 64:
            raise OptionError(f"seed is {seed}; expected an integer from 0 to 2**64 - 1")
        table = self.prepare(initial)
        _begin_first(self.memory.blocks, self.record_arrays, table, np.uint64(seed))

    def prepare(self, initial: Configuration) -> NDArray[np.int64]:
        """Make room for an episode that begins with ``initial``, for whoever begins it in these arrays.

        Returns: int64 (n_stages, 3), variant, batch and replicas of ``initial``.
        Raises: OptionError if the configuration cannot be used.
        """
        table = self._decision_table(initial)
        self._clear_records()
        self.make_room(0, max(table[:, 2].tolist()), empty=True)
        self._started = True
        return table

    def step(self, decision: Configuration, arrival_s: NDArray[np.float64]) -> IntervalOutcome:
        """Apply a decision at the clock and run until the next one.

        Args:
            decision: variant, batch and replicas of every stage.
            arrival_s: float64 (n,), sorted, seconds since the episode's start, in [clock, clock + interval).
        Raises: OptionError if the decision or the arrivals cannot be used, or before `reset`.
        """
        if not self._started:
            raise OptionError("Simulator.step before reset: call reset(initial, seed=...) first")
        start_s, stop_s = self.clock_s, (self._total(INTERVALS) + 1) * self.interval_s
        table = self._decision_table(decision)
        arrivals = _checked_arrivals(arrival_s, start_s=start_s, stop_s=stop_s)
        self.make_room(len(arrivals), max(table[:, 2].tolist()))
        memory, work = self.memory, work_view(self.memory.work, 0)
        work.decision[:] = table
        work.arrival_s[: len(arrivals)] = arrivals
        completed = _run_first(
            self.model, memory.blocks, memory.work, self.record_arrays, len(arrivals), start_s, stop_s
        )
        latency_s = work.value_s[:completed].copy()
        return interval_outcome(len(arrivals), latency_s, *tallied(memory.work, 0), sla_s=self.pipeline.sla_s)

    def overdue_inside(self) -> int:
        """Requests inside that are older than the SLA at the clock (for the end of the window)."""
        state, clock_s = self._state, self.clock_s
        inside = (state.in_service + state.waiting).tolist()
        return sum(
            int(np.count_nonzero(clock_s - state.t0_s[stage, :count] > self.pipeline.sla_s))
            for stage, count in enumerate(inside)
        )

    def records(self) -> Records:
        """Every request's path so far. Raises: OptionError unless made with ``record=True``."""
        if not self._record:
            raise OptionError("Simulator.records needs Simulator(..., record=True)")
        kept, n = self.record_arrays, self.n_arrived
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
        kept, n = self.record_arrays, self._state.n_replicas[stage]
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
            blocks=copied_blocks(self.memory.blocks), record_arrays=copied_records(self.record_arrays)
        )

    def set_state(self, state: SimulatorState) -> None:
        """Continue from a copy, bit for bit.

        Raises: OptionError if the copy is of another number of stages, or recording differs.
        """
        n_stages = int(state.blocks.size[0])
        if n_stages != self._n_stages or (state.record_arrays.fate.size > 0) != self._record:
            raise OptionError(
                f"set_state: the state has {n_stages} stages, recording "
                f"{state.record_arrays.fate.size > 0}; this simulator has {self._n_stages}, {self._record}"
            )
        self.memory.replace(copied_blocks(state.blocks))
        self.record_arrays = copied_records(state.record_arrays)
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

    def make_room(self, arrivals: int, replicas: int, *, empty: bool = False) -> None:
        """Grow the arrays so that the coming interval cannot overflow.

        Args:
            arrivals: of the interval, beside the requests inside.
            replicas: most that the decision asks of a stage, beside those that exist.
            empty: the episode begins: nothing is inside, nothing exists.
        """
        state = self._state
        inside = 0 if empty else self.n_arrived - self.n_completed - self.n_dropped
        self.memory.make_room(places=inside + arrivals, slots=replicas + (0 if empty else int(state.n_slots.max())))
        if self._record:
            arrived, started = (0, 0) if empty else (self.n_arrived, int(state.n_replicas.max()))
            requests, fleet = len(self.record_arrays.fate), self.record_arrays.replica_slot.shape[1]
            if arrived + arrivals > requests or started + replicas > fleet:
                requests, fleet = padded(requests, arrived + arrivals), padded(fleet, started + replicas)
                self.record_arrays = grown_records(self.record_arrays, requests, n_replicas=fleet)


def interval_outcome(
    arrivals: int, latency_s: Floats, stage_s: Floats, stage_counts: Ints, *, sla_s: float
) -> IntervalOutcome:
    """What the kernel tallied, as a value that later intervals do not touch.

    Args:
        arrivals: requests that arrived in the interval.
        latency_s: float64 (completed,), its own.
        stage_s: float64 (5, S), `Tally`'s seconds in its order, its own.
        stage_counts: int64 (8, S), `Tally`'s counts in its order, its own.
        sla_s: of the pipeline.
    """
    core_s, busy_s, serving_s, sojourn_p99_s, switch_s = stage_s
    dropped_at, variant_before, variant, batch, serving, starting, leaving, queue = stage_counts
    dropped = sum(dropped_at.tolist())
    return IntervalOutcome(
        arrivals=arrivals,
        completed=len(latency_s),
        dropped=dropped,
        violations=int(np.count_nonzero(latency_s > sla_s)) + dropped,
        latency_s=latency_s,
        core_seconds=float(sum(core_s.tolist())),
        queue_requests=queue,
        busy_replica_s=busy_s,
        serving_replica_s=serving_s,
        dropped_at=dropped_at,
        sojourn_p99_s=sojourn_p99_s,
        variant_before=variant_before,
        variant=variant,
        switch_s=switch_s,
        batch=batch,
        serving=serving,
        starting=starting,
        leaving=leaving,
    )


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
