"""What happened in an episode, interval by interval: the rows that rendering, figures and tables read.

The environment keeps a `Step` an interval, from which rows are made when they are read; nothing here computes rewards
or draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.pipeline import Configuration
from ipa_gym.queueing.simulator import IntervalOutcome, interval_outcome
from ipa_gym.reward import RewardTerms

# an interval's metrics in the order in which the step kernel writes them: what `info` reports under these names ...
INFO = (
    *("time_s", "arrivals", "completed", "dropped", "violations"),
    *("latency_mean_s", "latency_p50_s", "latency_p95_s", "latency_p99_s"),
    *("accuracy", "pas", "cost_cores", "queue_requests"),
)
TERMS = ("accuracy", "cost", "batch", "violations")  # ... the terms of the reward ...
METRICS = (  # ... and what only rows and figures need
    *INFO,
    *(f"reward_{name}" for name in TERMS),
    *("overdue_at_end", "forecast_rps", "load_max_rps"),
)
COUNTS = ("arrivals", "completed", "dropped", "violations", "queue_requests")  # whole numbers among `INFO`


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


class Step(NamedTuple):
    """What the step kernel left of one interval: cheap to keep, turned into an `IntervalRow` where one is asked for."""

    action: NDArray[np.int64]  # (3 S,)
    metrics: NDArray[np.float64]  # (len(METRICS),)
    latency_s: NDArray[np.float64]  # (completed,)
    stage_s: NDArray[np.float64]  # (5, S) the tally's
    stage_counts: NDArray[np.int64]  # (8, S) the tally's


def interval_row(step: Step, actions: ActionLayout, *, index: int, interval_s: float) -> IntervalRow:
    """The row of an interval.

    Args:
        actions: the environment's.
        index: the interval's number in the episode.
        interval_s: its length.
    """
    values = dict(zip(METRICS, step.metrics.tolist(), strict=True))
    arrivals = int(values["arrivals"])
    return IntervalRow(
        index=index,
        start_s=index * interval_s,
        interval_s=interval_s,
        decision=actions.decode(step.action),
        outcome=interval_outcome(
            arrivals, step.latency_s, step.stage_s, step.stage_counts, sla_s=actions.pipeline.sla_s
        ),
        forecast_rps=values["forecast_rps"],
        load_max_rps=values["load_max_rps"],
        load_mean_rps=arrivals / interval_s,
        accuracy=values["accuracy"],
        pas=values["pas"],
        cost_cores=values["cost_cores"],
        terms=RewardTerms(*(values[f"reward_{name}"] for name in TERMS)),
        overdue_at_end=int(values["overdue_at_end"]),
    )


def interval_info(metrics: Sequence[float]) -> dict[str, Any]:  # Any: numbers, and the dict of reward terms
    """Gymnasium's ``info`` of a step: the interval's metrics under flat keys, NaN latencies where nothing completed.

    Args:
        metrics: one number for each of `METRICS`.
    """
    info: dict[str, Any] = dict(zip(INFO, metrics, strict=False))
    for name in COUNTS:
        info[name] = int(info[name])
    info["reward_terms"] = dict(zip(TERMS, metrics[len(INFO) :], strict=False))
    return info
