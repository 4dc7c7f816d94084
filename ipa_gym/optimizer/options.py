"""What each stage can be told to do at a rate: its (variant, batch) options with the fewest replicas, as arrays.

For given variant and batch the accuracy and the latency do not depend on the replicas and the cost grows with them, so
only the fewest that carry the rate can win (beta >= 0; at beta = 0 by the tie-break). `prune` drops options that
cannot win in any configuration, tie-break included; the integer program starts from what it leaves. `stage_rows.py` is
the compiled form that the exact search uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ipa_gym.accuracy import AccuracyMeasure
from ipa_gym.optimizer.problem import CAPACITY_TOLERANCE, COST_TOLERANCE_CORES, SLA_TOLERANCE_S, Problem
from ipa_gym.pipeline import Stage

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class StageOptions:
    """Options of one stage, all arrays (n_options,), in ascending order of (variant, batch, replicas)."""

    variant: IntArray  # index
    batch: IntArray  # requests
    replicas: IntArray
    accuracy: FloatArray  # the variant's, fraction
    rank: FloatArray  # the variant's scaled accuracy rank among all variants of the stage
    cost: FloatArray  # cores of all replicas
    latency: FloatArray  # l(b) + q(b), seconds

    def __len__(self) -> int:
        return len(self.variant)

    def take(self, kept: BoolArray) -> StageOptions:
        """The options where ``kept`` (bool, (n_options,)) is true, order kept."""
        return StageOptions(
            variant=self.variant[kept],
            batch=self.batch[kept],
            replicas=self.replicas[kept],
            accuracy=self.accuracy[kept],
            rank=self.rank[kept],
            cost=self.cost[kept],
            latency=self.latency[kept],
        )

    def measured(self, measure: AccuracyMeasure) -> FloatArray:
        """What each option brings to the objective's accuracy measure: the accuracy for PAS, else the rank."""
        return self.accuracy if measure == "product" else self.rank


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """What does not depend on the rate: arrays (n_variants · n_batches,)."""

    variant: IntArray
    batch: IntArray
    latency: FloatArray  # l(b), seconds
    throughput: FloatArray  # h(b), requests/s of one replica
    cores: FloatArray  # of one replica
    accuracy: FloatArray
    rank: FloatArray


def stage_options(problem: Problem) -> tuple[StageOptions, ...]:
    """All options of every stage whose replicas carry the rate within the cap (or as fixed); a stage may have none."""
    return tuple(_carrying(problem, stage) for stage in range(len(problem.pipeline.stages)))


def prune(options: tuple[StageOptions, ...], *, sla_s: float) -> tuple[StageOptions, ...] | None:
    """Drop what cannot win: options too slow beside the fastest of all other stages, then dominated ones.

    Option p dominates o of the same stage if p is no worse in accuracy, rank, cost, batch and latency, and smaller in
    batch, cheaper by more than the tolerance, or before o in the lexicographic order. Replacing o by p then keeps a
    configuration feasible and in every filter of the tie-break, and beats it in the last: the winner never holds o.

    Returns: at least one option a stage, or None if no configuration is feasible.
    """
    if any(len(stage) == 0 for stage in options):
        return None
    fastest_s = [float(stage.latency.min()) for stage in options]
    slack_s = sla_s - sum(fastest_s)
    if sum(fastest_s) > sla_s + SLA_TOLERANCE_S:
        return None
    return tuple(
        _undominated(stage.take(stage.latency <= fast_s + slack_s + 2.0 * SLA_TOLERANCE_S))
        for stage, fast_s in zip(options, fastest_s, strict=True)
    )


def _undominated(stage: StageOptions) -> StageOptions:
    no_worse = (
        (stage.accuracy[:, None] >= stage.accuracy)
        & (stage.rank[:, None] >= stage.rank)
        & (stage.cost[:, None] <= stage.cost)
        & (stage.batch[:, None] <= stage.batch)
        & (stage.latency[:, None] <= stage.latency)
    )
    order = np.arange(len(stage))
    wins = (
        (order[:, None] < order)
        | (stage.batch[:, None] < stage.batch)
        | (stage.cost[:, None] < stage.cost - COST_TOLERANCE_CORES)
    )
    dominated: BoolArray = np.any(no_worse & wins, axis=0)
    return stage.take(~dominated)


def _carrying(problem: Problem, stage: int) -> StageOptions:
    pipeline, rate_rps = problem.pipeline, problem.planned_rate_rps
    profile = _profile(pipeline.stages[stage], pipeline.batch_sizes)
    # the vector form of `problem.replicas_needed`; kept as floats until they are known to be within the cap
    needed = np.maximum(1.0, np.ceil(rate_rps / profile.throughput - CAPACITY_TOLERANCE))
    limit = pipeline.replica_cap if problem.replicas is None else problem.replicas[stage]
    kept = needed <= limit
    if problem.variants is not None:
        kept &= np.isin(profile.variant, problem.allowed_variants(stage))
    replicas = needed[kept] if problem.replicas is None else np.full(int(kept.sum()), float(limit))
    return StageOptions(
        variant=profile.variant[kept],
        batch=profile.batch[kept],
        replicas=replicas.astype(np.int64),
        accuracy=profile.accuracy[kept],
        rank=profile.rank[kept],
        cost=replicas * profile.cores[kept],
        latency=profile.latency[kept] + (profile.batch[kept] - 1) / rate_rps,
    )


@lru_cache(maxsize=256)
def _profile(stage: Stage, batch_sizes: tuple[int, ...]) -> _Profile:
    pairs = [(index, batch) for index in range(len(stage.variants)) for batch in batch_sizes]
    variants = [stage.variants[index] for index, _ in pairs]
    ranks = stage.accuracy_ranks
    return _Profile(
        variant=np.array([index for index, _ in pairs], dtype=np.int64),
        batch=np.array([batch for _, batch in pairs], dtype=np.int64),
        latency=np.array([v.batch_latency_s(b) for v, (_, b) in zip(variants, pairs, strict=True)]),
        throughput=np.array([v.throughput_rps(b) for v, (_, b) in zip(variants, pairs, strict=True)]),
        cores=np.array([variant.cores for variant in variants], dtype=np.float64),
        accuracy=np.array([variant.accuracy / 100.0 for variant in variants]),
        rank=np.array([ranks[index] for index, _ in pairs]),
    )
