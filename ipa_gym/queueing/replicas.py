"""What decisions do to the replicas of one stage: start, cancel, become ready, switch, leave. Compiled, arrays only.

Rules and their numbers: "Decisions" in docs/model.md. Requests and batches are the business of `kernel.py`.
"""

from __future__ import annotations

import numpy as np

from ipa_gym.compiling import compiled, embedded
from ipa_gym.queueing.heaps import clear_free, ends_before, is_free, set_free
from ipa_gym.queueing.state import EMPTY, LEAVING, SERVING, STARTING, WAITING


@embedded
def note_told(state, records, stage, slot, now_s):
    """Record that the replica in ``slot`` was told to leave, or cancelled."""
    if records.fate.shape[0] > 0:
        records.replica_told_s[stage, state.slot_replica[stage, slot]] = now_s


@embedded
def note_gone(state, records, stage, slot, now_s):
    """Record that the replica in ``slot`` has ceased to exist."""
    if records.fate.shape[0] > 0:
        records.replica_gone_s[stage, state.slot_replica[stage, slot]] = now_s


@embedded
def note_joined(state, records, stage, slot, now_s):
    """Record that the replica in ``slot`` began to serve."""
    if records.fate.shape[0] > 0:
        records.replica_joined_s[stage, state.slot_replica[stage, slot]] = now_s


@embedded
def start_replicas(state, records, stage, count, variant, now_s, ready_s):
    """Start ``count`` replicas in the lowest empty slots; the caller has made room."""
    slot = 0
    for _ in range(count):
        while slot < state.n_slots[stage] and state.slot_state[stage, slot] != EMPTY:
            slot += 1
        state.slot_state[stage, slot] = STARTING
        state.slot_variant[stage, slot] = variant
        state.slot_ready_s[stage, slot] = ready_s
        replica = state.n_replicas[stage]
        state.slot_replica[stage, slot] = replica
        state.n_replicas[stage] += 1
        if records.fate.shape[0] > 0:
            records.replica_slot[stage, replica] = slot
            records.replica_variant[stage, replica] = variant
            records.replica_started_s[stage, replica] = now_s
        if slot >= state.n_slots[stage]:
            state.n_slots[stage] = slot + 1


@embedded
def cancel_latest(state, records, stage, count, now_s):
    """Cancel up to ``count`` starting replicas, those ready latest first (ties: highest slot). Returns how many."""
    for done in range(count):
        latest = -1
        for slot in range(state.n_slots[stage]):
            kind = state.slot_state[stage, slot]
            if kind in (STARTING, WAITING) and (
                latest < 0 or state.slot_ready_s[stage, slot] >= state.slot_ready_s[stage, latest]
            ):
                latest = slot
        if latest < 0:
            return done
        state.slot_state[stage, latest] = EMPTY
        note_told(state, records, stage, latest, now_s)
        note_gone(state, records, stage, latest, now_s)
    return count


@embedded
def retire(state, records, stage, count, now_s):
    """Let ``count`` serving replicas leave: idle ones (highest slot first), then those that end last."""
    free = state.free_words[stage]
    for slot in range(state.n_slots[stage] - 1, -1, -1):
        if count > 0 and is_free(free, np.uint64(slot)):
            clear_free(free, np.uint64(slot))
            state.slot_state[stage, slot] = EMPTY
            note_told(state, records, stage, slot, now_s)
            note_gone(state, records, stage, slot, now_s)
            count -= 1
    for _ in range(count):
        last = -1
        for slot in range(state.n_slots[stage]):
            if state.slot_state[stage, slot] == SERVING and (
                last < 0 or ends_before(last, slot, state.slot_end_s[stage], state.slot_batch[stage])
            ):
                last = slot
        state.slot_state[stage, last] = LEAVING
        note_told(state, records, stage, last, now_s)


