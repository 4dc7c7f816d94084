"""The queueing kernel: one interval of the whole pipeline, stage after stage, request by request. Compiled.

`serve_stage` knows one stage and nothing of the others; `run_interval` is the wiring between stages (a chain today).
The caller checks inputs and makes room (`simulator.py`); the kernel trusts. The model in words: docs/model.md;
a slow twin that reads like it: tests/reference/plain_model.py.
"""

from __future__ import annotations

import math

import numpy as np

from ipa_gym.compiling import compiled, embedded
from ipa_gym.queueing.flow import hand_on
from ipa_gym.queueing.heaps import pop_busy, push_busy, set_free, take_lowest_free
from ipa_gym.queueing.quantile import quantile_in_place
from ipa_gym.queueing.replicas import become_ready, count_free, decide, note_gone
from ipa_gym.queueing.singles import goes_short, serve_singles, sort_busy
from ipa_gym.queueing.state import (
    ARRIVALS,
    COMPLETED,
    COMPLETIONS,
    DETERMINISTIC,
    DROPPED,
    DROPS,
    EMPTY,
    EXPONENTIAL,
    INTERVALS,
    LEAVING,
    SERVING,
    STARTING,
    WAITING,
)
from ipa_gym.seeding import hash_words, standard_exponential, standard_normal

_ZERO, _ONE = np.uint64(0), np.uint64(1)
SERVICE_STREAM = 0x53525643  # + stage: key of the service factor of the batch whose first request is the counter


@compiled
def service_factor(law, sigma, seed, stage, first_number):
    """Random factor of a batch's service time; ``first_number`` is the number of its first request in the episode."""
    key = hash_words(seed, np.uint64(SERVICE_STREAM + stage), np.uint64(first_number))
    if law == EXPONENTIAL:
        return standard_exponential(key)
    return math.exp(sigma * standard_normal(key) - 0.5 * sigma * sigma)


@embedded
def _record_drop(records, stage, number, now_s):
    records.fate[number] = DROPPED
    records.left_s[number] = now_s
    records.drop_stage[number] = stage


@embedded
def _record_start(state, records, stage, here, slot, now_s):
    first = state.slot_first[stage, slot]
    for place in range(first, first + state.slot_requests[stage, slot]):
        request = here.number[place]
        records.start_s[stage, request] = now_s
        records.batch[stage, request] = state.slot_batch[stage, slot]
        records.replica[stage, request] = state.slot_replica[stage, slot]


@embedded
def _record_end(state, records, stage, here, slot):
    first = state.slot_first[stage, slot]
    for place in range(first, first + state.slot_requests[stage, slot]):
        records.end_s[stage, here.number[place]] = state.slot_end_s[stage, slot]


@embedded
def _leave(model, state, tally, records, stage, slot, start_s, stop_s):
    """A leaving replica has ended its batch: it ceases to exist."""
    end_s = state.slot_end_s[stage, slot]
    state.slot_state[stage, slot] = EMPTY
    note_gone(state, records, stage, slot, end_s)
    tally.core_s[stage] += model.cores[stage, state.slot_variant[stage, slot]] * (end_s - start_s)
    tally.serving_s[stage] -= stop_s - end_s


@compiled
def _next_look(state, stage, enter_s, head, last, n_busy, due_s, limit_s):
    """The first event after ``limit_s``, at ``due_s`` at the latest: there the overdue head is dropped.

    Events while a replica is free: a request enters, a replica becomes free, the head's timeout.
    """
    look_s = due_s
    for place in range(head + _ONE, last):
        if enter_s[place] > limit_s:
            look_s = min(look_s, enter_s[place])
            break
    for rank in range(n_busy):
        slot = state.busy_heap[stage, rank]
        if state.slot_state[stage, slot] != LEAVING and state.slot_end_s[stage, slot] > limit_s:
            look_s = min(look_s, state.slot_end_s[stage, slot])
    return look_s


