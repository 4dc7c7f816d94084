"""The queueing kernel: one interval of the whole pipeline, stage after stage, request by request. Compiled.

`serve_stage` knows one stage and nothing of the others; `run_interval` is the wiring between stages (a chain today).
The caller checks inputs and makes room (`simulator.py`); the kernel trusts. The model in words: docs/model.md;
a slow twin that reads like it: tests/reference/plain_model.py.
"""

from __future__ import annotations

import math

import numpy as np

from ipa_gym.queueing.compiled import compiled, inlined
from ipa_gym.queueing.heaps import pop_busy, pop_free, push_busy, push_free
from ipa_gym.queueing.quantile import quantile_in_place
from ipa_gym.queueing.replicas import become_ready, decide, note_gone
from ipa_gym.queueing.state import (
    BUSY,
    COMPLETED,
    DETERMINISTIC,
    DROPPED,
    EMPTY,
    EXPONENTIAL,
    IDLE,
    LEAVING,
    STARTING,
    WAITING,
)
from ipa_gym.seeding import hash_words, standard_exponential, standard_normal

SERVICE_STREAM = 0x53525643  # + stage: key of the service factor of the batch whose first request is the counter


@inlined
def batch_service_s(model, stage, variant, requests, first_number):
    """Seconds to serve a batch; ``first_number`` is the number of its first request in the episode."""
    service_s = model.service_s[stage, variant, requests]
    if model.service_law == DETERMINISTIC:
        return service_s
    key = hash_words(model.seed, np.uint64(SERVICE_STREAM + stage), np.uint64(first_number))
    if model.service_law == EXPONENTIAL:
        return service_s * standard_exponential(key)
    return service_s * math.exp(model.sigma * standard_normal(key) - 0.5 * model.sigma * model.sigma)


@inlined
def _drop(state, work, records, stage, place, now_s):
    work.dropped[stage] += 1
    if records.fate.shape[0] > 0:
        number = state.number[stage, place]
        records.fate[number] = DROPPED
        records.left_s[number] = now_s
        records.drop_stage[number] = stage


@inlined
def _read_batch(model, state, work, records, stage, now_s):
    """Read from the queue's front until the batch is full or the queue empty; returns the number that joined.

    Those that join are moved together, from the place of the first (which is not overdue) on.
    """
    number, t0_s, enqueue_s = state.number[stage], state.t0_s[stage], state.enqueue_s[stage]
    first, head, tail, batch = state.head[stage], state.head[stage], state.tail[stage], state.batch[stage]
    joined = 0
    while joined < batch and head < tail:
        if now_s > t0_s[head] + model.drop_after_s:
            _drop(state, work, records, stage, head, now_s)
        else:
            number[first + joined] = number[head]
            t0_s[first + joined] = t0_s[head]
            enqueue_s[first + joined] = enqueue_s[head]
            joined += 1
        head += 1
    state.head[stage] = head
    return joined


@inlined
def _start_batch(model, state, work, records, stage, first, joined, now_s, stop_s):
    """Start a batch of the ``joined`` requests from place ``first`` on the free replica of the lowest slot."""
    slot = pop_free(state.free_heap[stage], state.n_free[stage])
    state.n_free[stage] -= 1
    end_s = now_s + batch_service_s(model, stage, state.slot_variant[stage, slot], joined, state.number[stage, first])
    state.slot_state[stage, slot] = BUSY
    state.slot_end_s[stage, slot] = end_s
    state.slot_batch[stage, slot] = state.n_batches[stage]
    state.slot_first[stage, slot] = first
    state.slot_requests[stage, slot] = joined
    push_busy(state.busy_heap[stage], state.n_busy[stage], slot, state.slot_end_s[stage], state.slot_batch[stage])
    state.n_busy[stage] += 1
    work.busy_s[stage] += min(end_s, stop_s) - now_s
    if records.fate.shape[0] > 0:
        for place in range(first, first + joined):
            request = state.number[stage, place]
            records.start_s[stage, request] = now_s
            records.batch[stage, request] = state.n_batches[stage]
            records.replica[stage, request] = state.slot_replica[stage, slot]
    state.n_batches[stage] += 1


