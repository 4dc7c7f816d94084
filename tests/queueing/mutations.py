"""Ways to break the queueing model on purpose, rule by rule of docs/model.md.

Each break replaces a fragment of one file of the package that stands there exactly once. `test_mutations.py` checks
that the fragments still fit and, in the slow run, that the queueing tests notice every break. No break loops for ever:
a time limit would prove nothing. A break that no test notices is either equivalent, and has no place here, or asks
for a test (`test_kernel_rules.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

KERNEL, REPLICAS = "ipa_gym/queueing/kernel.py", "ipa_gym/queueing/replicas.py"
HEAPS, QUANTILE = "ipa_gym/queueing/heaps.py", "ipa_gym/queueing/quantile.py"
FLOW = "ipa_gym/queueing/flow.py"
SIMULATOR, SINGLES = "ipa_gym/queueing/simulator.py", "ipa_gym/queueing/singles.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One break: what it does in words, the file, a fragment that occurs once in it, and what replaces it."""

    words: str
    file: str
    old: str
    new: str


NEWEST = """newest = head
                while newest + _ONE < last and enter_s[newest + _ONE] <= now_s:
                    newest += _ONE
                due_s = enter_s[newest] + timeout_s"""
SKIP_OVERDUE = """full = head + batch - _ONE
                for place in range(head + _ONE, last):
                    if place <= full and now_s > t0_s[place] + drop_after_s:
                        full += _ONE"""
HIGHEST_BIT = """lowest = word
    while lowest & (lowest - _ONE) != _ZERO:
        lowest &= lowest - _ONE"""
FREE_AGAIN = """state.slot_state[stage, slot] = SERVING
    set_free(state.free_words[stage], np.uint64(slot))"""
SWITCH_AT_FIRST = """state.slot_state[stage, slot] = WAITING
            switch(model, state, tally, records, stage, now_s, start_s, stop_s)
            switching = False"""
ONLY_THE_LAST = """if switching and next_s < np.inf:
                next_s = max(next_s, state.slot_ready_s[stage, slot])
            else:
                next_s = min(next_s, state.slot_ready_s[stage, slot])"""
START_AGAIN = """present += 1
                state.slot_ready_s[stage, slot] = now_s + model.startup_s[stage, variant]
            else:"""
SERVING_FIRST = """retire(state, records, stage, 1, now_s)
        excess -= 1
        excess -= cancel_latest(state, records, stage, excess, now_s)"""
ONE_LATE = """table = self._decision_table(decision)
        table[:, 1], self._late = getattr(self, "_late", table[:, 1].copy()), table[:, 1].copy()
        arrivals ="""
BACKWARDS = """for back in range(last - head):
        place = last - _ONE - back"""
READ = "while joined < batch and head < last and enter_s[head] <= now_s:"

Rows = tuple[tuple[str, str, str], ...]  # (words, fragment, replacement) of the breaks in one file

