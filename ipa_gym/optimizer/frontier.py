"""The frontier of a load: the configurations of the whole pipeline that no other one beats.

The rule is the optimiser's own (`options.prune`), for whole configurations in place of one stage's options: stages are
joined one after the other, and what is beaten already is dropped before the next one joins. `for_some_weight` thins a
frontier to what IPA would decide with some weight of the accuracy. Plain numpy, for tables that are made once; deciding
is `planner.py`'s. Next: `ipa_gym/wrappers/useful.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.optimizer.options import StageOptions, prune, stage_options
from ipa_gym.optimizer.problem import COST_TOLERANCE_CORES, SLA_TOLERANCE_S, Problem
from ipa_gym.pipeline import Objective, Pipeline

_CHUNK = 256  # configurations that are compared with all others at once

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """Configurations of the first stages, or of all, in ascending order of (variant, batch, replicas)."""

    chosen: IntArray  # (n, n_stages, 3): variant index, batch in requests, replicas
    measure: FloatArray  # (n,) the objective's accuracy measure A
    pas: FloatArray  # (n,) fraction
    cost: FloatArray  # (n,) cores of all replicas
    batch: IntArray  # (n,) requests, summed over the stages
    latency: FloatArray  # (n,) the sum of l(b) + (b - 1) / rate, seconds

    def __len__(self) -> int:
        return len(self.chosen)

    def take(self, kept: BoolArray | IntArray) -> Frontier:
        """The configurations that a mask or indices name."""
        return Frontier(
            chosen=self.chosen[kept],
            measure=self.measure[kept],
            pas=self.pas[kept],
            cost=self.cost[kept],
            batch=self.batch[kept],
            latency=self.latency[kept],
        )


def frontier(pipeline: Pipeline, rate_rps: float) -> Frontier:
    """The feasible configurations at a rate that no other feasible one beats; none where nothing is feasible.

    Configuration p beats o if p is no worse in accuracy measure, PAS, cost, sum of batch sizes and latency bound, and
    has smaller batches, costs less by more than the tolerance, or comes before o in the lexicographic order: the rule
    of `options.prune`. Replicas beyond the fewest that carry the rate are beaten by those. Whatever the objective's
    weights, IPA's decision is on the frontier.
    Args:
        rate_rps: requests per second at every stage.
    Raises: OptionError if the rate is no finite number.
    """
    problem = Problem(pipeline, rate_rps)
    options = prune(stage_options(problem), sla_s=pipeline.sla_s)
    if options is None:
        return _same(0, len(pipeline.stages))
    joined = _same(1, 0)
    fastest_s = [float(stage.latency.min()) for stage in options]
    adds = pipeline.objective.accuracy_measure == "rank_sum"
    for index, stage in enumerate(options):
        limit_s = pipeline.sla_s - sum(fastest_s[index + 1 :]) + SLA_TOLERANCE_S
        joined = _joined(joined, stage, stage.measured(pipeline.objective.accuracy_measure), adds=adds)
        joined = _unbeaten(joined.take(joined.latency <= limit_s))
    return joined


def for_some_weight(found: Frontier, objective: Objective) -> Frontier:
    """What maximises alpha · A − beta · cost − delta · Σ b for some alpha of at least 0: the corners of the frontier.

    Args:
        found: a frontier; of equals in the objective the one that the tie-break prefers is kept.
        objective: its beta and delta count.
    """
    price = objective.beta * found.cost + objective.delta * found.batch
    order = np.lexsort((np.arange(len(found)), found.batch, found.cost, -found.pas, -found.measure, price))
    corners: list[int] = []
    for index in order.tolist():
        if corners and found.measure[index] <= found.measure[corners[-1]]:
            continue  # no better for a higher or the same price
        while len(corners) > 1 and _below(price, found.measure, corners[-2:], index):
            corners.pop()
        corners.append(index)
    return found.take(np.sort(np.array(corners, dtype=np.int64)))


def _below(price: FloatArray, measure: FloatArray, last: list[int], new: int) -> bool:
    """Whether the second of two corners lies on or below the line from the first to a new one."""
    first, second = last
    rise, run = measure[new] - measure[first], price[new] - price[first]
    return bool((measure[second] - measure[first]) * run <= rise * (price[second] - price[first]))


def _same(count: int, n_stages: int) -> Frontier:
    """So many configurations of which nothing is decided yet; the first stage's accuracy measure replaces the NaN."""
    zeros = np.zeros(count)
    return Frontier(
        chosen=np.zeros((count, n_stages, 3), dtype=np.int64),
        measure=zeros + np.nan,
        pas=zeros + 1.0,
        cost=zeros,
        batch=np.zeros(count, dtype=np.int64),
        latency=zeros,
    )


def _joined(before: Frontier, stage: StageOptions, measure: FloatArray, *, adds: bool) -> Frontier:
    """Every configuration of the stages so far with every option of the next one, in lexicographic order."""
    left, right = np.repeat(np.arange(len(before)), len(stage)), np.tile(np.arange(len(stage)), len(before))
    choice = np.stack([stage.variant, stage.batch, stage.replicas], axis=1)[right]
    first = before.chosen.shape[1] == 0
    so_far, own = before.measure[left], measure[right]
    return Frontier(
        chosen=np.concatenate([before.chosen[left], choice[:, None]], axis=1),
        measure=own if first else so_far + own if adds else so_far * own,
        pas=before.pas[left] * stage.accuracy[right],
        cost=before.cost[left] + stage.cost[right],
        batch=before.batch[left] + stage.batch[right],
        latency=before.latency[left] + stage.latency[right],
    )


def _unbeaten(found: Frontier) -> Frontier:
    kept = np.ones(len(found), dtype=np.bool_)
    order = np.arange(len(found))
    for begin in range(0, len(found), _CHUNK):
        own = slice(begin, begin + _CHUNK)
        no_worse = (
            (found.measure[:, None] >= found.measure[own])
            & (found.pas[:, None] >= found.pas[own])
            & (found.cost[:, None] <= found.cost[own])
            & (found.batch[:, None] <= found.batch[own])
            & (found.latency[:, None] <= found.latency[own])
        )
        ahead = (
            (order[:, None] < order[own])
            | (found.batch[:, None] < found.batch[own])
            | (found.cost[:, None] < found.cost[own] - COST_TOLERANCE_CORES)
        )
        kept[own] = ~np.any(no_worse & ahead, axis=0)
    return found.take(kept)
