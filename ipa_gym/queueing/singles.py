"""The short way through a stage: batches of one request, deterministic service, and a fleet that does not change.

Batches then end in the order in which they start, so that the i-th of them starts when its request has entered and the
one n places before it has ended, n being the number of replicas: no heap, and no branch that depends on the load. The
floats are those of `kernel.serve_stage`; which of the replicas, all alike, serves which request is left open, so that
a run that records goes the long way. Compiled.
"""

from __future__ import annotations

import numpy as np

from ipa_gym.compiling import compiled, embedded
from ipa_gym.queueing.flow import hand_on
from ipa_gym.queueing.heaps import ends_before, pop_busy, set_free, take_lowest_free
from ipa_gym.queueing.state import LEAVING

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@compiled
def sort_busy(state, stage, n_busy):
    """Bring the heap of the busy slots into the order of (end, batch): still a heap."""
    heap, end_s, batch = state.busy_heap[stage], state.slot_end_s[stage], state.slot_batch[stage]
    place = _ONE
    while place < n_busy and not ends_before(heap[place], heap[place - _ONE], end_s, batch):
        place += _ONE
    if place >= n_busy:
        return
    size = n_busy
    while size > _ONE:  # heap sort: the earliest goes to the end ...
        slot = heap[0]
        pop_busy(heap, size, end_s, batch)
        size -= _ONE
        heap[size] = slot
    for low in range(n_busy // np.uint64(2)):  # ... and the whole is turned round
        high = n_busy - _ONE - low
        heap[low], heap[high] = heap[high], heap[low]


@embedded
def goes_short(state, stage, n_busy):
    """Whether every batch in service is of one request, and its replica stays; sorts the busy slots.

    Such replicas are of the serving variant, so that none of these batches ends after one that starts now.
    """
    sort_busy(state, stage, n_busy)
    for rank in range(n_busy):
        slot = state.busy_heap[stage, rank]
        if state.slot_state[stage, slot] == LEAVING or state.slot_requests[stage, slot] != _ONE:
            return False
    return True


@embedded
def serve_singles(
    model, state, stage, here, there, value_s, head, last, sent, n_busy, n_free, n_batches, busy_s, service_s,
    now_s, until_s, stop_s,
):  # fmt: skip
    """Run a stage over [now_s, until_s), in which no replica becomes ready or leaves.

    Requests wait from place ``head`` of ``here``, up to ``last``; departures before ``until_s`` go to places ``sent``,
    ... of ``there`` and ``value_s``. Returns head, sent, n_busy, n_batches, busy_s as they are then, and how many
    requests were dropped.
    """
    t0_s, enter_s, end_s = here.t0_s, here.enter_s, there.enter_s
    drop_after_s, n_replicas, dropped = model.drop_after_s, n_busy + n_free, 0
    for rank in range(n_busy):  # batches in service hand on first
        slot = state.busy_heap[stage, rank]
        hand_on(here, there, value_s, sent + rank, state.slot_first[stage, slot], _ONE, state.slot_end_s[stage, slot])
    out = sent + n_busy
    newest_s = end_s[out - _ONE] if n_busy > _ZERO else now_s  # what is written is read back later than it is computed
    while head < last:
        start_s = max(now_s, enter_s[head])
        if out - sent >= n_replicas:
            start_s = max(start_s, newest_s if n_replicas == _ONE else end_s[out - n_replicas])
        if start_s >= until_s:
            break
        now_s = start_s
        if now_s > t0_s[head] + drop_after_s:
            dropped += 1
        else:
            newest_s = now_s + service_s
            busy_s += min(newest_s, stop_s) - now_s
            out = hand_on(here, there, value_s, out, head, _ONE, newest_s)
        head += _ONE
    started = out - sent - n_busy
    while out > sent and end_s[out - _ONE] >= until_s:
        out -= _ONE
    n_kept = _keep_busy(state, stage, here, there, head, sent, out, n_busy, started, n_batches)
    return head, out, n_kept, n_batches + np.int64(started), busy_s, dropped


@embedded
def _keep_busy(state, stage, here, there, head, sent, out, n_busy, started, n_batches):
    """Let batches that have not ended occupy slots; returns their number.

    Batches stand in ``there`` from place ``sent`` on: ``n_busy`` old ones, then ``started`` new ones, the last of them
    taken from before place ``head`` of ``here``. Those before place ``out`` have ended.
    """
    heap, free = state.busy_heap[stage], state.free_words[stage]
    ended, count, place = out - sent, n_busy + started, head
    for rank in range(min(ended, n_busy)):
        set_free(free, heap[rank])
    for rank in range(ended, n_busy):
        heap[rank - ended] = heap[rank]
    index = count
    while index > max(ended, n_busy):
        index -= _ONE
        place -= _ONE
        while here.number[place] != there.number[sent + index]:  # one that was dropped
            place -= _ONE
        slot = take_lowest_free(free)
        state.slot_end_s[stage, slot] = there.enter_s[sent + index]
        state.slot_batch[stage, slot] = n_batches + np.int64(index - n_busy)
        state.slot_first[stage, slot], state.slot_requests[stage, slot] = place, _ONE
        heap[index - ended] = slot
    return count - ended
