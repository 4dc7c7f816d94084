"""Capacity without the objective: the fallback where nothing is feasible, and the cheapest way to carry a load.

Source of the fallback: the issue ("the policy takes the one with most capacity"). Capacity beyond the rate counts as
equal, so a load that can be carried in spite of a missed SLA does not start a hundred replicas.
"""

from __future__ import annotations

from dataclasses import replace

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.problem import Problem, replicas_needed
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration


def largest_capacity(problem: Problem) -> Configuration:
    """The configuration with most capacity, SLA or not, within the allowed variants and fixed replicas.

    Each stage on its own, so the slowest stage's capacity is the largest possible as well: most of min(n · h, rate),
    then least l(b) + q(b), then least cost, then higher accuracy, smaller batch, lower variant index. A stage that can
    carry the rate gets the fewest replicas that do; one that cannot gets the replica cap.
    """
    return Configuration(tuple(_stage_choice(problem, stage) for stage in range(len(problem.pipeline.stages))))


def cheapest_carrying_cost(pipeline: Pipeline, rate_rps: float) -> float:
    """Cost of the cheapest feasible configuration for a rate, any variant, in cores.

    The reward's rule takes it at the training days' mean load: rho = 10 · beta · this.
    Args:
        pipeline: its own objective's weights play no part.
        rate_rps: requests per second to carry within the SLA.
    Raises: OptionError if no configuration carries the rate within the SLA.
    """
    from ipa_gym.optimizer.exact_solver import solve_exact

    by_cost = replace(pipeline, objective=replace(pipeline.objective, alpha=0.0, beta=1.0, delta=0.0))
    solution = solve_exact(Problem(by_cost, rate_rps))
    if not solution.feasible:
        raise OptionError(
            f"pipeline {pipeline.name}: no configuration carries {rate_rps} requests/s within the SLA of "
            f"{pipeline.sla_s} s; lower the rate, or raise the SLA or the replica cap"
        )
    return pipeline.cost_cores(solution.configuration)


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
