"""`write_state`: a state of the queueing model that agrees with what is observed, written into the kernel's arrays.

Counts of requests and replicas are those of the observation. What it does not say is filled in by the least surprising
guess: see the functions. Nothing here looks at an environment. Next: `rollouts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipa_gym.observation import StageObservation
from ipa_gym.policies.mpc.load import LEAST_RPS
from ipa_gym.queueing.state import ARRIVALS, EMPTY, SERVING, STARTING, Floats, KernelState, Model

_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class StageGuess:
    """One stage as it may be now; seconds count from now."""

    seen: StageObservation
    ready_s: tuple[float, ...]  # of the starting replicas
    n_busy: int  # serving replicas with a batch
    fill: int  # requests in each of these batches
    rate_rps: float  # at which requests have entered lately, above 0

    @property
    def n_inside(self) -> int:
        """Requests in service and waiting."""
        return self.n_busy * self.fill + self.seen.queue_requests


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known and guessed of the pipeline when a decision is due."""

    stages: tuple[StageGuess, ...]
    rates_rps: tuple[float, ...]  # arrivals in the last intervals, the newest first, each above 0
    interval_s: float
    expected_requests: float  # of an interval of the window, what the reward divides violations by


def guess_stage(seen: StageObservation, ready_s: list[float], *, rate_rps: float, timeout_s: float) -> StageGuess:
    """Guess how many replicas are busy, and how full their batches are.

    All are busy where a whole batch waits; else as many as the utilisation says on average. A batch holds what comes
    in within the timeout, at most its size.

    Args:
        ready_s: seconds until each starting replica is ready.
        rate_rps: requests that enter the stage, per second.
        timeout_s: longest wait for a batch to fill, seconds.
    """
    waits = seen.queue_requests >= seen.batch
    n_busy = seen.replicas if waits else min(seen.replicas, round(seen.utilisation * seen.replicas))
    fill = seen.batch if waits else int(min(seen.batch, 1.0 + rate_rps * timeout_s))
    return StageGuess(seen, tuple(ready_s), n_busy, fill, max(rate_rps, LEAST_RPS))


def arrival_ages_s(n_inside: int, rates_rps: tuple[float, ...], *, interval_s: float, oldest_s: float) -> Floats:
    """Ages of the requests inside, taken to be the last that arrived, spread evenly over each interval.

    Args:
        rates_rps: of the last intervals, the newest first, each above 0; the last one holds for all time before.
        oldest_s: no age is above it.
    Returns: float64 (n_inside,), seconds, the youngest first.
    """
    counts = np.concatenate([[0.0], np.cumsum(np.array(rates_rps) * interval_s)])
    times_s = interval_s * np.arange(len(counts))
    places = np.arange(n_inside) + 0.5
    ages_s: Floats = np.interp(places, counts, times_s)
    beyond = places > counts[-1]
    ages_s[beyond] = times_s[-1] + (places[beyond] - counts[-1]) / rates_rps[-1]
    return np.minimum(ages_s, oldest_s, out=ages_s)


def write_state(state: KernelState, situation: Situation, model: Model) -> None:
    """Write the state at time 0 of a new episode, whose queues are not empty.

    Requests pass the stages in order, so that those further on are older. A request entered a later stage's queue
    when the rate of that stage says, but not before all stages before it could have served it. Batches in service end
    at even spaces within one service time. Leaving replicas are not observed; there are none.

    Args:
        state: views of one pipeline's arrays, with room for all of it; the seed is left as it is.
        model: of the pipeline.
    """
    total = sum(stage.n_inside for stage in situation.stages)
    ages_s = arrival_ages_s(total, situation.rates_rps, interval_s=situation.interval_s, oldest_s=model.drop_after_s)
    state.totals[:] = 0
    state.totals[ARRIVALS] = total
    younger, before_s = 0, 0.0
    for stage, guess in enumerate(situation.stages):
        count = guess.n_inside
        t0_s = -ages_s[younger : younger + count][::-1]
        first = total - younger - count
        state.number[stage, :count] = np.arange(first, first + count)
        state.t0_s[stage, :count] = t0_s
        state.enqueue_s[stage, :count] = t0_s if stage == 0 else _entered_s(guess, t0_s, before_s)
        _write_counts(state, stage, guess)
        _write_replicas(state, stage, guess, model)
        younger += count
        before_s += float(model.service_s[stage, guess.seen.variant, 1])


def _entered_s(guess: StageGuess, t0_s: Floats, before_s: float) -> Floats:
    """When requests entered a later stage, the oldest first."""
    by_rate_s = -(np.arange(len(t0_s))[::-1] + 0.5) / guess.rate_rps
    entered_s: Floats = np.minimum(np.maximum.accumulate(np.maximum(t0_s + before_s, by_rate_s)), 0.0)
    return entered_s


def _write_counts(state: KernelState, stage: int, guess: StageGuess) -> None:
    seen = guess.seen
    state.variant[stage], state.target[stage], state.batch[stage] = seen.variant, seen.target_variant, seen.batch
    state.n_slots[stage] = state.n_replicas[stage] = seen.replicas + len(guess.ready_s)
    state.n_batches[stage] = state.n_busy[stage] = guess.n_busy
    state.in_service[stage], state.waiting[stage] = guess.n_busy * guess.fill, seen.queue_requests


def _write_replicas(state: KernelState, stage: int, guess: StageGuess, model: Model) -> None:
    """Serving replicas in the first slots, the busy ones first; then the starting ones."""
    seen, n_busy = guess.seen, guess.n_busy
    serving, total = seen.replicas, seen.replicas + len(guess.ready_s)
    state.slot_state[stage] = EMPTY
    state.slot_state[stage, :serving] = SERVING
    state.slot_state[stage, serving:total] = STARTING
    state.slot_variant[stage, :serving] = seen.variant
    state.slot_variant[stage, serving:total] = seen.target_variant
    state.slot_replica[stage, :total] = np.arange(total)
    state.slot_ready_s[stage, serving:total] = guess.ready_s
    ranks = np.arange(n_busy)
    service_s = float(model.service_s[stage, seen.variant, guess.fill])
    state.slot_end_s[stage, :n_busy] = service_s * (ranks + 0.5) / max(1, n_busy)
    state.slot_batch[stage, :n_busy] = ranks
    state.slot_first[stage, :n_busy] = ranks * guess.fill
    state.slot_requests[stage, :n_busy] = guess.fill
    state.busy_heap[stage, :n_busy] = ranks
    idle = (1 << serving) - (1 << n_busy)  # a bit a slot
    for word in range(state.free_words.shape[1]):
        state.free_words[stage, word] = (idle >> (_WORD_BITS * word)) % (1 << _WORD_BITS)
