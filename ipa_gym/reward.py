"""The reward of one interval: IPA's objective minus the SLA penalty, as named terms first, then their sum.

reward = α · A − β · cost − δ · Σ b − ρ · violations / expected, with A averaged over the interval's time.
Only arithmetic on what an interval measured, compiled for the step kernel and callable from Python alike; the simulator
measures, the environment pays. Source: IPA (arXiv 2308.12871), objective; the last term is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.compiling import compiled
from ipa_gym.pipeline import Objective

_PRODUCT, _RANK_SUM = ACCURACY_MEASURES.index("product"), ACCURACY_MEASURES.index("rank_sum")


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


def weights_of(objective: Objective) -> NDArray[np.float64]:
    """The weights for `weigh`: float64 (4,), alpha, beta, delta, rho."""
    return np.array([objective.alpha, objective.beta, objective.delta, objective.rho], dtype=np.float64)


@compiled
def served_accuracy(
    accuracy: NDArray[np.float64],
    rank: NDArray[np.float64],
    measure: int,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    switch_s: NDArray[np.float64],
    start_s: float,
    stop_s: float,
) -> tuple[float, float]:
    """Average an accuracy measure and PAS over the interval's pieces between the stages' variant switches.

    Args:
        accuracy: float64 (n_stages, n_variants), as fractions.
        rank: float64 (n_stages, n_variants), scaled within each stage from 0 to 1.
        measure: index in `ACCURACY_MEASURES`.
        before, after: int64 (n_stages,), variant that served at the interval's start, and at its end.
        switch_s: float64 (n_stages,), when it changed, start <= switch < stop; NaN: it did not.
        start_s, stop_s: the interval, seconds since the episode's start.
    Returns: (A, PAS), the second a fraction.
    """
    value = score = 0.0
    left = start_s
    while left < stop_s:
        right = stop_s
        for stage in range(len(before)):
            if left < switch_s[stage] < right:  # NaN compares false
                right = switch_s[stage]
        product, ranks, rank_product = 1.0, 0.0, 1.0
        for stage in range(len(before)):
            variant = before[stage] if switch_s[stage] > left else after[stage]
            product *= accuracy[stage, variant]
            ranks += rank[stage, variant]
            rank_product *= rank[stage, variant]
        weight = (right - left) / (stop_s - start_s)
        score += weight * product
        value += weight * (product if measure == _PRODUCT else ranks if measure == _RANK_SUM else rank_product)
        left = right
    return value, score


@compiled
def weigh(
    weights: NDArray[np.float64],
    accuracy: float,
    cost_cores: float,
    batch_sum: int,
    violations: int,
    expected_requests: float,
) -> tuple[float, float, float, float]:
    """Weigh an interval's outcome; the reward is the sum of the terms, from left to right.

    Args:
        weights: float64 (4,), see `weights_of`.
        accuracy: A, averaged over the interval.
        cost_cores: core-seconds of all replicas over the interval, divided by its seconds.
        batch_sum: sum of the batch sizes over the stages, requests.
        violations: requests that completed late or were dropped.
        expected_requests: mean count per interval of the window; at least 1 is used.
    Returns: the terms in `RewardTerms`' order.
    """
    alpha, beta, delta, rho = weights
    return (
        alpha * accuracy,
        -beta * cost_cores,
        -delta * batch_sum,
        -rho * violations / max(expected_requests, 1.0),
    )