@inlined
def form_batches(model, state, work, records, stage, now_s, stop_s):
    """At an event, while a replica is free and a request waits: drop overdue heads, start the batches that are due."""
    while state.n_free[stage] > 0 and state.head[stage] < state.tail[stage]:
        head = state.head[stage]
        if now_s > state.t0_s[stage, head] + model.drop_after_s:
            _drop(state, work, records, stage, head, now_s)
            state.head[stage] = head + 1
            continue
        full = state.tail[stage] - head >= state.batch[stage]
        if not full and not now_s >= state.enqueue_s[stage, head] + model.batch_timeout_s:
            return
        joined = _read_batch(model, state, work, records, stage, now_s)
        _start_batch(model, state, work, records, stage, head, joined, now_s, stop_s)


@inlined
def _end_batch(model, state, work, records, stage, sent, start_s, stop_s):
    """End the batch that ends first: its requests go out behind the ``sent`` ones. Returns (requests, freed)."""
    slot = pop_busy(state.busy_heap[stage], state.n_busy[stage], state.slot_end_s[stage], state.slot_batch[stage])
    state.n_busy[stage] -= 1
    end_s = state.slot_end_s[stage, slot]
    first, count = state.slot_first[stage, slot], state.slot_requests[stage, slot]
    for place in range(first, first + count):
        request = state.number[stage, place]
        work.flow_number[sent] = request
        work.flow_t0_s[sent] = state.t0_s[stage, place]
        work.flow_s[sent] = end_s
        work.value_s[sent] = end_s - state.enqueue_s[stage, place]
        if records.fate.shape[0] > 0:
            records.end_s[stage, request] = end_s
        sent += 1
    if state.slot_state[stage, slot] == LEAVING:
        state.slot_state[stage, slot] = EMPTY
        note_gone(state, records, stage, slot, end_s)
        work.core_s[stage] += model.cores[stage, state.slot_variant[stage, slot]] * (end_s - start_s)
        work.serving_s[stage] -= stop_s - end_s
        return count, False
    state.slot_state[stage, slot] = IDLE
    push_free(state.free_heap[stage], state.n_free[stage], slot)
    state.n_free[stage] += 1
    return count, True


@compiled
def serve_stage(model, state, work, records, stage, last_place, start_s, stop_s):
    """Run one stage over [start_s, stop_s), a decision having been applied at start_s.

    The queue holds the waiting requests in places [head, tail) and those that will enter in [tail, last_place), sorted
    by the instant they enter (``enqueue_s``). Departures go, in order, to ``work.flow_*``, their sojourns to
    ``work.value_s``. Returns the number of departures.
    """
    enqueue_s, slot_end_s, busy_heap = state.enqueue_s[stage], state.slot_end_s[stage], state.busy_heap[stage]
    sent = 0
    next_ready_s = start_s
    event = True  # the decision
    now_s = start_s
    while now_s < stop_s:
        while state.n_busy[stage] > 0 and slot_end_s[busy_heap[0]] <= now_s:  # 1. batches end
            count, freed = _end_batch(model, state, work, records, stage, sent, start_s, stop_s)
            sent += count
            event = event or freed
        if next_ready_s <= now_s:  # 2. replicas become ready; a complete switch makes the old ones leave
            next_ready_s = become_ready(model, state, work, records, stage, now_s, start_s, stop_s)
            event = True
        while state.tail[stage] < last_place and enqueue_s[state.tail[stage]] <= now_s:  # 3. requests enter
            state.tail[stage] += 1
            event = True
        waiting = state.head[stage] < state.tail[stage]
        if state.n_free[stage] > 0 and waiting:  # 4. batches form, at an event or the head's timeout
            if event or now_s >= enqueue_s[state.head[stage]] + model.batch_timeout_s:
                form_batches(model, state, work, records, stage, now_s, stop_s)
            waiting = state.head[stage] < state.tail[stage]
        event = False
        now_s = next_ready_s
        if state.n_busy[stage] > 0:
            now_s = min(now_s, slot_end_s[busy_heap[0]])
        if state.tail[stage] < last_place:
            now_s = min(now_s, enqueue_s[state.tail[stage]])
        if state.n_free[stage] > 0 and waiting:
            now_s = min(now_s, enqueue_s[state.head[stage]] + model.batch_timeout_s)
    return sent