@embedded
def serve_stage(model, state, tally, records, stage, here, there, value_s, last, base, start_s, stop_s):
    """Run one stage over [start_s, stop_s), a decision having been applied at start_s.

    ``here`` holds the requests in service, those that wait, and those that will enter, up to place ``last``, sorted by
    the instant they enter. Departures go, in order, to places ``base``, ... of ``there``, their sojourns to the same
    places of ``value_s``. Returns (the place of the queue's head, the place after the last departure).

    It goes from batch to batch, not from event to event: the next batch starts, or the head is dropped, at an instant
    that follows from the head, the request that fills the batch, and the replica that becomes free first. Between two
    instants at which replicas become ready nothing else can happen. The plainest case goes a shorter way: `singles.py`.
    """
    number, t0_s, enter_s = here.number, here.t0_s, here.enter_s
    heap, free, slot_state = state.busy_heap[stage], state.free_words[stage], state.slot_state[stage]
    slot_end_s, slot_batch = state.slot_end_s[stage], state.slot_batch[stage]
    slot_first, slot_requests = state.slot_first[stage], state.slot_requests[stage]
    head, n_busy, batch = state.in_service[stage], state.n_busy[stage], np.uint64(state.batch[stage])
    n_batches, law, sigma = state.n_batches[stage], model.service_law, model.sigma
    drop_after_s, timeout_s = model.drop_after_s, model.batch_timeout_s
    recording, busy_s, dropped, sent = records.fate.shape[0] > 0, 0.0, 0, base
    now_s, until_s = start_s, start_s
    singles = batch == _ONE and law == DETERMINISTIC and not recording
    while True:
        while n_busy > _ZERO:  # 1. batches end, those at the interval's end excepted
            slot = heap[0]
            end_s = slot_end_s[slot]
            if end_s > until_s or (end_s == until_s and until_s == stop_s):
                break
            pop_busy(heap, n_busy, slot_end_s, slot_batch)
            n_busy -= _ONE
            if recording:
                _record_end(state, records, stage, here, slot)
            sent = hand_on(here, there, value_s, sent, slot_first[slot], slot_requests[slot], end_s)
            if slot_state[slot] == LEAVING:
                _leave(model, state, tally, records, stage, slot, start_s, stop_s)
            else:
                set_free(free, slot)
        if until_s >= stop_s:
            break
        now_s = until_s  # 2. replicas become ready; a complete switch makes the old ones leave
        until_s = min(stop_s, become_ready(model, state, tally, records, stage, now_s, start_s, stop_s))
        n_free, service_s = count_free(state, stage), model.service_s[stage, state.variant[stage]]
        if singles and goes_short(state, stage, n_busy):
            head, sent, n_busy, n_batches, busy_s, lost = serve_singles(
                model, state, stage, here, there, value_s, head, last, sent, n_busy, np.uint64(n_free), n_batches,
                busy_s, service_s[1], now_s, until_s, stop_s,
            )  # fmt: skip
            dropped += lost
            continue
        while head < last:  # 3. requests enter, batches form
            event_s = max(now_s, enter_s[head])
            while n_busy > _ZERO:  # until a replica is free, and all those that end by then
                slot = heap[0]
                end_s = slot_end_s[slot]
                if end_s >= until_s or (end_s > event_s and n_free > 0):
                    break
                pop_busy(heap, n_busy, slot_end_s, slot_batch)
                n_busy -= _ONE
                if recording:
                    _record_end(state, records, stage, here, slot)
                sent = hand_on(here, there, value_s, sent, slot_first[slot], slot_requests[slot], end_s)
                if slot_state[slot] == LEAVING:
                    _leave(model, state, tally, records, stage, slot, start_s, stop_s)
                else:
                    set_free(free, slot)
                    if n_free == 0:
                        event_s = max(event_s, end_s)
                    n_free += 1
            if n_free == 0 or event_s >= until_s:
                break
            now_s = event_s
            limit_s = t0_s[head] + drop_after_s
            if now_s > limit_s:
                if recording:
                    _record_drop(records, stage, number[head], now_s)
                dropped += 1
                head += _ONE
                continue
            if batch > _ONE:
                full = head + batch - _ONE
                due_s = enter_s[head] + timeout_s
                if now_s < due_s and not (full < last and enter_s[full] <= now_s):
                    if full < last:
                        due_s = min(due_s, enter_s[full])
                    if due_s > limit_s:
                        due_s = _next_look(state, stage, enter_s, head, last, n_busy, due_s, limit_s)
                    if due_s >= until_s:
                        break
                    now_s = due_s
                    continue
            first, joined = head, _ZERO
            while joined < batch and head < last and enter_s[head] <= now_s:
                if now_s > t0_s[head] + drop_after_s:
                    if recording:
                        _record_drop(records, stage, number[head], now_s)
                    dropped += 1
                else:
                    if head > first + joined:
                        number[first + joined] = number[head]
                        t0_s[first + joined] = t0_s[head]
                        enter_s[first + joined] = enter_s[head]
                    joined += _ONE
                head += _ONE
            slot = take_lowest_free(free)
            n_free -= 1
            end_s = service_s[joined]
            if law != DETERMINISTIC:
                end_s *= service_factor(law, sigma, state.seed[0], stage, number[first])
            end_s += now_s
            slot_end_s[slot], slot_batch[slot] = end_s, n_batches
            slot_first[slot], slot_requests[slot] = first, joined
            push_busy(heap, n_busy, slot, slot_end_s, slot_batch)
            n_busy += _ONE
            n_batches += 1
            busy_s += min(end_s, stop_s) - now_s
            if recording:
                _record_start(state, records, stage, here, slot, now_s)
    sort_busy(state, stage, n_busy)  # whichever way was taken, the next interval finds the same
    state.n_busy[stage], state.n_batches[stage] = n_busy, n_batches
    tally.busy_s[stage] += busy_s
    tally.dropped[stage] = dropped
    return head, sent


@embedded
def _take_out(state, stage, flow):
    """Lay the requests inside the stage into the first places of a flow; returns their number."""
    inside = state.in_service[stage] + state.waiting[stage]
    for place in range(inside):
        flow.number[place] = state.number[stage, place]
        flow.t0_s[place] = state.t0_s[stage, place]
        flow.enter_s[place] = state.enqueue_s[stage, place]
    return inside


