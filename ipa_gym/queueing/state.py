"""The arrays that the queueing kernel reads and writes: constants, state, working space, records.

Everything is a preallocated numpy array in a NamedTuple, so that numba takes it as it is and N copies are one more
leading axis. S stages, V variants, R replica slots, C places for requests, M requests recorded.
Nothing is computed here. Next: `ipa_gym/queueing/kernel.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]

# what a replica slot holds (int8)
EMPTY, STARTING, WAITING, IDLE, BUSY, LEAVING = 0, 1, 2, 3, 4, 5  # WAITING: ready, waits for the others of a switch
# what became of a request (int8)
INSIDE, COMPLETED, DROPPED = 0, 1, 2
# law of the service factor
DETERMINISTIC, LOGNORMAL, EXPONENTIAL = 0, 1, 2


class Model(NamedTuple):
    """Constants of an episode; the kernel only reads them."""

    service_s: Floats  # (S, V, B + 1) seconds to serve a batch of k requests, scale included; [..., 0] unused
    cores: Floats  # (S, V) cores of one replica
    startup_s: Floats  # (S, V) seconds, scale included
    sla_s: float
    drop_after_s: float
    batch_timeout_s: float
    service_law: int  # DETERMINISTIC, LOGNORMAL or EXPONENTIAL
    sigma: float  # of the lognormal service factor
    seed: np.uint64


class KernelState(NamedTuple):
    """All that is carried from one interval to the next; the kernel reads and writes it."""

    slot_state: Bytes  # (S, R) EMPTY .. LEAVING
    slot_variant: Ints  # (S, R)
    slot_ready_s: Floats  # (S, R) when a STARTING or WAITING replica is (was) ready
    slot_end_s: Floats  # (S, R) when the batch of a BUSY or LEAVING replica ends
    slot_batch: Ints  # (S, R) its number: batches of a stage are numbered in the order in which they start
    slot_first: Ints  # (S, R) place of its first request
    slot_requests: Ints  # (S, R) requests in it
    slot_replica: Ints  # (S, R) number of its replica: those of a stage are numbered as they are started
    busy_heap: Ints  # (S, R) slots, BUSY and LEAVING, a heap by (end, batch)
    free_heap: Ints  # (S, R) slots, IDLE, a heap by slot
    n_busy: Ints  # (S,)
    n_free: Ints  # (S,)
    n_slots: Ints  # (S,) all slots from here on are EMPTY
    variant: Ints  # (S,) that serves
    target: Ints  # (S,) variant of the newest decision
    batch: Ints  # (S,) batch size of the newest decision
    n_batches: Ints  # (S,) batches started since the episode's start
    n_replicas: Ints  # (S,) replicas started since the episode's start, the initial ones included
    head: Ints  # (S,) place of the queue's first request
    tail: Ints  # (S,) place after the queue's last request
    number: Ints  # (S, C) request in this place: its arrival's number in the episode, from 0
    t0_s: Floats  # (S, C) when it arrived at the pipeline
    enqueue_s: Floats  # (S, C) when it entered this stage's queue


class Work(NamedTuple):
    """Working space of one interval and what it reports; nothing here is carried over."""

    flow_number: Ints  # (C,) requests between two stages, in order of time
    flow_t0_s: Floats  # (C,)
    flow_s: Floats  # (C,) when they enter the stage or left it; after the last stage: completions
    value_s: Floats  # (C,) sojourns in one stage; after the last stage: latencies
    spare_number: Ints  # (C,) for compacting
    spare_t0_s: Floats  # (C,)
    spare_enqueue_s: Floats  # (C,)
    dropped: Ints  # (S,)
    core_s: Floats  # (S,) core-seconds
    busy_s: Floats  # (S,) replica-seconds with a batch
    serving_s: Floats  # (S,) replica-seconds serving or leaving
    sojourn_p99_s: Floats  # (S,)
    switch_s: Floats  # (S,) NaN: the serving variant did not change
    variant_before: Ints  # (S,)
    serving: Ints  # (S,) at the end
    starting: Ints  # (S,)
    leaving: Ints  # (S,)


class RecordArrays(NamedTuple):
    """Per request, per replica, and per request and stage; M = 0 switches recording off."""

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


def new_state(n_stages: int, n_slots: int, *, n_places: int) -> KernelState:
    """Empty state with room for ``n_slots`` replicas and ``n_places`` requests a stage."""

    def ints(*shape: int) -> Ints:
        return np.zeros((n_stages, *shape), dtype=np.int64)

    def floats(*shape: int) -> Floats:
        return np.zeros((n_stages, *shape), dtype=np.float64)

    slots, places = n_slots, n_places
    return KernelState._make(
        [
            np.zeros((n_stages, slots), dtype=np.int8),
            *(ints(slots), floats(slots), floats(slots), ints(slots), ints(slots), ints(slots), ints(slots)),
            *(ints(slots), ints(slots)),
            *(ints() for _ in range(10)),
            *(ints(places), floats(places), floats(places)),
        ]
    )


def new_work(n_stages: int, n_places: int) -> Work:
    """Working space for ``n_places`` requests."""
    flows = (np.zeros(n_places, np.int64), np.zeros(n_places), np.zeros(n_places), np.zeros(n_places))
    spare = (np.zeros(n_places, np.int64), np.zeros(n_places), np.zeros(n_places))
    counted = [np.zeros(n_stages, np.int64) for _ in range(5)]
    measured = [np.zeros(n_stages) for _ in range(5)]
    return Work._make([*flows, *spare, counted[0], *measured, *counted[1:]])


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


def grown_state(state: KernelState, *, n_slots: int, n_places: int) -> KernelState:
    """The same state in larger arrays."""
    larger = new_state(len(state.variant), n_slots, n_places=n_places)
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