@compiled
def _compact(state, work, stage):
    """Move the requests inside the stage to the front of their places: batches in service first, then the queue."""
    number, t0_s, enqueue_s = state.number[stage], state.t0_s[stage], state.enqueue_s[stage]
    moved = 0
    for rank in range(state.n_busy[stage]):
        slot = state.busy_heap[stage, rank]
        first = state.slot_first[stage, slot]
        state.slot_first[stage, slot] = moved
        for place in range(first, first + state.slot_requests[stage, slot]):
            work.spare_number[moved] = number[place]
            work.spare_t0_s[moved] = t0_s[place]
            work.spare_enqueue_s[moved] = enqueue_s[place]
            moved += 1
    head, tail = state.head[stage], state.tail[stage]
    for place in range(head, tail):  # to the left: those in service lay before the head
        number[moved + place - head] = number[place]
        t0_s[moved + place - head] = t0_s[place]
        enqueue_s[moved + place - head] = enqueue_s[place]
    for place in range(moved):
        number[place] = work.spare_number[place]
        t0_s[place] = work.spare_t0_s[place]
        enqueue_s[place] = work.spare_enqueue_s[place]
    state.head[stage], state.tail[stage] = moved, moved + tail - head


@compiled
def _take_in(state, work, records, stage, entering):
    """Lay the ``entering`` requests of ``work.flow_*`` behind the stage's queue; returns the place after the last."""
    if state.tail[stage] + entering > state.number.shape[1]:
        _compact(state, work, stage)
    tail = state.tail[stage]
    for i in range(entering):
        state.number[stage, tail + i] = work.flow_number[i]
        state.t0_s[stage, tail + i] = work.flow_t0_s[i]
        state.enqueue_s[stage, tail + i] = work.flow_s[i]
        if records.fate.shape[0] > 0:
            records.enqueue_s[stage, work.flow_number[i]] = work.flow_s[i]
    return tail + entering


@compiled
def _open_stage(state, work, stage, start_s, stop_s):
    """Begin the interval's tally: what exists right after the decision is taken to stay until the end."""
    work.dropped[stage] = 0
    work.core_s[stage] = 0.0
    work.switch_s[stage] = np.nan
    work.variant_before[stage] = state.variant[stage]
    busy_s, serving = 0.0, 0
    for slot in range(state.n_slots[stage]):
        kind = state.slot_state[stage, slot]
        if kind >= IDLE:
            serving += 1
        if kind >= BUSY:
            busy_s += min(state.slot_end_s[stage, slot], stop_s) - start_s
    work.busy_s[stage] = busy_s
    work.serving_s[stage] = serving * (stop_s - start_s)


@compiled
def _close_stage(model, state, work, stage, sent, start_s, stop_s):
    """Complete the tally: cost of the replicas that still exist, their number by kind, the p99 sojourn."""
    serving, starting, leaving, last = 0, 0, 0, -1
    for slot in range(state.n_slots[stage]):
        kind = state.slot_state[stage, slot]
        if kind == EMPTY:
            continue
        last = slot
        work.core_s[stage] += model.cores[stage, state.slot_variant[stage, slot]] * (stop_s - start_s)
        serving += kind in (IDLE, BUSY)
        starting += kind in (STARTING, WAITING)
        leaving += kind == LEAVING
    state.n_slots[stage] = last + 1
    work.serving[stage], work.starting[stage], work.leaving[stage] = serving, starting, leaving
    work.sojourn_p99_s[stage] = quantile_in_place(work.value_s, sent, 0.99)


@compiled
def run_interval(model, state, work, records, decision, arrival_s, first_number, start_s, stop_s):
    """Run the chain over [start_s, stop_s); returns the number of completions (latencies in ``work.value_s``).

    Args:
        model, state, work, records: see `state.py`; room in every place array for all inside plus all arrivals.
        decision: int64 (S, 3) in: variant, batch size, replicas.
        arrival_s: float64 (n,) in, sorted, in [start_s, stop_s).
        first_number: number of the first of these arrivals in the episode.
    """
    moving = arrival_s.shape[0]
    for i in range(moving):
        work.flow_number[i] = first_number + i
        work.flow_t0_s[i] = arrival_s[i]
        work.flow_s[i] = arrival_s[i]
        if records.fate.shape[0] > 0:
            records.arrival_s[first_number + i] = arrival_s[i]
    for stage in range(decision.shape[0]):
        last_place = _take_in(state, work, records, stage, moving)
        decide(model, state, records, stage, start_s, decision[stage, 0], decision[stage, 1], decision[stage, 2])
        _open_stage(state, work, stage, start_s, stop_s)
        moving = serve_stage(model, state, work, records, stage, last_place, start_s, stop_s)
        _close_stage(model, state, work, stage, moving, start_s, stop_s)
    for i in range(moving):
        work.value_s[i] = work.flow_s[i] - work.flow_t0_s[i]
        if records.fate.shape[0] > 0:
            records.fate[work.flow_number[i]] = COMPLETED
            records.left_s[work.flow_number[i]] = work.flow_s[i]
    return moving
