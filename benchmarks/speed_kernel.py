"""Compiled loops around the package's compiled parts, so that no Python stands between two calls of what is timed.

They are compiled anew in each process: numba's cache would not notice that a function of the package has changed.
Every loop goes through data that differ from interval to interval, so that no branch predictor can learn them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ipa_gym.queueing.kernel import run_interval, service_factor
from ipa_gym.queueing.quantile import latency_quantiles, quantile_in_place
from ipa_gym.queueing.replicas import begin_episode
from ipa_gym.queueing.state import pipeline_of, work_of
from ipa_gym.stepping.arrays import World
from ipa_gym.stepping.kernel import step_range
from ipa_gym.stepping.observing import observe_load, observe_stages
from ipa_gym.workload.arrivals import fill_interval

timed_loop = njit(error_model="numpy", _nrt=False)  # as `ipa_gym.compiling.compiled`, but for the cache


@timed_loop
def begin_pipelines(blocks, records, initial, seed):
    """Begin an episode of every pipeline in the arrays."""
    for index in range(blocks.counts.shape[0]):
        begin_episode(pipeline_of(blocks, index), records, initial, seed)


@timed_loop
def run_pipelines(model, blocks, work, records, arrival_s, bounds, decisions, interval_s):
    """Run every pipeline from interval to interval under given arrivals, the queueing model alone.

    Args:
        model, blocks, work, records: see `ipa_gym/queueing/state.py`.
        arrival_s: float64 (n,), of interval 0 of the pipelines in their order, then of interval 1, ...
        bounds: int64 (n_intervals · N + 1,), where those of an interval of a pipeline begin.
        decisions: int64 (n, S, 3), one an interval, over and over.
    Returns: how many requests completed.
    """
    space, n_pipelines, completed = work_of(work, 0), blocks.counts.shape[0], 0
    for number in range((bounds.shape[0] - 1) // n_pipelines):
        decision = decisions[number % decisions.shape[0]]
        for index in range(n_pipelines):
            first, end = bounds[number * n_pipelines + index], bounds[number * n_pipelines + index + 1]
            for place in range(end - first):
                space.arrival_s[place] = arrival_s[first + place]
            for stage in range(decision.shape[0]):
                for column in range(3):
                    space.decision[stage, column] = decision[stage, column]
            start_s, stop_s = number * interval_s, (number + 1) * interval_s
            state = pipeline_of(blocks, index)
            completed += run_interval(model, state, space, records, end - first, start_s, stop_s)
    return completed


@timed_loop
def step_environments(world, blocks, episodes, outputs, work, records, actions, pending, needed, n_steps):
    """The step kernel on one thread; returns how many environments had no room, which must be none."""
    left = 0
    for _ in range(n_steps):
        for index in range(pending.shape[0]):
            pending[index] = True
        left += step_range(
            world, blocks, episodes, outputs, work, records, actions, pending, needed, 0, 0, pending.shape[0]
        )
    return left


@timed_loop
def draw_intervals(realised, seeds, kind, interval_s, n_intervals, work):
    """Draw the arrivals of every environment, interval by interval; ``realised`` is int64 (N, seconds)."""
    space, total = work_of(work, 0), 0
    for number in range(n_intervals):
        for index in range(realised.shape[0]):
            total += fill_interval(
                realised[index], seeds[index], kind, number * interval_s, (number + 1) * interval_s,
                space.arrival_s, space.here.number, space.value_s,
            )  # fmt: skip
    return total


@timed_loop
def draw_factors(law, sigma, seed, n_batches):
    """Draw the service factors of so many batches; returns their sum."""
    total = 0.0
    for number in range(n_batches):
        total += service_factor(law, sigma, seed, 0, number)
    return total


@timed_loop
def measure_sojourns(values, bounds, kept):
    """The p99 of each run of sojourns, as the queueing kernel takes it of each stage; returns their sum."""
    total = 0.0
    for row in range(bounds.shape[0] - 1):
        first, end = bounds[row], bounds[row + 1]
        total += quantile_in_place(values[first:end], np.uint64(end - first), 0.99, kept)
    return total


@timed_loop
def measure_latencies(values, bounds, scratch, kept, sla_s):
    """Mean, p50, p95, p99 and those above the SLA of each run of latencies; returns a sum of all."""
    total = 0.0
    for row in range(bounds.shape[0] - 1):
        first, end = bounds[row], bounds[row + 1]
        late, mean_s = 0, 0.0
        for place in range(end - first):
            value = values[first + place]
            scratch[place] = value
            mean_s += value
            late += value > sla_s
        p50_s, p95_s, p99_s = latency_quantiles(scratch, np.uint64(end - first), kept)
        total += mean_s + late + p50_s + p95_s + p99_s
    return total


@timed_loop
def observe_environments(world, blocks, seen, observation, work, n_intervals, interval_s):
    """Write every environment's observation, interval by interval; returns the sum of the forecasts."""
    named, space, total = World(*world), work_of(work, 0), 0.0
    for number in range(n_intervals):
        for index in range(seen.shape[0]):
            total += observe_load(named, seen[index], (number + 1) * interval_s, observation[index])
            observe_stages(named, pipeline_of(blocks, index).target, space.tally, observation[index])
    return total