IN_KERNEL: Rows = (
    # batches
    ("a batch takes one request too many", "while joined < batch and", "while joined <= batch and"),
    ("a batch waits for one request too many", "full = head + batch - _ONE", "full = head + batch"),
    ("a batch waits for one too few", "full = head + batch - _ONE", "full = head + batch - _ONE - _ONE"),
    (
        "a request that enters as the batch starts stays behind",
        READ,
        "while joined < batch and head < last and (joined == _ZERO or enter_s[head] < now_s):",
    ),
    ("the timeout runs from the newest request", "due_s = enter_s[head] + timeout_s", NEWEST),
    ("the timeout runs from the arrival", "due_s = enter_s[head] + t", "due_s = t0_s[head] + t"),
    ("the timeout is ignored", "due_s = enter_s[head] + timeout_s", "due_s = np.inf"),
    ("a partial batch takes as long as a full one", "service_s[joined]", "service_s[batch]"),
    (
        "the new variant's latency holds from the decision on",
        "state.variant[stage]]\n        if singles",
        "state.target[stage]]\n        if singles",
    ),
    (
        "a replica whose batch ends now is not free yet",
        "or (end_s > event_s and n_free > 0)",
        "or (end_s >= event_s and n_free > 0)",
    ),
    # drops
    ("a head at the limit itself is dropped", "if now_s > limit_s:", "if now_s >= limit_s:"),
    (
        "the age is a difference, not compared with a sum",
        "if now_s > limit_s:",
        "if now_s - t0_s[head] > drop_after_s:",
    ),
    ("a head is dropped for its age after service", "if now_s > limit_s:", "if now_s + service_s[1] > limit_s:"),
    ("a head's age counts from this stage's queue", "limit_s = t0_s[head]", "limit_s = enter_s[head]"),
    ("age while the batch is read counts from this stage's queue", "if now_s > t0_s[head]", "if now_s > enter_s[head]"),
    ("one at the limit is dropped while the batch is read", "if now_s > t0_s[head]", "if now_s >= t0_s[head]"),
    ("nothing is dropped while the batch is read", "if now_s > t0_s[head] + drop_after_s:", "if False:"),
    (
        "one dropped while the batch is read keeps its place in it",
        READ,
        READ.replace("joined < batch", "head < first + batch"),
    ),
    ("overdue requests do not count towards a batch", "full = head + batch - _ONE", SKIP_OVERDUE),
    (
        "growing too old is an event",
        "due_s = _next_look(state, stage, enter_s, head, last, n_busy, due_s, limit_s)",
        "due_s = limit_s + 1e-6",
    ),
    ("an entry is no event for an overdue head", "if enter_s[place] > limit_s:", "if False:"),
    ("the end of a leaving replica's batch is an event", "if state.slot_state[stage, slot] != LEAVING and", "if"),
    # decisions
    (
        "a leaving replica serves on after its batch",
        "state.slot_state[stage, slot] = EMPTY\n    note_gone(state, records, stage, slot, end_s)",
        FREE_AGAIN,
    ),
    (
        "startup counts from the interval's end",
        "decide(model, state, records, stage, start_s,",
        "decide(model, state, records, stage, stop_s,",
    ),
    # reports
    (
        "a batch's end at the interval's end counts in it",
        "if end_s > until_s or (end_s == until_s and until_s == stop_s):",
        "if end_s > until_s:",
    ),
    (
        "leaving replicas cost nothing at the interval's end",
        "* (stop_s - start_s)\n        serving",
        "* (stop_s - start_s) * (kind != LEAVING)\n        serving",
    ),
    (
        "starting replicas cost nothing",
        "* (stop_s - start_s)\n        serving",
        "* (stop_s - start_s) * (kind >= SERVING)\n        serving",
    ),
    ("a replica that has left costs nothing", "* (end_s - start_s)", "* 0.0"),
    ("busy time counts where the batch starts", "busy_s += min(end_s, stop_s) - now_s", "busy_s += end_s - now_s"),
    ("leaving replicas do not count as serving", "[stage, slot] >= SERVING", "[stage, slot] == SERVING"),
    ("the queue is kept in reverse across the boundary", "for place in range(head, last):", BACKWARDS),
    (
        "requests in service count as waiting",
        "np.int64(state.waiting[stage])",
        "np.int64(state.waiting[stage] + state.in_service[stage])",
    ),
    # noise
    ("noise is keyed by the batch's last request", "stage, number[first])", "stage, number[first + joined - _ONE])"),
    ("noise is keyed by the batch's number", "stage, number[first])", "stage, n_batches)"),
    ("noise is the same in every stage", "SERVICE_STREAM + stage)", "SERVICE_STREAM)"),
    ("the mean of the noise is above 1", " - 0.5 * sigma * sigma", ""),
)

IN_HEAPS: Rows = (
    ("the highest free slot serves", "lowest = word & (~word + _ONE)", HIGHEST_BIT),
    ("batches that end together go out in reverse", "return batch[one] <", "return batch[one] >"),
    ("batches that end together go out by slot", "return batch[one] < batch[other]", "return one < other"),
    ("the heap forgets a right child", "if child + _ONE < left and", "if child + _ONE + _ONE < left and"),
)

