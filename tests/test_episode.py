"""An interval's row and its ``info``, worked by hand."""

from __future__ import annotations

import numpy as np

from ipa_gym.action import ActionLayout
from ipa_gym.episode import METRICS, IntervalRow, Step, interval_info, interval_row
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.queueing.state import Tally
from tests.conftest import toy_pipeline

VALUES = {  # all different, so that none can stand in another's place
    "time_s": 50.0, "arrivals": 107.0, "completed": 3.0, "dropped": 2.0, "violations": 6.0,
    "latency_mean_s": 0.25, "latency_p50_s": 0.5, "latency_p95_s": 0.75, "latency_p99_s": 1.25,
    "accuracy": 0.6, "pas": 0.4, "cost_cores": 12.0, "queue_requests": 9.0,
    "reward_accuracy": 3.0, "reward_cost": -1.0, "reward_batch": -0.125, "reward_violations": -0.625,
    "overdue_at_end": 8.0, "forecast_rps": 13.0, "load_max_rps": 14.0,
}  # fmt: skip


def row(**changes: float) -> IntervalRow:
    """The fifth interval of the toy pipeline; its SLA is 2 s."""
    metrics = np.array([{**VALUES, **changes}[name] for name in METRICS])
    seconds = np.arange(10.0).reshape(5, 2)
    counts = np.arange(100, 116).reshape(8, 2)
    counts[Tally._fields.index("dropped") - 5] = 0, 2
    step = Step(np.array([1, 2, 4, 0, 0, 6]), metrics, np.array([2.0, 2.5, 0.5]), seconds, counts)
    return interval_row(step, ActionLayout(toy_pipeline()), index=4, interval_s=10.0)


def test_info_holds_the_intervals_metrics() -> None:
    assert interval_info([VALUES[name] for name in METRICS]) == {
        "time_s": 50.0,
        "arrivals": 107,
        "completed": 3,
        "dropped": 2,
        "violations": 6,
        "latency_mean_s": 0.25,
        "latency_p50_s": 0.5,
        "latency_p95_s": 0.75,
        "latency_p99_s": 1.25,
        "accuracy": 0.6,
        "pas": 0.4,
        "cost_cores": 12.0,
        "queue_requests": 9,
        "reward_terms": {"accuracy": 3.0, "cost": -1.0, "batch": -0.125, "violations": -0.625},
    }


def test_counts_are_whole_numbers_and_the_rest_floats() -> None:
    info = interval_info([VALUES[name] for name in METRICS])
    whole = {name for name, value in info.items() if type(value) is int}
    assert whole == {"arrivals", "completed", "dropped", "violations", "queue_requests"}
    assert {name for name, value in info.items() if type(value) is float} == info.keys() - whole - {"reward_terms"}


def test_row_holds_the_decision_and_the_metrics() -> None:
    found = row()
    assert found.decision == Configuration((StageConfiguration(1, 4, 5), StageConfiguration(0, 1, 7)))
    assert (found.index, found.start_s, found.interval_s) == (4, 40.0, 10.0)
    assert (found.forecast_rps, found.load_max_rps, found.load_mean_rps) == (13.0, 14.0, 10.7)
    assert (found.accuracy, found.pas, found.cost_cores) == (0.6, 0.4, 12.0)
    assert found.reward == 1.25
    assert found.terms.objective == 1.875


def test_row_holds_every_number_of_the_tally_in_its_place() -> None:
    outcome = row().outcome
    assert (outcome.arrivals, outcome.completed, outcome.dropped) == (107, 3, 2)
    assert outcome.latency_s.tolist() == [2.0, 2.5, 0.5]
    assert outcome.core_seconds == 0.0 + 1.0
    assert (outcome.busy_replica_s.tolist(), outcome.serving_replica_s.tolist()) == ([2.0, 3.0], [4.0, 5.0])
    assert (outcome.sojourn_p99_s.tolist(), outcome.switch_s.tolist()) == ([6.0, 7.0], [8.0, 9.0])
    assert (outcome.dropped_at.tolist(), outcome.variant_before.tolist()) == ([0, 2], [102, 103])
    assert (outcome.variant.tolist(), outcome.batch.tolist()) == ([104, 105], [106, 107])
    assert (outcome.serving.tolist(), outcome.starting.tolist()) == ([108, 109], [110, 111])
    assert (outcome.leaving.tolist(), outcome.queue_requests.tolist()) == ([112, 113], [114, 115])


def test_late_is_later_than_the_sla() -> None:
    assert row().outcome.violations == 1 + 2  # 2.5 s, not 2.0 s itself, and the dropped


def test_requests_overdue_at_the_windows_end_are_violations() -> None:
    assert row().violations == 3 + 8
    assert row(overdue_at_end=0.0).violations == 3
