"""The step kernel: one interval of each of a range of environments, from action to reward and observation. Compiled.

It joins the load (`workload/arrivals.py`), the queueing kernel (`queueing/kernel.py`), the reward (`reward.py`) and the
observation (`observing.py`), and computes none of these itself. One environment and N are stepped by the same code.
"""

from __future__ import annotations

import math

import numpy as np

from ipa_gym.compiling import compiled, embedded, released
from ipa_gym.episode import METRICS
from ipa_gym.queueing.kernel import run_interval
from ipa_gym.queueing.quantile import latency_quantiles
from ipa_gym.queueing.replicas import begin_episode
from ipa_gym.queueing.state import (
    ARRIVALS,
    COMPLETIONS,
    DROPS,
    INTERVALS,
    Blocks,
    Model,
    RecordArrays,
    WorkBlocks,
    pipeline_of,
    work_of,
)
from ipa_gym.reward import served_accuracy, weigh
from ipa_gym.stepping.arrays import (
    ARRIVAL_KIND,
    BATCH_TIMEOUT_S,
    DROP_AFTER_S,
    INTERVAL_S,
    MEASURE,
    N_INTERVALS,
    N_SECONDS,
    SERVICE_LAW,
    SIGMA,
    SLA_S,
    Episodes,
    Outputs,
    World,
)
from ipa_gym.stepping.observing import observe_load, observe_stages
from ipa_gym.workload.arrivals import fill_counts, fill_interval, seconds_of
from ipa_gym.workload.trace import HISTORY_S

TIME_S, LATENCY_MEAN_S = METRICS.index("time_s"), METRICS.index("latency_mean_s")
ACCURACY, REWARD_ACCURACY = METRICS.index("accuracy"), METRICS.index("reward_accuracy")
OVERDUE = METRICS.index("overdue_at_end")


@embedded
def _model_of(world):
    return Model(
        world.service_s,
        world.cores,
        world.startup_s,
        world.seconds[SLA_S],
        world.seconds[DROP_AFTER_S],
        world.seconds[BATCH_TIMEOUT_S],
        world.codes[SERVICE_LAW],
        world.seconds[SIGMA],
    )


@embedded
def _decode(world, state, action, decision):
    """Write the action's decision; return the most replicas of a stage that may exist under it."""
    slots = 0
    for stage in range(decision.shape[0]):
        decision[stage, 0] = action[3 * stage]
        decision[stage, 1] = world.batch_sizes[action[3 * stage + 1]]
        decision[stage, 2] = action[3 * stage + 2] + 1
        slots = max(slots, state.n_slots[stage] + decision[stage, 2])
    return slots


@embedded
def _latencies(value_s, count, scratch_s, kept_s, sla_s, metrics):
    """Mean and quantiles of ``value_s[:count]`` (left as it is); return how many are above the SLA."""
    late, total = 0, 0.0
    for place in range(np.uint64(count)):
        scratch_s[place] = value_s[place]
        total += value_s[place]
        late += value_s[place] > sla_s
    metrics[LATENCY_MEAN_S] = total / count if count > 0 else np.nan
    p50_s, p95_s, p99_s = latency_quantiles(scratch_s, np.uint64(count), kept_s)
    metrics[LATENCY_MEAN_S + 1], metrics[LATENCY_MEAN_S + 2], metrics[LATENCY_MEAN_S + 3] = p50_s, p95_s, p99_s
    return late


@embedded
def _overdue_inside(state, now_s, sla_s):
    """Requests inside that are older than the SLA."""
    overdue = 0
    for stage in range(state.variant.shape[0]):
        for place in range(state.in_service[stage] + state.waiting[stage]):
            overdue += now_s - state.t0_s[stage, place] > sla_s
    return overdue


@embedded
def _pay(world, state, tally, expected_requests, start_s, stop_s, metrics):
    """Reward terms of the interval, from what was tallied and counted; returns their sum."""
    core_s, queue, batch_sum = 0.0, 0, 0
    for stage in range(state.variant.shape[0]):
        core_s += tally.core_s[stage]
        queue += tally.queue[stage]
        batch_sum += tally.batch[stage]
    violations = int(metrics[TIME_S + 4])
    cost_cores = core_s / world.seconds[INTERVAL_S]
    accuracy, pas = served_accuracy(
        world.accuracy, world.rank, world.codes[MEASURE], tally.variant_before, tally.variant, tally.switch_s,
        start_s, stop_s,
    )  # fmt: skip
    terms = weigh(world.weights, accuracy, cost_cores, batch_sum, violations, expected_requests)
    metrics[ACCURACY], metrics[ACCURACY + 1] = accuracy, pas
    metrics[ACCURACY + 2], metrics[ACCURACY + 3] = cost_cores, queue
    for place in range(4):
        metrics[REWARD_ACCURACY + place] = terms[place]
    return terms[0] + terms[1] + terms[2] + terms[3]


