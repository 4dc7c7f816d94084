"""The arrays that the queueing kernel reads and writes: constants, state, tallies, working space, records.

Everything is a preallocated numpy array in a NamedTuple, so that numba takes it as it is. State and tallies hold N
pipelines side by side, working space is one a thread. N pipelines, S stages, V variants, R replica slots, C places for
requests, T threads, M requests and P replicas recorded. Nothing is computed here. Next: `ipa_gym/queueing/kernel.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.queueing.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]  # unsigned where the kernel indexes with it, see `heaps.py`
Bytes = NDArray[np.int8]

# what a replica slot holds (int8): WAITING is ready and waits for the others of a switch; SERVING is idle or busy
EMPTY, STARTING, WAITING, SERVING, LEAVING = 0, 1, 2, 3, 4
# what became of a request (int8)
INSIDE, COMPLETED, DROPPED = 0, 1, 2
# law of the service factor
DETERMINISTIC, LOGNORMAL, EXPONENTIAL = 0, 1, 2

_WORD_BITS = 64
_PADDING = 8  # places beyond a power of two, so that the rows of many pipelines do not share cache sets


class Model(NamedTuple):
    """Constants of a pipeline; the kernel only reads them."""

    service_s: Floats  # (S, V, B + 1) seconds to serve a batch of k requests, scale included; [..., 0] unused
    cores: Floats  # (S, V) cores of one replica
    startup_s: Floats  # (S, V) seconds, scale included
    sla_s: float
    drop_after_s: float
    batch_timeout_s: float
    service_law: int  # DETERMINISTIC, LOGNORMAL or EXPONENTIAL
    sigma: float  # of the lognormal service factor


class KernelState(NamedTuple):
    """All that is carried from one interval to the next; the kernel reads and writes it.

    The requests inside a stage lie in its first places: those in service, batch by batch, then the queue.
    """

    slot_state: Bytes  # (N, S, R) EMPTY .. LEAVING
    slot_variant: Ints  # (N, S, R)
    slot_ready_s: Floats  # (N, S, R) when a STARTING or WAITING replica is (was) ready
    slot_end_s: Floats  # (N, S, R) when the batch of a busy replica ends
    slot_batch: Ints  # (N, S, R) its number: batches of a stage are numbered in the order in which they start
    slot_first: Words  # (N, S, R) place of its first request
    slot_requests: Words  # (N, S, R) requests in it
    slot_replica: Ints  # (N, S, R) number of its replica: those of a stage are numbered as they are started
    busy_heap: Words  # (N, S, R) busy slots, serving or leaving, a heap by (end, batch)
    free_words: Words  # (N, S, R / 64) bit set of the idle slots
    n_busy: Words  # (N, S)
    n_slots: Ints  # (N, S) all slots from here on are EMPTY
    variant: Ints  # (N, S) that serves
    target: Ints  # (N, S) variant of the newest decision
    batch: Ints  # (N, S) batch size of the newest decision
    n_batches: Ints  # (N, S) batches started since the episode's start
    n_replicas: Ints  # (N, S) replicas started since the episode's start, the initial ones included
    in_service: Words  # (N, S) requests
    waiting: Words  # (N, S) requests
    number: Ints  # (N, S, C) request in this place: its arrival's number in the episode, from 0
    t0_s: Floats  # (N, S, C) when it arrived at the pipeline
    enqueue_s: Floats  # (N, S, C) when it entered this stage's queue


class Tally(NamedTuple):
    """What an interval reports of each stage; nothing here is carried over."""

    dropped: Ints  # (N, S)
    core_s: Floats  # (N, S) core-seconds
    busy_s: Floats  # (N, S) replica-seconds with a batch
    serving_s: Floats  # (N, S) replica-seconds serving or leaving
    sojourn_p99_s: Floats  # (N, S)
    switch_s: Floats  # (N, S) NaN: the serving variant did not change
    variant_before: Ints  # (N, S)
    serving: Ints  # (N, S) at the end
    starting: Ints  # (N, S)
    leaving: Ints  # (N, S)


class Flow(NamedTuple):
    """Requests in order of time: inside a stage and about to enter it, or on their way out."""

    number: Ints  # (T, C)
    t0_s: Floats  # (T, C)
    enter_s: Floats  # (T, C) into this stage's queue; after the last stage: completion


class Work(NamedTuple):
    """Working space of one interval; the stages take turns in using one flow for in and the other for out."""

    here: Flow
    there: Flow
    value_s: Floats  # (T, C) sojourns in one stage; after the last stage: latencies


class RecordArrays(NamedTuple):
    """Of one pipeline, per request, per replica, and per request and stage; M = 0 switches recording off."""

    enqueue_s: Floats  # (S, M) NaN: never entered
    start_s: Floats  # (S, M) NaN: no batch has started with it
    end_s: Floats  # (S, M) NaN: its batch has not ended
    batch: Ints  # (S, M) number of its batch in the stage, -1: none
    replica: Ints  # (S, M) number of the replica that served it, -1: none
    arrival_s: Floats  # (M,)
    left_s: Floats  # (M,) completed or dropped; NaN: inside
    fate: Bytes  # (M,) INSIDE, COMPLETED, DROPPED
    drop_stage: Ints  # (M,) -1: not dropped
    replica_slot: Ints  # (S, P)
    replica_variant: Ints  # (S, P)
    replica_started_s: Floats  # (S, P) told to start
    replica_joined_s: Floats  # (S, P) began to serve; NaN: not yet, or cancelled
    replica_told_s: Floats  # (S, P) told to leave, or cancelled; NaN: neither
    replica_gone_s: Floats  # (S, P) ceased to exist; NaN: exists


@compiled
def pipeline_of(state, index):
    """The state of one of the N pipelines, as views."""
    return KernelState(
        state.slot_state[index],
        state.slot_variant[index],
        state.slot_ready_s[index],
        state.slot_end_s[index],
        state.slot_batch[index],
        state.slot_first[index],
        state.slot_requests[index],
        state.slot_replica[index],
        state.busy_heap[index],
        state.free_words[index],
        state.n_busy[index],
        state.n_slots[index],
        state.variant[index],
        state.target[index],
        state.batch[index],
        state.n_batches[index],
        state.n_replicas[index],
        state.in_service[index],
        state.waiting[index],
        state.number[index],
        state.t0_s[index],
        state.enqueue_s[index],
    )


@compiled
def tally_of(tally, index):
    """The tally of one of the N pipelines, as views."""
    return Tally(
        tally.dropped[index],
        tally.core_s[index],
        tally.busy_s[index],
        tally.serving_s[index],
        tally.sojourn_p99_s[index],
        tally.switch_s[index],
        tally.variant_before[index],
        tally.serving[index],
        tally.starting[index],
        tally.leaving[index],
    )


@compiled
def work_of(work, thread):
    """The working space of one thread, as views."""
    here, there = work.here, work.there
    return Work(
        Flow(here.number[thread], here.t0_s[thread], here.enter_s[thread]),
        Flow(there.number[thread], there.t0_s[thread], there.enter_s[thread]),
        work.value_s[thread],
    )


def new_state(n_pipelines: int, n_stages: int, *, n_slots: int, n_places: int) -> KernelState:
    """Empty state with room for ``n_slots`` replicas and ``n_places`` requests a stage."""
    shape = (n_pipelines, n_stages)
    slots, places = (*shape, n_slots), (*shape, n_places)

    def ints(shape: tuple[int, ...]) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    def words(shape: tuple[int, ...]) -> Words:
        return np.zeros(shape, dtype=np.uint64)

    return KernelState(
        slot_state=np.zeros(slots, dtype=np.int8),
        slot_variant=ints(slots),
        slot_ready_s=np.zeros(slots),
        slot_end_s=np.zeros(slots),
        slot_batch=ints(slots),
        slot_first=words(slots),
        slot_requests=words(slots),
        slot_replica=ints(slots),
        busy_heap=words(slots),
        free_words=words((*shape, -(-n_slots // _WORD_BITS))),
        n_busy=words(shape),
        n_slots=ints(shape),
        variant=ints(shape),
        target=ints(shape),
        batch=ints(shape),
        n_batches=ints(shape),
        n_replicas=ints(shape),
        in_service=words(shape),
        waiting=words(shape),
        number=ints(places),
        t0_s=np.zeros(places),
        enqueue_s=np.zeros(places),
    )


def new_tally(n_pipelines: int, n_stages: int) -> Tally:
    """Room for what an interval reports."""
    shape = (n_pipelines, n_stages)
    seconds = [np.zeros(shape) for _ in range(5)]
    counts = [np.zeros(shape, np.int64) for _ in range(5)]
    return Tally._make([counts[0], *seconds, *counts[1:]])


def new_work(n_threads: int, n_places: int) -> Work:
    """Working space for ``n_places`` requests a thread."""
    shape = (n_threads, n_places)
    here, there = (Flow(np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)) for _ in range(2))
    return Work(here, there, np.zeros(shape))


def new_records(n_stages: int, n_requests: int, *, n_replicas: int) -> RecordArrays:
    """Records of so many requests, and of so many replicas a stage, of which nothing is known yet."""

    def unknown(*shape: int) -> Floats:
        return np.full(shape, np.nan)

    def none(*shape: int) -> Ints:
        return np.full(shape, -1, dtype=np.int64)

    table, fleet = (n_stages, n_requests), (n_stages, n_replicas)
    return RecordArrays(
        *(unknown(*table), unknown(*table), unknown(*table), none(*table), none(*table)),
        *(unknown(n_requests), unknown(n_requests), np.zeros(n_requests, np.int8), none(n_requests)),
        *(none(*fleet), none(*fleet)),
        *(unknown(*fleet), unknown(*fleet), unknown(*fleet), unknown(*fleet)),
    )


def padded(size: int, needed: int) -> int:
    """A size of at least ``needed``: ``size`` if that is enough, else the next doubling and some padding."""
    if needed <= size:
        return size
    doubled = 1
    while doubled < needed:
        doubled *= 2
    return doubled + _PADDING


def grown_state(state: KernelState, *, n_slots: int, n_places: int) -> KernelState:
    """The same state in larger arrays."""
    larger = new_state(*state.variant.shape, n_slots=n_slots, n_places=n_places)
    for name in KernelState._fields:
        old = getattr(state, name)
        getattr(larger, name)[..., : old.shape[-1]] = old
    return larger


def grown_records(records: RecordArrays, n_requests: int, *, n_replicas: int) -> RecordArrays:
    """The same records with room for so many requests, and so many replicas a stage."""
    larger = new_records(records.enqueue_s.shape[0], n_requests, n_replicas=n_replicas)
    for name in RecordArrays._fields:
        old = getattr(records, name)
        getattr(larger, name)[..., : old.shape[-1]] = old
    return larger


def copied_state(state: KernelState) -> KernelState:
    """A copy that shares nothing with the original."""
    return KernelState._make([array.copy() for array in state])


def copied_records(records: RecordArrays) -> RecordArrays:
    """A copy that shares nothing with the original."""
    return RecordArrays._make([array.copy() for array in records])
