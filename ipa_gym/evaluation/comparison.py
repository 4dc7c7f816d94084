"""`compare`: is one agent better than another, by how much, and is that sure? Computes; plays and prints nothing.

A verdict is about the reward: ``better`` where the interval of the difference lies above zero, ``worse`` where it lies
below, else ``undecided``. Beside it stands whether the SLA is kept well enough. Next: `session.py`; the intervals are
those of `ipa_gym.statistics`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.evaluation.results import METRICS, WindowResults
from ipa_gym.statistics import CONFIDENCE, Estimate, difference_interval, mean_interval

VIOLATIONS_LIMIT_PERCENT = 1.0  # an agent may miss the SLA so often, or as often as IPA does if that is more
Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """A group of agents and what each of them did on the same windows."""

    name: str
    results: tuple[WindowResults, ...]  # one for each agent (training seed)

    def table(self, metric: str) -> NDArray[np.float64]:
        """The numbers of a metric: float64 (n_agents, n_windows)."""
        return np.array([result.metric(metric) for result in self.results])


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of the two."""

    metric: str
    candidate: Estimate
    baseline: Estimate
    difference: Estimate  # candidate minus baseline, paired by window


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` finds."""

    candidate: str
    baseline: str
    n_agents: int  # of the candidate
    n_windows: int
    metrics: tuple[MetricComparison, ...]  # in the order of `METRICS`
    verdict: Verdict
    violations_limit_percent: float
    violations_limit_kept: bool  # by the candidate's mean

    def metric(self, name: str) -> MetricComparison:
        """The comparison of one metric."""
        return next(found for found in self.metrics if found.metric == name)


def compare(
    candidate: Played,
    baseline: Played,
    *,
    violations_limit_percent: float = VIOLATIONS_LIMIT_PERCENT,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare two on the windows that both have played.

    Args:
        candidate, baseline: one agent or several training seeds of one, see `ipa_gym/statistics/bootstrap.py` for how
            they count.
        violations_limit_percent: see `violations_limit`.
        seed: of the bootstrap: an equal one gives equal intervals.
        confidence: of the intervals.
    Raises: OptionError if they have played different windows.
    """
    first = candidate.results[0]
    for result in (*candidate.results, *baseline.results):
        if not np.array_equal(result.starts, first.starts):
            raise OptionError(f"{candidate.name} and {baseline.name} have played different windows; expected the same")
    metrics = tuple(_compared(candidate, baseline, metric.name, seed, confidence) for metric in METRICS)
    violations_percent = float(candidate.table("violations_percent").mean())
    return Comparison(
        candidate=candidate.name,
        baseline=baseline.name,
        n_agents=len(candidate.results),
        n_windows=first.n_windows,
        metrics=metrics,
        verdict=verdict(metrics[0].difference),
        violations_limit_percent=violations_limit_percent,
        violations_limit_kept=violations_percent <= violations_limit_percent,
    )


def verdict(difference: Estimate) -> Verdict:
    """What the interval of a difference of rewards says."""
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "undecided"


def violations_limit(ipas: Iterable[Played]) -> float:
    """How many percent of requests may violate the SLA: 1, or as many as IPA's where that is more.

    Args:
        ipas: IPA with forecasts that do not peek; the one of highest reward counts. May be none.
    """
    best = max(ipas, key=lambda played: float(played.table("reward_mean").mean()), default=None)
    if best is None:
        return VIOLATIONS_LIMIT_PERCENT
    return max(VIOLATIONS_LIMIT_PERCENT, float(best.table("violations_percent").mean()))


def _compared(candidate: Played, baseline: Played, metric: str, seed: int, confidence: float) -> MetricComparison:
    ours, theirs = candidate.table(metric), baseline.table(metric)
    mine, other, between = (np.random.default_rng(seed) for _ in range(3))
    return MetricComparison(
        metric=metric,
        candidate=mean_interval(ours, rng=mine, confidence=confidence),
        baseline=mean_interval(theirs, rng=other, confidence=confidence),
        difference=difference_interval(ours, theirs, rng=between, confidence=confidence),
    )
