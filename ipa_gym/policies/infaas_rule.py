"""INFaaS' arithmetic for one stage: which variants are eligible, the batch of each, and how many replicas a load takes.

Pure functions of profiles and a load. When to scale, and which of the possible ways, is `infaas.py`.
Source: Romero et al., INFaaS (USENIX ATC 2021), model-less interface and model autoscaling; Swayam's rule (five times
the mean latency) as IPA applies it, for a stage's part of the SLA.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ipa_gym.optimizer.problem import CAPACITY_TOLERANCE, MINIMUM_RATE_RPS, SLA_TOLERANCE_S
from ipa_gym.pipeline import Pipeline, Stage, Variant


@dataclass(frozen=True, slots=True)
class Way:
    """One way to serve a stage's load."""

    variant: int
    batch: int  # requests
    replicas: int
    cost_cores: float


def stage_budgets_s(pipeline: Pipeline) -> tuple[float, ...]:
    """Each stage's part of the SLA, in proportion to the mean over its variants of the latency of one request.

    Where the SLA is Swayam's, five times these means summed, each stage gets five times its own.
    Returns: seconds, one a stage; they add up to the SLA.
    """
    means = [sum(v.batch_latency_s(1) for v in stage.variants) / len(stage.variants) for stage in pipeline.stages]
    return tuple(pipeline.sla_s * mean / sum(means) for mean in means)


def largest_batch(variant: Variant, *, sizes: Sequence[int], rate_rps: float, budget_s: float) -> int:
    """The largest batch whose filling and service, (b − 1) / rate + l(b), fit the budget; 1 where none does.

    Args:
        sizes: to choose from, ascending from 1.
        rate_rps: requests/s that fill it; a rate of zero fills none.
    """
    rate = max(rate_rps, MINIMUM_RATE_RPS)
    fitting = [b for b in sizes if (b - 1) / rate + variant.batch_latency_s(b) <= budget_s + SLA_TOLERANCE_S]
    return max(fitting, default=1)


def replicas_for(rate_rps: float, throughput_rps: float, *, headroom: float) -> int:
    """The fewest replicas, at least 1, whose throughput less the headroom carries a rate.

    Args:
        throughput_rps: of one replica.
        headroom: fraction of the throughput that is kept free, 0 to 1.
    """
    return max(1, math.ceil(rate_rps / (throughput_rps * (1.0 - headroom)) - CAPACITY_TOLERANCE))


def eligible_variants(stage: Stage, *, accuracy: float, budget_s: float) -> tuple[int, ...]:
    """The variants that meet the accuracy (percent) and, one request at a time, the stage's budget.

    Where none meets both, the fastest of those that meet the accuracy; among equals the most accurate, then the first.
    """
    accurate = [i for i, variant in enumerate(stage.variants) if variant.accuracy >= accuracy]
    in_time = [i for i in accurate if stage.variants[i].batch_latency_s(1) <= budget_s + SLA_TOLERANCE_S]
    if in_time:
        return tuple(in_time)
    return (min(accurate, key=lambda i: (stage.variants[i].batch_latency_s(1), -stage.variants[i].accuracy)),)