@embedded
def _put_back(state, stage, flow, head, last):
    """Keep those in service and those that wait, places [head, last), for the next interval."""
    kept = _ZERO
    for rank in range(state.n_busy[stage]):
        slot = state.busy_heap[stage, rank]
        first = state.slot_first[stage, slot]
        state.slot_first[stage, slot] = kept
        for place in range(first, first + state.slot_requests[stage, slot]):
            state.number[stage, kept] = flow.number[place]
            state.t0_s[stage, kept] = flow.t0_s[place]
            state.enqueue_s[stage, kept] = flow.enter_s[place]
            kept += _ONE
    state.in_service[stage] = kept
    state.waiting[stage] = last - head
    for place in range(head, last):
        state.number[stage, kept] = flow.number[place]
        state.t0_s[stage, kept] = flow.t0_s[place]
        state.enqueue_s[stage, kept] = flow.enter_s[place]
        kept += _ONE


@embedded
def _open_stage(state, tally, stage, start_s, stop_s):
    """Begin the interval's tally: what exists right after the decision is taken to stay until the end."""
    tally.core_s[stage] = 0.0
    tally.switch_s[stage] = np.nan
    tally.variant_before[stage] = state.variant[stage]
    busy_s, serving = 0.0, 0
    for rank in range(state.n_busy[stage]):
        busy_s += min(state.slot_end_s[stage, state.busy_heap[stage, rank]], stop_s) - start_s
    for slot in range(state.n_slots[stage]):
        serving += state.slot_state[stage, slot] >= SERVING
    tally.busy_s[stage] = busy_s
    tally.serving_s[stage] = serving * (stop_s - start_s)


@embedded
def _close_stage(model, state, tally, stage, start_s, stop_s):
    """Complete the tally: cost of the replicas that still exist, and their number by kind."""
    serving, starting, leaving, last = 0, 0, 0, -1
    for slot in range(state.n_slots[stage]):
        kind = state.slot_state[stage, slot]
        if kind == EMPTY:
            continue
        last = slot
        tally.core_s[stage] += model.cores[stage, state.slot_variant[stage, slot]] * (stop_s - start_s)
        serving += kind == SERVING
        starting += kind in (STARTING, WAITING)
        leaving += kind == LEAVING
    state.n_slots[stage] = last + 1
    tally.variant[stage], tally.batch[stage] = state.variant[stage], state.batch[stage]
    tally.queue[stage] = np.int64(state.waiting[stage])
    tally.serving[stage], tally.starting[stage], tally.leaving[stage] = serving, starting, leaving


@embedded
def run_interval(model, state, work, records, n_arrivals, start_s, stop_s):
    """Run the chain over [start_s, stop_s); returns the number of completions (latencies in ``work.value_s``).

    Args:
        model, state, work, records: see `state.py`; room in every place array for all inside plus all arrivals.
            ``work.decision`` holds the interval's decision, ``work.arrival_s`` its arrivals, sorted, in
            [start_s, stop_s), which are lost; ``work.tally`` is written.
        n_arrivals: how many they are.
    """
    here, there, tally, decision = work.here, work.there, work.tally, work.decision
    n_stages, recording = decision.shape[0], records.fate.shape[0] > 0
    first_number = state.totals[ARRIVALS]
    last = _take_out(state, 0, here)
    for i in range(n_arrivals):
        here.number[last] = first_number + i
        here.t0_s[last] = work.arrival_s[i]
        here.enter_s[last] = work.arrival_s[i]
        last += _ONE
        if recording:
            records.arrival_s[first_number + i] = work.arrival_s[i]
            records.enqueue_s[0, first_number + i] = work.arrival_s[i]
    for stage in range(n_stages):
        decide(model, state, records, stage, start_s, decision[stage, 0], decision[stage, 1], decision[stage, 2])
        _open_stage(state, tally, stage, start_s, stop_s)
        base = _take_out(state, stage + 1, there) if stage + 1 < n_stages else _ZERO
        head, sent = serve_stage(
            model, state, tally, records, stage, here, there, work.value_s, last, base, start_s, stop_s
        )
        _put_back(state, stage, here, head, last)
        _close_stage(model, state, tally, stage, start_s, stop_s)
        tally.sojourn_p99_s[stage] = quantile_in_place(work.value_s[base:sent], sent - base, 0.99, work.arrival_s)
        if recording and stage + 1 < n_stages:
            for place in range(base, sent):
                records.enqueue_s[stage + 1, there.number[place]] = there.enter_s[place]
        state.totals[DROPS] += tally.dropped[stage]
        here, there, last = there, here, sent
    for place in range(last):
        work.value_s[place] = here.enter_s[place] - here.t0_s[place]
        if recording:
            records.fate[here.number[place]] = COMPLETED
            records.left_s[here.number[place]] = here.enter_s[place]
    completed = np.int64(last)
    state.totals[INTERVALS] += 1
    state.totals[ARRIVALS] += n_arrivals
    state.totals[COMPLETIONS] += completed
    return completed
