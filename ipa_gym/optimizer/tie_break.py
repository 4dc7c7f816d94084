"""Which of several feasible configurations wins: the one order that every solver obeys.

Sequential filters, each over what the one before has left: objective within its tolerance of the best, PAS within its
tolerance of the best, cost within its tolerance of the least, least sum of batch sizes; of the rest the
lexicographically smallest (variant, batch, replicas) stage by stage. Filters rather than pairwise comparison, because
"within a tolerance" is not transitive. Brute force calls `best`; the other solvers apply the same filters in their
own terms.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipa_gym.optimizer.problem import COST_TOLERANCE_CORES, PAS_TOLERANCE, objective_tolerance
from ipa_gym.pipeline import Configuration, Pipeline


def lexicographic_key(configuration: Configuration) -> tuple[tuple[int, int, int], ...]:
    """(variant index, batch, replicas) of each stage: the last resort of the tie-break."""
    return tuple((choice.variant, choice.batch, choice.replicas) for choice in configuration.stages)


def total_batch(configuration: Configuration) -> int:
    """Sum of the batch sizes over the stages, requests."""
    return sum(choice.batch for choice in configuration.stages)


def configuration_pas(pipeline: Pipeline, configuration: Configuration) -> float:
    """PAS of a configuration, a fraction."""
    return pipeline.pas([choice.variant for choice in configuration.stages])


def best(pipeline: Pipeline, feasible: Sequence[Configuration]) -> Configuration:
    """The winner among feasible configurations, at least one."""
    objectives = [pipeline.objective_value(configuration) for configuration in feasible]
    top = max(objectives)
    floor = top - objective_tolerance(top)
    tied = [configuration for configuration, value in zip(feasible, objectives, strict=True) if value >= floor]
    top_pas = max(configuration_pas(pipeline, configuration) for configuration in tied)
    tied = [c for c in tied if configuration_pas(pipeline, c) >= top_pas - PAS_TOLERANCE]
    least_cores = min(pipeline.cost_cores(configuration) for configuration in tied)
    tied = [c for c in tied if pipeline.cost_cores(c) <= least_cores + COST_TOLERANCE_CORES]
    least_batch = min(total_batch(configuration) for configuration in tied)
    return min((c for c in tied if total_batch(c) == least_batch), key=lexicographic_key)
