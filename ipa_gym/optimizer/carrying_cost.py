"""The cheapest way to carry a load: what the reward's rule for rho is made of."""

from __future__ import annotations

from dataclasses import replace

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Pipeline


def cheapest_carrying_cost(pipeline: Pipeline, rate_rps: float) -> float:
    """Cost of the cheapest feasible configuration for a rate, any variant, in cores.

    The reward's rule takes it at the training days' mean load: rho = 10 · beta · this.
    Args:
        pipeline: its own objective's weights play no part.
        rate_rps: requests per second to carry within the SLA.
    Raises: OptionError if no configuration carries the rate within the SLA.
    """
    by_cost = replace(pipeline, objective=replace(pipeline.objective, alpha=0.0, beta=1.0, delta=0.0))
    solution = solve_exact(Problem(by_cost, rate_rps))
    if not solution.feasible:
        raise OptionError(
            f"pipeline {pipeline.name}: no configuration carries {rate_rps} requests/s within the SLA of "
            f"{pipeline.sla_s} s; lower the rate, or raise the SLA or the replica cap"
        )
    return pipeline.cost_cores(solution.configuration)
