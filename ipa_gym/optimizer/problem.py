"""One decision of IPA's integer program: `Problem`, `Solution`, and the rules that all solvers share.

The tolerances, the fewest replicas of an option and the floor of the rate live here once, so that brute force, the
exact search and the integer program cannot part over them. Nothing here searches. Next: `options.py`, `tie_break.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Configuration, Pipeline

CAPACITY_TOLERANCE = 1e-9  # replicas: n suffices if n >= rate / h - this, so that 3 * h = 12.0 carries 12.0 rps
SLA_TOLERANCE_S = 1e-9  # seconds that the latency bound may exceed the SLA
PAS_TOLERANCE = 1e-9  # PAS as a fraction; closer values are tied
COST_TOLERANCE_CORES = 1e-9  # closer costs are tied
MINIMUM_RATE_RPS = 1e-6  # lower rates, zero and negative forecasts included, are planned as this one


@dataclass(frozen=True, slots=True)
class Problem:
    """What to decide: a pipeline (limits, objective and SLA are in it), a load, and what a policy may not touch."""

    pipeline: Pipeline
    rate_rps: float  # the load to carry, requests per second, the same at every stage
    variants: tuple[tuple[int, ...], ...] | None = None  # allowed variant indices a stage (FA2 fixes them); None: all
    replicas: tuple[int, ...] | None = None  # fixed replicas a stage (RIM); None: free, 1 to the cap

    def __post_init__(self) -> None:
        if not math.isfinite(self.rate_rps):
            raise OptionError(f"rate_rps is {self.rate_rps}; expected a finite number of requests per second")
        _check_weights(self.pipeline)
        _check_variants(self.pipeline, self.variants)
        _check_replicas(self.pipeline, self.replicas)

    @property
    def planned_rate_rps(self) -> float:
        """The rate that the constraints see: `rate_rps`, at least `MINIMUM_RATE_RPS`."""
        return max(self.rate_rps, MINIMUM_RATE_RPS)

    def allowed_variants(self, stage: int) -> tuple[int, ...]:
        """Variant indices that stage number ``stage`` may run, ascending."""
        if self.variants is None:
            return tuple(range(len(self.pipeline.stages[stage].variants)))
        return tuple(sorted(set(self.variants[stage])))


@dataclass(frozen=True, slots=True)
class Solution:
    """What a solver decided."""

    configuration: Configuration  # the optimum; `largest_capacity` where nothing is feasible
    objective: float  # `Pipeline.objective_value` of the optimum; NaN where nothing is feasible
    feasible: bool
    solver: str  # "exact", "brute-force", "pulp-highs" or "pulp-cbc"
    solve_s: float  # wall time of the whole call, seconds


def replicas_needed(rate_rps: float, throughput_rps: float) -> int:
    """Fewest replicas, at least 1, that carry a rate.

    Args:
        rate_rps: requests per second to carry.
        throughput_rps: requests per second of one replica, h = b / l(b), > 0.
    Returns: the smallest n >= 1 with n >= rate / h - `CAPACITY_TOLERANCE`.
    """
    return max(1, math.ceil(rate_rps / throughput_rps - CAPACITY_TOLERANCE))


def objective_tolerance(objective: float) -> float:
    """How far below the best objective another still counts as tied: 1e-9, or 1e-12 of its size if that is more."""
    return max(1e-9, 1e-12 * abs(objective))


def _check_weights(pipeline: Pipeline) -> None:
    for name in ("alpha", "beta", "delta"):
        found = getattr(pipeline.objective, name)
        if not (math.isfinite(found) and found >= 0.0):
            raise OptionError(f"pipeline {pipeline.name}: objective.{name} is {found}; expected a finite number >= 0")


def _check_variants(pipeline: Pipeline, variants: tuple[tuple[int, ...], ...] | None) -> None:
    if variants is None:
        return
    if len(variants) != len(pipeline.stages):
        raise OptionError(
            f"variants has {len(variants)} entries; pipeline {pipeline.name}: {len(pipeline.stages)} stages"
        )
    for stage, allowed in zip(pipeline.stages, variants, strict=True):
        if not allowed or any(not 0 <= index < len(stage.variants) for index in allowed):
            raise OptionError(
                f"variants of stage {stage.name}: {allowed}; expected indices 0 to {len(stage.variants) - 1}"
            )


def _check_replicas(pipeline: Pipeline, replicas: tuple[int, ...] | None) -> None:
    if replicas is None:
        return
    if len(replicas) != len(pipeline.stages):
        raise OptionError(
            f"replicas has {len(replicas)} entries; pipeline {pipeline.name}: {len(pipeline.stages)} stages"
        )
    for stage, fixed in zip(pipeline.stages, replicas, strict=True):
        if not 1 <= fixed <= pipeline.replica_cap:
            raise OptionError(f"replicas of stage {stage.name}: {fixed}; expected 1 to {pipeline.replica_cap}")
