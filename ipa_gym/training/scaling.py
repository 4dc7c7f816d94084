"""The constant that rewards are multiplied by for learning, by one rule for all cards.

Nothing here is learned or measured at run time, so a scaled reward means the same in every run. docs/training.md has
the measured scales with it.
"""

from __future__ import annotations

from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Pipeline


def reward_scale(pipeline: Pipeline) -> float:
    """1 / ρ: with it, -1 is what it costs when every request that an interval expects violates the SLA.

    ρ is 10 · β · (cost of the cheapest configuration that carries the training days' mean load), so the bill of an
    interval that is served as cheaply as possible is about -0.1 on every pipeline.
    Args:
        pipeline: as the environment has it, its overrides applied.
    Raises: OptionError if ρ is 0.
    """
    rho = pipeline.objective.rho
    if rho <= 0:
        raise OptionError(
            f"pipeline {pipeline.name}: rho is {rho:g}, so the rule 1 / rho gives no reward scale; expected "
            "reward_scale=, a number above 0"
        )
    return 1.0 / rho
