"""Queue, batches, drops and hand-over between stages, against tables worked by hand."""

from __future__ import annotations

import numpy as np

from ipa_gym.pipeline import Variant
from tests.queueing.small_pipelines import FAST, choose, pipeline, started, step


def test_requests_are_served_in_order_by_the_lowest_free_replica() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 2)))
    outcome = step(simulator, choose((0, 1, 2)), 0.0, 0.25, 0.5, 3.0)
    records = simulator.records()
    assert records.start_s[0].tolist() == [0.0, 0.25, 1.0, 3.0]
    assert records.end_s[0].tolist() == [1.0, 1.25, 2.0, 4.0]
    assert records.replica[0].tolist() == [0, 1, 0, 0]
    assert outcome.latency_s.tolist() == [1.0, 1.0, 1.5, 1.0]
    assert outcome.busy_replica_s.tolist() == [4.0]


def test_batch_starts_when_full_or_when_its_head_has_waited_the_timeout() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 2, 2)))
    step(simulator, choose((0, 2, 2)), 0.0, 0.25, 1.0, 6.0, 6.5)
    records = simulator.records()  # full at 0.25; alone at 1.0 + 0.5; timeout and entry at 6.5 meet: both join
    assert records.start_s[0].tolist() == [0.25, 0.25, 1.5, 6.5, 6.5]
    assert records.end_s[0].tolist() == [1.75, 1.75, 2.5, 8.0, 8.0]
    assert records.batch[0].tolist() == [0, 0, 1, 2, 2]


def test_partial_batch_takes_the_interpolated_latency() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 4, 1)))
    outcome = step(simulator, choose((0, 4, 1)), 0.0, 0.0, 0.0)
    assert outcome.latency_s.tolist() == [2.5, 2.5, 2.5]  # 0.5 s timeout + l(3) = 2.0 s


def test_timeout_zero_never_waits_for_a_batch_to_fill() -> None:
    simulator = started(pipeline((FAST,), timeout_s=0.0), choose((0, 4, 1)))
    step(simulator, choose((0, 4, 1)), 0.0, 0.25, 0.5)
    assert simulator.records().start_s[0].tolist() == [0.0, 1.0, 1.0]


def test_simultaneous_arrivals_share_a_batch() -> None:
    simulator = started(pipeline((FAST,), timeout_s=0.0), choose((0, 4, 1)))
    step(simulator, choose((0, 4, 1)), 1.0, 1.0)
    assert simulator.records().batch[0].tolist() == [0, 0]


def test_batches_that_end_together_hand_on_in_order_of_start() -> None:
    long_then_short = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 2.0, 2.0))
    what = pipeline((long_then_short,), (FAST,), timeout_s=1.0)
    simulator = started(what, choose((0, 2, 2), (0, 1, 1)))
    step(simulator, choose((0, 2, 2), (0, 1, 1)), 0.0, 0.0, 0.0)  # pair [0, 2), single [1, 2): both end at 2
    records = simulator.records()
    assert records.end_s[0].tolist() == [2.0, 2.0, 2.0]
    assert records.start_s[1].tolist() == [2.0, 3.0, 4.0]


def test_head_is_dropped_only_when_older_than_the_limit() -> None:
    simulator = started(pipeline((FAST,), drop_s=2.0), choose((0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 1)), 0.0, 0.0, 0.0, 0.0, 5.0)
    records = simulator.records()  # the third starts at age 2.0 exactly; the fourth is looked at when 3.0 old
    assert records.fate.tolist() == [1, 1, 1, 2, 1]
    assert records.left_s.tolist() == [1.0, 2.0, 3.0, 3.0, 6.0]
    assert (outcome.dropped, outcome.dropped_at.tolist()) == (1, [1])


def test_overdue_request_behind_a_younger_head_is_dropped_while_the_batch_is_read() -> None:
    pairs_take_long = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 5.0, 5.0))
    constant = Variant("w", 50.0, 1.0, 0.0, (1, 2, 4), (4.0, 4.0, 4.0))
    decision = choose((0, 2, 2), (0, 2, 1))
    simulator = started(pipeline((pairs_take_long,), (constant,), drop_s=6.0), decision)
    outcome = step(simulator, decision, 0.0, 0.0, 1.0, 3.0)
    # stage 0: the pair 0..5, the third 1.5..2.5, the fourth 3.5..4.5; stage 1: the third 3..7;
    # at 7 the fourth (4 s old) heads the queue, the pair (7 s old) lies behind it
    records = simulator.records()
    assert records.start_s[1, 2:].tolist() == [3.0, 7.0]
    assert records.fate.tolist() == [2, 2, 1, 0]
    assert records.left_s[:2].tolist() == [7.0, 7.0]
    assert outcome.dropped_at.tolist() == [0, 2]
    assert step(simulator, decision).latency_s.tolist() == [8.0]


def test_latency_equal_to_the_sla_is_no_violation() -> None:
    simulator = started(pipeline((FAST,), sla_s=2.0), choose((0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 1)), 0.0, 0.0, 0.0)  # latencies 1, 2, 3
    assert outcome.violations == 1


def test_end_at_the_boundary_belongs_to_the_next_interval() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    assert step(simulator, choose((0, 1, 1)), 9.0).completed == 0
    assert step(simulator, choose((0, 1, 1))).latency_s.tolist() == [1.0]


def test_batch_in_service_carries_over_exactly() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    first, second = step(simulator, choose((0, 1, 1)), 9.25), step(simulator, choose((0, 1, 1)))
    assert (first.busy_replica_s[0], second.busy_replica_s[0]) == (0.75, 0.25)
    assert second.latency_s.tolist() == [1.0]


def test_smaller_batch_size_starts_waiting_requests_at_the_decision() -> None:
    simulator = started(pipeline((FAST,), timeout_s=100.0), choose((0, 4, 1)))
    step(simulator, choose((0, 4, 1)), 1.0)
    step(simulator, choose((0, 1, 1)))
    assert simulator.records().start_s[0].tolist() == [10.0]


def test_interval_without_requests_costs_and_reports_nothing_else() -> None:
    simulator = started(pipeline((FAST,), (FAST,)), choose((0, 1, 2), (0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 2), (0, 1, 1)))
    assert (outcome.arrivals, outcome.completed, outcome.violations, len(outcome.latency_s)) == (0, 0, 0, 0)
    assert outcome.core_seconds == 30.0
    assert outcome.serving_replica_s.tolist() == [20.0, 10.0]
    assert np.isnan(outcome.sojourn_p99_s).all()


def test_sojourn_p99_is_linear_between_order_statistics() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 1)), 0.0, 0.0, 0.0)  # sojourns 1, 2, 3: rank 1.98
    assert abs(outcome.sojourn_p99_s[0] - 2.98) < 1e-12


def test_requests_older_than_the_sla_inside_are_counted_at_the_clock() -> None:
    simulator = started(pipeline((FAST,), sla_s=4.0), choose((0, 1, 1)), service_scale=20.0)
    step(simulator, choose((0, 1, 1)), 1.0, 5.0, 6.0, 7.0)  # ages at 10: 9 in service, 5, 4 (not older), 3
    assert simulator.overdue_inside() == 2
