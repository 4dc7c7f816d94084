"""What FA2 and RIM keep fixed: from the pipeline's card, else by rule.

A card's ``baselines`` carry the published choices. For a user's card without them both rules ask one question: which is
the most accurate pipeline that meets the SLA at the card's full load (``load_scale_rps``), and how many replicas does
it take? Nothing here looks at a trace. Next: `fa2.py`, `rim.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Pipeline


def least_accurate_variants(pipeline: Pipeline) -> tuple[int, ...]:
    """Index of the least accurate variant of each stage; among equals that of fewest cores, then the first."""
    return tuple(
        min(range(len(stage.variants)), key=lambda v: (stage.variants[v].accuracy, stage.variants[v].cores))
        for stage in pipeline.stages
    )


def accurate_variants(pipeline: Pipeline) -> tuple[int, ...]:
    """FA2-high's variants: the card's; else of highest PAS among all that meet the SLA at full load.

    Where none does even so, the least accurate ones.
    """
    if pipeline.baselines.fa2_high_variants is not None:
        return pipeline.baselines.fa2_high_variants
    by_accuracy = replace(pipeline.objective, alpha=1.0, beta=0.0, delta=0.0, accuracy_measure="product")
    solution = solve_exact(Problem(replace(pipeline, objective=by_accuracy), pipeline.load_scale_rps))
    if not solution.feasible:
        return least_accurate_variants(pipeline)
    return tuple(choice.variant for choice in solution.configuration.stages)


def generous_replicas(pipeline: Pipeline) -> tuple[int, ...]:
    """RIM's replicas: the card's, at most the replica cap; else as many as FA2-high's variants need at full load."""
    if pipeline.baselines.rim_replicas is not None:
        return tuple(min(count, pipeline.replica_cap) for count in pipeline.baselines.rim_replicas)
    fixed = fixed_variants(accurate_variants(pipeline))
    solution = solve_exact(Problem(pipeline, pipeline.load_scale_rps, variants=fixed))
    return tuple(choice.replicas for choice in solution.configuration.stages)


def named_variants(pipeline: Pipeline, names: Sequence[str]) -> tuple[int, ...]:
    """Indices of variants given by name, one a stage.

    Raises: OptionError if there is not one name a stage, UnknownNameError for a name that its stage has not.
    """
    if len(names) != len(pipeline.stages):
        raise OptionError(
            f"variants has {len(names)} entries; pipeline {pipeline.name} has {len(pipeline.stages)} stages"
        )
    return tuple(stage.variant_index(name) for stage, name in zip(pipeline.stages, names, strict=True))


def fixed_variants(variants: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The same, as `Problem.variants`: one allowed index a stage."""
    return tuple((index,) for index in variants)
