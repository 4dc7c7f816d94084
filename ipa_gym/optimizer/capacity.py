"""Capacity without the objective: the fallback where nothing is feasible.

Source of the fallback: the issue ("the policy takes the one with most capacity"). Capacity beyond the rate counts as
equal, so a load that can be carried in spite of a missed SLA does not start a hundred replicas.
"""

from __future__ import annotations

from ipa_gym.optimizer.problem import Problem, replicas_needed
from ipa_gym.pipeline import Configuration, StageConfiguration


def largest_capacity(problem: Problem) -> Configuration:
    """The configuration with most capacity, SLA or not, within the allowed variants and fixed replicas.

    Each stage on its own, so the slowest stage's capacity is the largest possible as well: most of min(n · h, rate),
    then least l(b) + q(b), then least cost, then higher accuracy, smaller batch, lower variant index. A stage that can
    carry the rate gets the fewest replicas that do; one that cannot gets the replica cap.
    """
    return Configuration(tuple(_stage_choice(problem, stage) for stage in range(len(problem.pipeline.stages))))


def _stage_choice(problem: Problem, stage: int) -> StageConfiguration:
    pipeline, rate_rps = problem.pipeline, problem.planned_rate_rps
    ranked: list[tuple[tuple[float, ...], StageConfiguration]] = []
    for index in problem.allowed_variants(stage):
        variant = pipeline.stages[stage].variants[index]
        for batch in pipeline.batch_sizes:
            throughput_rps = variant.throughput_rps(batch)
            needed = replicas_needed(rate_rps, throughput_rps)
            replicas = min(needed, pipeline.replica_cap) if problem.replicas is None else problem.replicas[stage]
            carried_rps = rate_rps if replicas >= needed else replicas * throughput_rps
            latency_s = variant.batch_latency_s(batch) + (batch - 1) / rate_rps
            key = (-carried_rps, latency_s, replicas * variant.cores, -variant.accuracy, batch, index)
            ranked.append((key, StageConfiguration(index, batch, replicas)))
    return min(ranked, key=lambda entry: entry[0])[1]