@embedded
def _step_one(world, model, state, episodes, outputs, work, records, action, needed, index):
    """Step one environment; False, with nothing changed, if its arrays are too small: see ``needed``."""
    interval_s, seed, totals = world.seconds[INTERVAL_S], state.seed[0], state.totals
    start_s, stop_s = totals[INTERVALS] * interval_s, (totals[INTERVALS] + 1) * interval_s
    seen = episodes.seen[index, : episodes.n_seen[index]]
    realised = seen[HISTORY_S : HISTORY_S + world.codes[N_SECONDS]]
    first, end = seconds_of(start_s, stop_s, realised.shape[0])
    places, load_max = totals[ARRIVALS] - totals[COMPLETIONS] - totals[DROPS], 0
    for second in range(first, end):
        places += realised[second]
        load_max = max(load_max, realised[second])
    slots = _decode(world, state, action, work.decision)
    if places > state.number.shape[1] or slots > state.slot_state.shape[1]:
        needed[0], needed[1] = max(needed[0], places), max(needed[1], slots)
        return False
    arrivals = fill_interval(
        realised, seed, world.codes[ARRIVAL_KIND], start_s, stop_s, work.arrival_s, work.here.number, work.value_s
    )
    dropped = -totals[DROPS]
    completed = run_interval(model, state, work, records, arrivals, start_s, stop_s)
    dropped += totals[DROPS]
    metrics, truncated = outputs.metrics[index], totals[INTERVALS] == world.codes[N_INTERVALS]
    late = _latencies(work.value_s, completed, work.here.t0_s, work.arrival_s, model.sla_s, metrics)
    overdue = _overdue_inside(state, stop_s, model.sla_s) if truncated else 0
    metrics[TIME_S], metrics[TIME_S + 1], metrics[TIME_S + 2] = stop_s, arrivals, completed
    metrics[TIME_S + 3], metrics[TIME_S + 4] = dropped, late + dropped + overdue
    metrics[OVERDUE], metrics[OVERDUE + 1], metrics[OVERDUE + 2] = overdue, episodes.forecast_rps[index], load_max
    outputs.reward[index] = _pay(world, state, work.tally, episodes.expected_requests[index], start_s, stop_s, metrics)
    outputs.truncated[index] = truncated
    episodes.forecast_rps[index] = observe_load(world, seen, int(stop_s), outputs.observation[index])
    observe_stages(world, state.target, work.tally, outputs.observation[index])
    return True


@released
def step_range(world, blocks, episodes, outputs, work, records, actions, pending, needed, thread, first, end):
    """Step those of the environments [first, end) that are pending, on one thread.

    Args:
        world, episodes, outputs: see `arrays.py`. blocks, work, records: see `queueing/state.py`. Plain tuples of the
            same arrays: numba recognises a NamedTuple argument ten times slower.
        actions: int64 (N, 3 S) in, legal.
        pending: bool (N,) in/out, whether to step; stays True where the arrays are too small.
        needed: int64 (T, 2) out, places and slots that these need.
        thread: whose working space to use.
    Returns: how many of them are still pending.
    """
    named, load, kept, out = World(*world), Episodes(*episodes), RecordArrays(*records), Outputs(*outputs)
    space, model, state_of = work_of(WorkBlocks(*work), thread), _model_of(named), Blocks(*blocks)
    left = 0
    for index in range(first, end):
        if pending[index]:
            state = pipeline_of(state_of, index)
            pending[index] = not _step_one(
                named, model, state, load, out, space, kept, actions[index], needed[thread], index
            )
            left += pending[index]
    return left


@embedded
def _history(tape, start, seen):
    """The seconds before ``start``; where the tape has none, the count of second ``start``."""
    for i in range(HISTORY_S):
        second = start - HISTORY_S + i
        seen[i] = tape[max(second, 0)] if second >= 0 else tape[start]


@compiled
def begin_range(world, blocks, episodes, outputs, work, records, tape, index, start, seed, initial):
    """Begin an episode of some environments, which have room for their initial replicas.

    Args:
        tape: int64 (n,) in, counts per second: an episode takes its seconds, its history and what follows from here.
        index: int64 (k,) in, the environments.
        start: int64 (k,) in, second of the tape in which each episode begins.
        seed: uint64 (k,) in, of arrivals and service.
        initial: int64 (k, S, 3) in, variant, batch, replicas that serve at time 0.
    """
    space, n_seconds = work_of(work, 0), world.codes[N_SECONDS]
    for row in range(index.shape[0]):
        i, second = index[row], start[row]
        state, seen = pipeline_of(blocks, i), episodes.seen[i]
        begin_episode(state, records, initial[row], seed[row])
        _history(tape, second, seen)
        counts = tape[second : min(second + seen.shape[0] - HISTORY_S, tape.shape[0])]
        fill_counts(counts, 0, seed[row], world.codes[ARRIVAL_KIND], seen[HISTORY_S:])
        episodes.n_seen[i] = HISTORY_S + counts.shape[0]
        total = 0
        for place in range(n_seconds):
            total += counts[place]
        episodes.expected_requests[i] = total / n_seconds * world.seconds[INTERVAL_S]
        _tally_nothing(state, space.tally, initial[row])
        outputs.truncated[i] = False
        vector = outputs.observation[i]
        episodes.forecast_rps[i] = observe_load(world, seen[: episodes.n_seen[i]], 0, vector)
        observe_stages(world, state.target, space.tally, vector)


@embedded
def _tally_nothing(state, tally, initial):
    """What a monitor sees before the first interval: the initial configuration serves, nothing is measured yet."""
    for stage in range(initial.shape[0]):
        tally.variant[stage], tally.batch[stage] = state.variant[stage], state.batch[stage]
        tally.serving[stage] = initial[stage, 2]
        tally.starting[stage] = tally.queue[stage] = tally.dropped[stage] = 0
        tally.serving_s[stage] = tally.busy_s[stage] = 0.0
        tally.sojourn_p99_s[stage] = math.nan