@embedded
def decide(model, state, records, stage, now_s, variant, batch, replicas):
    """Apply a decision to one stage; replicas that are ready at once join in `become_ready` at the same instant."""
    state.batch[stage] = batch
    state.target[stage] = variant
    present = 0
    for slot in range(state.n_slots[stage]):
        kind = state.slot_state[stage, slot]
        if kind in (STARTING, WAITING):
            if state.slot_variant[stage, slot] == variant:
                present += 1
            else:
                state.slot_state[stage, slot] = EMPTY
                note_told(state, records, stage, slot, now_s)
                note_gone(state, records, stage, slot, now_s)
        elif kind == SERVING and variant == state.variant[stage]:
            present += 1
    if replicas > present:
        ready_s = now_s + model.startup_s[stage, variant]
        start_replicas(state, records, stage, replicas - present, variant, now_s, ready_s)
    elif replicas < present:
        excess = present - replicas
        excess -= cancel_latest(state, records, stage, excess, now_s)
        if excess > 0:
            retire(state, records, stage, excess, now_s)


@embedded
def switch(model, state, tally, records, stage, now_s, start_s, stop_s):
    """All replicas of the new variant are ready: they serve, the old ones leave (busy ones end their batch)."""
    free = state.free_words[stage]
    for slot in range(state.n_slots[stage]):
        kind = state.slot_state[stage, slot]
        if kind == SERVING:
            note_told(state, records, stage, slot, now_s)
            if is_free(free, np.uint64(slot)):
                clear_free(free, np.uint64(slot))
                state.slot_state[stage, slot] = EMPTY
                note_gone(state, records, stage, slot, now_s)
                tally.core_s[stage] += model.cores[stage, state.slot_variant[stage, slot]] * (now_s - start_s)
                tally.serving_s[stage] -= stop_s - now_s
            else:
                state.slot_state[stage, slot] = LEAVING
    for slot in range(state.n_slots[stage]):
        if state.slot_state[stage, slot] == WAITING:
            _join(state, tally, records, stage, slot, now_s, stop_s)
    state.variant[stage] = state.target[stage]
    tally.switch_s[stage] = now_s


@embedded
def _join(state, tally, records, stage, slot, now_s, stop_s):
    state.slot_state[stage, slot] = SERVING
    set_free(state.free_words[stage], np.uint64(slot))
    tally.serving_s[stage] += stop_s - now_s
    note_joined(state, records, stage, slot, now_s)


@embedded
def become_ready(model, state, tally, records, stage, now_s, start_s, stop_s):
    """Replicas ready by ``now_s`` join, or wait for the others of a switch. Returns the next ready instant."""
    switching = state.target[stage] != state.variant[stage]
    next_s = np.inf
    for slot in range(state.n_slots[stage]):
        if state.slot_state[stage, slot] != STARTING:
            continue
        if state.slot_ready_s[stage, slot] > now_s:
            next_s = min(next_s, state.slot_ready_s[stage, slot])
        elif switching:
            state.slot_state[stage, slot] = WAITING
        else:
            _join(state, tally, records, stage, slot, now_s, stop_s)
    if switching and next_s == np.inf:
        switch(model, state, tally, records, stage, now_s, start_s, stop_s)
    return next_s


@embedded
def count_free(state, stage):
    """How many serving replicas of a stage are idle."""
    free = 0
    for slot in range(state.n_slots[stage]):
        free += is_free(state.free_words[stage], np.uint64(slot))
    return free


@compiled
def begin_episode(state, records, initial, seed):
    """Empty the pipeline and let ``initial``, int64 (S, 3) of variant, batch and replicas, serve from time 0."""
    state.totals[:] = 0
    state.seed[0] = seed
    for stage in range(initial.shape[0]):
        variant, batch, replicas = initial[stage, 0], initial[stage, 1], initial[stage, 2]
        state.slot_state[stage] = EMPTY
        state.free_words[stage] = np.uint64(0)
        for slot in range(replicas):
            state.slot_state[stage, slot] = SERVING
            state.slot_variant[stage, slot] = variant
            state.slot_replica[stage, slot] = slot
            set_free(state.free_words[stage], np.uint64(slot))
            if records.fate.shape[0] > 0:
                records.replica_slot[stage, slot] = slot
                records.replica_variant[stage, slot] = variant
                records.replica_started_s[stage, slot] = 0.0
                records.replica_joined_s[stage, slot] = 0.0
        state.variant[stage], state.target[stage], state.batch[stage] = variant, variant, batch
        state.n_slots[stage], state.n_replicas[stage] = replicas, replicas
        state.n_batches[stage] = 0
        state.n_busy[stage] = state.in_service[stage] = state.waiting[stage] = np.uint64(0)
