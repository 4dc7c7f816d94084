"""The arrays that the queueing kernel reads and writes: constants, state, tallies, working space, records.

Everything is a preallocated numpy array in a NamedTuple, so that numba takes it as it is. State is held for N pipelines
side by side, working space is one a thread. N pipelines, S stages, V variants, R replica slots, C places for requests,
T threads, M requests and P replicas recorded. Nothing is computed here. Next: `ipa_gym/queueing/kernel.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.compiling import embedded

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
# places in `KernelState.totals`
INTERVALS, ARRIVALS, COMPLETIONS, DROPS, N_TOTALS = 0, 1, 2, 3, 4

_WORD_BITS = 64
_APART = 32  # unused numbers (256 bytes) between what two threads write all the time: else they fight over cache lines
_N_SECONDS, _N_COUNTS = 5, 8  # in a `Tally`
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


class Blocks(NamedTuple):
    """The state of N pipelines, each in one row of every array: few cache lines a step, few arguments a call.

    `pipeline_of` finds the fields in a row.
    """

    seconds: Floats  # (N, .)
    counts: Ints  # (N, .)
    words: Words  # (N, .)
    size: Ints  # (3,) S, R, C


class KernelState(NamedTuple):
    """All that one pipeline carries from one interval to the next; views that the kernel reads and writes.

    The requests inside a stage lie in its first places: those in service, batch by batch, then the queue.
    """

    totals: Ints  # (4,) since the episode's start, see INTERVALS .. DROPS
    seed: Words  # (1,) of the service factors
    n_slots: Ints  # (S,) all slots from here on are EMPTY
    variant: Ints  # (S,) that serves
    target: Ints  # (S,) variant of the newest decision
    batch: Ints  # (S,) batch size of the newest decision
    n_batches: Ints  # (S,) batches started since the episode's start
    n_replicas: Ints  # (S,) replicas started since the episode's start, the initial ones included
    n_busy: Words  # (S,)
    in_service: Words  # (S,) requests
    waiting: Words  # (S,) requests
    slot_state: Ints  # (S, R) EMPTY .. LEAVING
    slot_variant: Ints  # (S, R)
    slot_batch: Ints  # (S, R) its number: batches of a stage are numbered in the order in which they start
    slot_replica: Ints  # (S, R) number of its replica: those of a stage are numbered as they are started
    slot_ready_s: Floats  # (S, R) when a STARTING or WAITING replica is (was) ready
    slot_end_s: Floats  # (S, R) when the batch of a busy replica ends
    slot_first: Words  # (S, R) place of its first request
    slot_requests: Words  # (S, R) requests in it
    busy_heap: Words  # (S, R) busy slots, serving or leaving, a heap by (end, batch)
    free_words: Words  # (S, R / 64) bit set of the idle slots
    number: Ints  # (S, C) request in this place: its arrival's number in the episode, from 0
    t0_s: Floats  # (S, C) when it arrived at the pipeline
    enqueue_s: Floats  # (S, C) when it entered this stage's queue


class Tally(NamedTuple):
    """What an interval reports of each stage; nothing here is carried over."""

    core_s: Floats  # (S,) core-seconds
    busy_s: Floats  # (S,) replica-seconds with a batch
    serving_s: Floats  # (S,) replica-seconds serving or leaving
    sojourn_p99_s: Floats  # (S,)
    switch_s: Floats  # (S,) NaN: the serving variant did not change
    dropped: Ints  # (S,)
    variant_before: Ints  # (S,)
    variant: Ints  # (S,) at the end, like all that follow
    batch: Ints  # (S,)
    serving: Ints  # (S,)
    starting: Ints  # (S,)
    leaving: Ints  # (S,)
    queue: Ints  # (S,) requests that wait


class Flow(NamedTuple):
    """Requests in order of time: inside a stage and about to enter it, or on their way out."""

    number: Ints  # (C,)
    t0_s: Floats  # (C,)
    enter_s: Floats  # (C,) into this stage's queue; after the last stage: completion


class WorkBlocks(NamedTuple):
    """Working space and tallies of T threads; `work_of` finds the fields."""

    place_s: Floats  # (T, 6, C)
    place_number: Ints  # (T, 2, C)
    stage_s: Floats  # (T, 5 + , S), here and below rows at the end are unused: see `_APART`
    stage_counts: Ints  # (T, 8 + , S)
    decision: Ints  # (T, S + , 3) variant, batch size, replicas of the interval's decision


class Work(NamedTuple):
    """Working space of one interval; the stages take turns in using one flow for in and the other for out."""

    here: Flow
    there: Flow
    value_s: Floats  # (C,) sojourns in one stage; after the last stage: latencies
    arrival_s: Floats  # (C,) the interval's arrivals
    tally: Tally
    decision: Ints  # (S, 3)


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


@embedded
def pipeline_of(blocks, index):
    """The state of one of the N pipelines, as views."""
    n_stages, n_slots, n_places = blocks.size[0], blocks.size[1], blocks.size[2]
    table, places = n_stages * n_slots, n_stages * n_places
    seconds, counts, words = blocks.seconds[index], blocks.counts[index], blocks.words[index]
    slot_s = seconds[: 2 * table].reshape((2, n_stages, n_slots))
    place_s = seconds[2 * table :].reshape((2, n_stages, n_places))
    first = N_TOTALS + 6 * n_stages
    stage_counts = counts[N_TOTALS:first].reshape((6, n_stages))
    slot_counts = counts[first : first + 4 * table].reshape((4, n_stages, n_slots))
    number = counts[first + 4 * table : first + 4 * table + places].reshape((n_stages, n_places))
    stage_words = words[1 : 1 + 3 * n_stages].reshape((3, n_stages))
    first = 1 + 3 * n_stages
    slot_words = words[first : first + 3 * table].reshape((3, n_stages, n_slots))
    free_words = words[first + 3 * table :].reshape((n_stages, (n_slots + _WORD_BITS - 1) // _WORD_BITS))
    return KernelState(
        counts[:N_TOTALS],
        words[:1],
        stage_counts[0],
        stage_counts[1],
        stage_counts[2],
        stage_counts[3],
        stage_counts[4],
        stage_counts[5],
        stage_words[0],
        stage_words[1],
        stage_words[2],
        slot_counts[0],
        slot_counts[1],
        slot_counts[2],
        slot_counts[3],
        slot_s[0],
        slot_s[1],
        slot_words[0],
        slot_words[1],
        slot_words[2],
        free_words,
        number,
        place_s[0],
        place_s[1],
    )


@embedded
def work_of(work, thread):
    """The working space of one thread, as views."""
    place_s, place_number = work.place_s[thread], work.place_number[thread]
    stage_s, stage_counts = work.stage_s[thread], work.stage_counts[thread]
    return Work(
        Flow(place_number[0], place_s[0], place_s[1]),
        Flow(place_number[1], place_s[2], place_s[3]),
        place_s[4],
        place_s[5],
        Tally(
            stage_s[0],
            stage_s[1],
            stage_s[2],
            stage_s[3],
            stage_s[4],
            stage_counts[0],
            stage_counts[1],
            stage_counts[2],
            stage_counts[3],
            stage_counts[4],
            stage_counts[5],
            stage_counts[6],
            stage_counts[7],
        ),
        work.decision[thread, : stage_s.shape[1]],
    )


def _interpreted(function: Any) -> Any:  # Any: a numba dispatcher, or the function itself where numba is switched off
    """A compiled function as plain Python: it may return views, which compiled code without reference counts cannot."""
    return getattr(function, "py_func", function)


def state_view(blocks: Blocks, index: int) -> KernelState:
    """The state of one pipeline for Python, as views of the same arrays."""
    views: KernelState = getattr(pipeline_of, "py_func", pipeline_of)(blocks, index)  # plain under NUMBA_DISABLE_JIT
    return views


def work_view(work: WorkBlocks, thread: int) -> Work:
    """The working space of one thread for Python, as views of the same arrays."""
    views: Work = getattr(work_of, "py_func", work_of)(work, thread)  # plain under NUMBA_DISABLE_JIT
    return views


def new_blocks(n_pipelines: int, n_stages: int, *, n_slots: int, n_places: int) -> Blocks:
    """Empty state with room for ``n_slots`` replicas and ``n_places`` requests a stage."""
    table, places = n_stages * n_slots, n_stages * n_places
    free = n_stages * -(-n_slots // _WORD_BITS)
    return Blocks(
        seconds=np.zeros((n_pipelines, 2 * table + 2 * places)),
        counts=np.zeros((n_pipelines, N_TOTALS + 6 * n_stages + 4 * table + places), dtype=np.int64),
        words=np.zeros((n_pipelines, 1 + 3 * n_stages + 3 * table + free), dtype=np.uint64),
        size=np.array([n_stages, n_slots, n_places]),
    )


def new_work(n_threads: int, n_stages: int, *, n_places: int) -> WorkBlocks:
    """Working space for ``n_places`` requests a thread."""
    return WorkBlocks(
        place_s=np.zeros((n_threads, 6, n_places)),
        place_number=np.zeros((n_threads, 2, n_places), dtype=np.int64),
        stage_s=np.zeros((n_threads, _N_SECONDS + _APART // n_stages + 1, n_stages)),
        stage_counts=np.zeros((n_threads, _N_COUNTS + _APART // n_stages + 1, n_stages), dtype=np.int64),
        decision=np.zeros((n_threads, n_stages + _APART // 3 + 1, 3), dtype=np.int64),
    )


def tallied(work: WorkBlocks, thread: int) -> tuple[Floats, Ints]:
    """A thread's tally as copies: float64 (5, S) and int64 (8, S), in `Tally`'s order."""
    return work.stage_s[thread, :_N_SECONDS].copy(), work.stage_counts[thread, :_N_COUNTS].copy()


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


def grown_blocks(blocks: Blocks, *, n_slots: int, n_places: int) -> Blocks:
    """The same state in larger arrays."""
    n_stages = int(blocks.size[0])
    larger = new_blocks(len(blocks.counts), n_stages, n_slots=n_slots, n_places=n_places)
    for index in range(len(blocks.counts)):
        for old, new in zip(state_view(blocks, index), state_view(larger, index), strict=True):
            new[..., : old.shape[-1]] = old
    return larger


def grown_records(records: RecordArrays, n_requests: int, *, n_replicas: int) -> RecordArrays:
    """The same records with room for so many requests, and so many replicas a stage."""
    larger = new_records(records.enqueue_s.shape[0], n_requests, n_replicas=n_replicas)
    for name in RecordArrays._fields:
        old = getattr(records, name)
        getattr(larger, name)[..., : old.shape[-1]] = old
    return larger


def copied_blocks(blocks: Blocks) -> Blocks:
    """A copy that shares nothing with the original."""
    return Blocks._make([array.copy() for array in blocks])


def copied_records(records: RecordArrays) -> RecordArrays:
    """A copy that shares nothing with the original."""
    return RecordArrays._make([array.copy() for array in records])
