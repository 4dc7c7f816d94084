"""The reward of one interval: IPA's objective minus the SLA penalty, as named terms first, then their sum.

reward = α · A − β · cost − δ · Σ b − ρ · violations / expected, with A averaged over the interval's time.
Only arithmetic on an interval's outcome; the simulator measures, the environment pays.
Source: IPA (arXiv 2308.12871), objective; the last term is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ipa_gym.pipeline import Pipeline
from ipa_gym.queueing.simulator import IntervalOutcome


@dataclass(frozen=True, slots=True)
class RewardTerms:
    """The weighted, signed terms of one interval's reward."""

    accuracy: float  # + α · A
    cost: float  # − β · cores
    batch: float  # − δ · Σ b
    violations: float  # − ρ · violations / expected requests of an interval

    @property
    def objective(self) -> float:
        """IPA's objective: the reward without the SLA penalty."""
        return self.accuracy + self.cost + self.batch

    @property
    def total(self) -> float:
        """The reward."""
        return self.objective + self.violations


@dataclass(frozen=True, slots=True)
class ServedAccuracy:
    """Accuracy of the variants that served, averaged over an interval's time."""

    measure: float  # A, by the pipeline's accuracy measure
    pas: float  # pipeline accuracy score, a fraction


def served_accuracy(
    pipeline: Pipeline, outcome: IntervalOutcome, *, start_s: float, interval_s: float
) -> ServedAccuracy:
    """Average A and PAS over the interval's pieces between the stages' variant switches.

    Args:
        outcome: the interval's variants before and after, and the instants of the switches, seconds (NaN: none).
        start_s: the interval's start, seconds since the episode's.
        interval_s: its length.
    """
    before, after = outcome.variant_before.tolist(), outcome.variant.tolist()
    switches = outcome.switch_s.tolist()
    cuts = sorted({s for s in switches if not math.isnan(s) and s > start_s})
    measure = score = 0.0
    for left, right in zip([start_s, *cuts], [*cuts, start_s + interval_s], strict=True):
        now = [b if s > left else a for b, a, s in zip(before, after, switches, strict=True)]  # NaN > left is False
        weight = (right - left) / interval_s
        measure += weight * pipeline.accuracy_value(now)
        score += weight * pipeline.pas(now)
    return ServedAccuracy(measure, score)


def reward_terms(
    pipeline: Pipeline,
    *,
    accuracy: float,
    cost_cores: float,
    batch_sum: int,
    violations: int,
    expected_requests: float,
) -> RewardTerms:
    """Weigh an interval's outcome by the pipeline's objective.

    Args:
        accuracy: A, averaged over the interval.
        cost_cores: core-seconds of all replicas over the interval, divided by its seconds.
        batch_sum: sum of the batch sizes over the stages, requests.
        violations: requests that completed late or were dropped.
        expected_requests: mean count per interval of the window; at least 1 is used.
    """
    weights = pipeline.objective
    return RewardTerms(
        accuracy=weights.alpha * accuracy,
        cost=-weights.beta * cost_cores,
        batch=-weights.delta * batch_sum,
        violations=-weights.rho * violations / max(expected_requests, 1.0),
    )
