"""An interval's row and its ``info``, worked by hand."""

import numpy as np

from ipa_gym.episode import IntervalRow, interval_info
from ipa_gym.pipeline import Configuration
from ipa_gym.queueing.simulator import IntervalOutcome
from ipa_gym.reward import RewardTerms
from tests.conftest import make_outcome


def row(outcome: IntervalOutcome, *, overdue: int = 0) -> IntervalRow:
    terms = RewardTerms(accuracy=3.0, cost=-1.0, batch=-0.25, violations=-0.5)
    return IntervalRow(4, 40.0, 10.0, Configuration(()), outcome, 9.0, 8.0, 7.0, 0.6, 0.4, 12.0, terms, overdue)


def test_info_holds_the_intervals_metrics() -> None:
    latency_s = np.arange(101.0)[::-1].copy()  # 0 to 100 s, so a percentile is its own value
    outcome = make_outcome(
        arrivals=7, completed=101, dropped=2, violations=5, latency_s=latency_s, queue_requests=[3, 4]
    )
    info = interval_info(row(outcome))
    assert (info["arrivals"], info["completed"], info["dropped"], info["violations"]) == (7, 101, 2, 5)
    assert (info["latency_mean_s"], info["latency_p50_s"], info["latency_p95_s"], info["latency_p99_s"]) == (
        50.0,
        50.0,
        95.0,
        99.0,
    )
    assert (info["time_s"], info["pas"], info["accuracy"], info["cost_cores"]) == (50.0, 0.4, 0.6, 12.0)
    assert info["queue_requests"] == 7
    assert info["reward_terms"] == {"accuracy": 3.0, "cost": -1.0, "batch": -0.25, "violations": -0.5}


def test_latencies_are_nan_where_nothing_completed() -> None:
    info = interval_info(row(make_outcome()))
    assert all(np.isnan(info[f"latency_{name}_s"]) for name in ("mean", "p50", "p95", "p99"))


def test_requests_overdue_at_the_windows_end_are_violations() -> None:
    assert row(make_outcome(violations=5), overdue=3).violations == 8
    assert row(make_outcome(violations=5)).reward == 1.25
