"""What happened in an episode, interval by interval: the rows that rendering, figures and tables read.

The environment writes one `IntervalRow` a step; nothing here computes rewards or draws.
"""

from __future__ import annotations

from dataclasses import dataclass

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