IN_REPLICAS: Rows = (
    # drops
    (
        "a ready replica that waits for a switch is no event",
        "next_s = min(next_s, state.slot_ready_s[stage, slot])",
        ONLY_THE_LAST,
    ),
    # decisions
    ("busy replicas leave before idle ones", "if count > 0 and", "if count > state.n_busy[stage] and"),
    ("the replica whose batch ends first leaves", "ends_before(last, slot,", "ends_before(slot, last,"),
    ("the lowest idle slot leaves first", "range(state.n_slots[stage] - 1, -1, -1)", "range(state.n_slots[stage])"),
    ("the earliest start is cancelled first", "slot] >= state.slot_ready_s", "slot] < state.slot_ready_s"),
    ("of equal starts the lowest slot is cancelled", "slot] >= state.slot_ready_s", "slot] > state.slot_ready_s"),
    (
        "a serving replica leaves before starts are cancelled",
        "excess -= cancel_latest(state, records, stage, excess, now_s)",
        SERVING_FIRST,
    ),
    ("replicas start in new slots only", "slot = 0\n", "slot = state.n_slots[stage]\n"),
    ("leaving replicas count towards n", "elif kind == SERVING and variant", "elif kind >= SERVING and variant"),
    (
        "starting replicas of another variant are kept",
        "if state.slot_variant[stage, slot] == variant:",
        "if kind > EMPTY:",
    ),
    (
        "starting replicas of the serving variant outlive a switch",
        "if state.slot_variant[stage, slot] == variant:",
        "if state.slot_variant[stage, slot] in (variant, state.variant[stage]):",
    ),
    ("a repeated decision starts the startup anew", "present += 1\n            else:", START_AGAIN),
    ("the switch happens when the first is ready", "state.slot_state[stage, slot] = WAITING\n", SWITCH_AT_FIRST + "\n"),
    (
        "old replicas vanish at the switch",
        "else:\n                state.slot_state[stage, slot] = LEAVING",
        "else:\n                state.slot_state[stage, slot] = EMPTY",
    ),
    (
        "a batch size waits for its variant to serve",
        "state.batch[stage] = batch\n",
        "state.batch[stage] = batch if variant == state.variant[stage] else state.batch[stage]\n",
    ),
    # reports
    ("idle replicas that a switch ends cost nothing", "* (now_s - start_s)", "* 0.0"),
)

IN_SIMULATOR: Rows = (
    (
        "a batch size takes effect one decision late",
        "table = self._decision_table(decision)\n        arrivals =",
        ONE_LATE,
    ),
    ("a latency equal to the SLA is a violation", "latency_s > sla_s", "latency_s >= sla_s"),
    ("drops are no violations", "sla_s)) + dropped", "sla_s))"),
    ("requests inside at the SLA's age are overdue", ":count] > self.", ":count] >= self."),
    (
        "the interval's end is a sum",
        "(self._total(INTERVALS) + 1) * self.interval_s",
        "self.clock_s + self.interval_s",
    ),
    ("a saved state moves with its simulator", "blocks=copied_blocks(self.memory.blocks)", "blocks=self.memory.blocks"),
    (
        "saved records move with their simulator",
        "record_arrays=copied_records(self.record_arrays)",
        "record_arrays=self.record_arrays",
    ),
    ("noise does not depend on the seed", "table, np.uint64(seed))", "table, np.uint64(0))"),
    ("the coefficient of variation is taken for sigma", "math.sqrt(math.log1p(service_cv * service_cv))", "service_cv"),
    ("the service scale is ignored", "[service_scale * variant", "[variant"),
)

IN_FLOW: Rows = (
    ("sojourns count from the arrival", "value_s[sent] = end_s - here.enter_s", "value_s[sent] = end_s - here.t0_s"),
)

IN_SINGLES: Rows = (
    ("the short way serves with one replica too many", "out - sent >= n_replicas", "out - sent > n_replicas"),
    ("the short way waits for the wrong replica", "end_s[out - n_replicas]", "end_s[out - _ONE]"),
    ("the short way drops at the limit itself", "if now_s > t0_s[head]", "if now_s >= t0_s[head]"),
    ("the short way starts at the interval's end", "if start_s >= until_s", "if start_s > until_s"),
    ("the short way ends a batch at the interval's end", "_ONE] >= until_s", "_ONE] > until_s"),
    ("the short way forgets what a dropped request left", "here.number[place] != there", "place < _ZERO and there"),
    ("the short way is taken though a replica leaves", "slot] == LEAVING or", "slot] == LEAVING and False or"),
    ("the short way is taken though old batches are larger", "state.slot_requests[stage, slot] != _ONE", "False"),
    ("the short way keeps an ended batch's replica busy", "set_free(free, heap[rank])", "pass"),
)

IN_QUANTILE: Rows = (
    ("a quantile takes the lower neighbour", "return below + weight * (above - below)", "return below"),
    ("a quantile takes any larger value as the next", "above = min(above, values[place])", "above = values[place]"),
)

ROWS = {
    KERNEL: IN_KERNEL,
    REPLICAS: IN_REPLICAS,
    HEAPS: IN_HEAPS,
    SIMULATOR: IN_SIMULATOR,
    SINGLES: IN_SINGLES,
    FLOW: IN_FLOW,
    QUANTILE: IN_QUANTILE,
}
MUTATIONS = tuple(Mutation(words, file, old, new) for file, rows in ROWS.items() for words, old, new in rows)
