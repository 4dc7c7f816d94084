"""What happened in an episode, interval by interval: the rows that rendering, figures and tables read.

The environment writes one `IntervalRow` a step; nothing here computes rewards or draws.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ipa_gym.pipeline import Configuration
from ipa_gym.queueing.simulator import IntervalOutcome
from ipa_gym.reward import RewardTerms


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One interval: what was decided, what it met, what it cost and paid."""

    index: int  # 0, 1, ...
    start_s: float  # seconds since the episode's start
    interval_s: float
    decision: Configuration
    outcome: IntervalOutcome
    forecast_rps: float  # the forecast that the policy saw when it decided
    load_max_rps: float  # highest per-second count of arrivals in the interval
    load_mean_rps: float
    accuracy: float  # A, the card's measure, averaged over the interval
    pas: float  # fraction, averaged over the interval
    cost_cores: float
    terms: RewardTerms
    overdue_at_end: int  # requests inside and older than the SLA when the window ended; 0 before

    @property
    def violations(self) -> int:
        """Requests that violated the SLA: late, dropped, or still inside and overdue at the window's end."""
        return self.outcome.violations + self.overdue_at_end

    @property
    def reward(self) -> float:
        """The step's reward."""
        return self.terms.total


def interval_info(row: IntervalRow) -> dict[str, Any]:  # Any: numbers, and the dict of reward terms
    """Gymnasium's ``info`` of a step: the interval's metrics under flat keys, NaN latencies where nothing completed."""
    outcome, latency_s = row.outcome, row.outcome.latency_s
    nothing = (float("nan"),) * 4
    mean, p50, p95, p99 = (
        (float(latency_s.mean()), *np.percentile(latency_s, (50, 95, 99)).tolist()) if latency_s.size else nothing
    )
    return {
        "time_s": row.start_s + row.interval_s,
        "arrivals": outcome.arrivals,
        "completed": outcome.completed,
        "dropped": outcome.dropped,
        "violations": row.violations,
        "latency_mean_s": mean,
        "latency_p50_s": p50,
        "latency_p95_s": p95,
        "latency_p99_s": p99,
        "accuracy": row.accuracy,
        "pas": row.pas,
        "cost_cores": row.cost_cores,
        "queue_requests": int(outcome.queue_requests.sum()),
        "reward_terms": asdict(row.terms),
    }
