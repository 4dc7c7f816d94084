"""Brute force over every variant, batch size and number of replicas: the integer program as it reads, for small cases.

It takes nothing for granted, not even that the fewest replicas are best, so tests hold the other solvers against it.
Its time grows with (variants · batches · replica cap) ** stages.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator

from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.problem import CAPACITY_TOLERANCE, SLA_TOLERANCE_S, Problem, Solution
from ipa_gym.optimizer.tie_break import best
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration


def worst_case_latency_s(pipeline: Pipeline, configuration: Configuration, *, rate_rps: float) -> float:
    """Bound on a request's time through all stages, as the integer program counts it.

    Sum over stages of l(b) + q(b), q(b) = (b − 1) / rate: the first of a batch waits for the rest.
    Args:
        pipeline: its profiles include the slowdown.
        configuration: batch sizes must be profiled.
        rate_rps: arrivals per second, > 0.
    Returns: seconds; compare with the SLA.
    Source: IPA (arXiv 2308.12871v3), latency constraint; the simulator does not use it.
    """
    return sum(
        stage.variants[choice.variant].batch_latency_s(choice.batch) + (choice.batch - 1) / rate_rps
        for stage, choice in zip(pipeline.stages, configuration.stages, strict=True)
    )


def solve_brute_force(problem: Problem) -> Solution:
    """Solve a small problem by trying every configuration."""
    started = time.perf_counter()
    feasible = list(_feasible(problem))
    if feasible:
        configuration = best(problem.pipeline, feasible)
        objective = problem.pipeline.objective_value(configuration)
    else:
        configuration, objective = largest_capacity(problem), math.nan
    return Solution(configuration, objective, bool(feasible), "brute-force", time.perf_counter() - started)


def _feasible(problem: Problem) -> Iterator[Configuration]:
    limit_s = problem.pipeline.sla_s + SLA_TOLERANCE_S
    for stages in itertools.product(*(_carrying(problem, stage) for stage in range(len(problem.pipeline.stages)))):
        configuration = Configuration(stages)
        if worst_case_latency_s(problem.pipeline, configuration, rate_rps=problem.planned_rate_rps) <= limit_s:
            yield configuration


def _carrying(problem: Problem, stage: int) -> list[StageConfiguration]:
    """All choices of one stage whose replicas carry the rate."""
    pipeline = problem.pipeline
    counts = range(1, pipeline.replica_cap + 1) if problem.replicas is None else (problem.replicas[stage],)
    return [
        StageConfiguration(index, batch, replicas)
        for index in problem.allowed_variants(stage)
        for batch in pipeline.batch_sizes
        for replicas in counts
        if replicas
        >= problem.planned_rate_rps / pipeline.stages[stage].variants[index].throughput_rps(batch) - CAPACITY_TOLERANCE
    ]
