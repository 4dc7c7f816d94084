"""What decisions do to replicas, cost and serving, against tables worked by hand."""

from __future__ import annotations

import numpy as np

from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline, started, step

ONE = pipeline((FAST, SLOW))


def test_new_replicas_join_after_their_startup() -> None:
    simulator = started(ONE, choose((0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 2)), 0.0, 0.0, 0.0, 0.0, 0.0)
    records = simulator.records()  # one replica until 3.0, then two
    assert records.start_s[0].tolist() == [0.0, 1.0, 2.0, 3.0, 3.0]
    assert outcome.serving_replica_s.tolist() == [17.0]  # 10 + 7
    assert outcome.core_seconds == 20.0  # starting replicas cost


def test_startup_zero_holds_at_once() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=0.0)
    outcome = step(simulator, choose((1, 1, 2)), 0.0, 0.0)
    assert simulator.records().end_s[0].tolist() == [2.0, 2.0]  # two slow ones
    assert (outcome.switch_s[0], outcome.variant_before[0], outcome.variant[0]) == (0.0, 0, 1)
    assert outcome.core_seconds == 40.0


def test_old_variant_serves_until_all_new_replicas_are_ready() -> None:
    simulator = started(ONE, choose((0, 1, 1)))
    outcome = step(simulator, choose((1, 1, 2)), 3.5, 4.0, 4.0)
    records = simulator.records()  # fast 3.5..4.5 ends its batch while leaving; at 4.0 the slow ones take over
    assert records.end_s[0].tolist() == [4.5, 6.0, 6.0]
    assert outcome.switch_s[0] == 4.0
    assert outcome.core_seconds == 1 * 4.5 + 2 * 2 * 10
    assert outcome.serving_replica_s[0] == 4.5 + 2 * 6


def test_startup_longer_than_the_interval_continues_under_the_same_decision() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)  # slow: 16 s
    first = step(simulator, choose((1, 1, 2)))
    second = step(simulator, choose((1, 1, 2)))
    assert (first.starting[0], first.serving[0], first.variant[0]) == (2, 1, 0)
    assert (second.starting[0], second.serving[0], second.switch_s[0]) == (0, 2, 16.0)


def test_returning_to_the_serving_variant_cancels_the_others() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)
    assert step(simulator, choose((1, 1, 2))).core_seconds == 50.0
    outcome = step(simulator, choose((0, 1, 1)))
    assert (outcome.core_seconds, outcome.starting[0], outcome.variant[0]) == (10.0, 0, 0)


def test_raising_a_switch_under_way_keeps_the_time_of_those_starting() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)
    step(simulator, choose((1, 1, 1)))  # ready at 16
    waiting = step(simulator, choose((1, 1, 2)))  # the second is ready at 26: the first waits for it
    done = step(simulator, choose((1, 1, 2)))
    assert (waiting.starting[0], waiting.variant[0]) == (2, 0)
    assert (done.switch_s[0], done.serving[0]) == (26.0, 2)


def test_lowering_a_switch_to_those_that_are_ready_switches_at_the_decision() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)
    step(simulator, choose((1, 1, 1)))
    step(simulator, choose((1, 1, 2)))
    outcome = step(simulator, choose((1, 1, 1)))
    assert (outcome.switch_s[0], outcome.serving[0], outcome.core_seconds) == (20.0, 1, 20.0)


def test_third_variant_cancels_a_switch_under_way() -> None:
    three = pipeline((FAST, SLOW, FAST))
    simulator = started(three, choose((0, 1, 1)), startup_scale=4.0)
    step(simulator, choose((1, 1, 2)))
    outcome = step(simulator, choose((2, 1, 3)))  # fast again: ready at 10 + 12
    assert (outcome.starting[0], outcome.variant[0], outcome.core_seconds) == (3, 0, 40.0)
    assert step(simulator, choose((2, 1, 3))).switch_s[0] == 22.0


def test_starting_replicas_are_cancelled_before_serving_ones_leave() -> None:
    simulator = started(ONE, choose((0, 1, 2)), startup_scale=4.0)
    step(simulator, choose((0, 1, 4)))
    outcome = step(simulator, choose((0, 1, 3)))  # 2 serve, 1 of 2 starting is left and ready at 12
    assert (outcome.serving[0], outcome.starting[0], outcome.core_seconds) == (3, 0, 30.0)


def test_latest_start_is_cancelled_first() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=7.0)  # fast: 21 s
    step(simulator, choose((0, 1, 2)))  # ready at 21
    step(simulator, choose((0, 1, 3)))  # ready at 31
    assert step(simulator, choose((0, 1, 2))).serving[0] == 2  # that of 21 stayed


def test_idle_replicas_leave_before_busy_ones() -> None:
    simulator = started(ONE, choose((0, 1, 2)))
    step(simulator, choose((0, 1, 2)), 9.5)
    outcome = step(simulator, choose((0, 1, 1)))
    assert (outcome.leaving[0], outcome.serving[0], outcome.core_seconds) == (0, 1, 10.0)


def test_removed_replica_finishes_its_batch() -> None:
    simulator = started(ONE, choose((0, 1, 2)))
    step(simulator, choose((0, 1, 2)), 9.25, 9.5, 9.75)
    outcome = step(simulator, choose((0, 1, 1)))  # ends 10.25 and 10.5: the later one leaves
    assert outcome.latency_s.tolist() == [1.0, 1.0, 1.5]  # the third starts at 10.25 on the one that stays
    assert outcome.core_seconds == 10.5
    assert outcome.serving_replica_s[0] == 10.5


def test_leaving_replicas_do_not_come_back() -> None:
    simulator = started(ONE, choose((0, 1, 2)), service_scale=20.0)
    step(simulator, choose((0, 1, 2)), 0.0, 5.0)  # busy until 20 and 25
    step(simulator, choose((0, 1, 1)))  # that of 25 leaves at 25
    outcome = step(simulator, choose((0, 1, 2)))  # a new one starts at 20, ready at 23
    assert (outcome.serving[0], outcome.leaving[0]) == (2, 0)
    assert outcome.core_seconds == 10 + 10 + 5
    assert outcome.serving_replica_s[0] == 10 + 7 + 5


def test_decision_precedes_what_else_happens_at_its_instant() -> None:
    simulator = started(ONE, choose((0, 1, 2)))
    step(simulator, choose((0, 1, 2)), 9.0, 9.5)  # ends at 10.0 and 10.5; at the decision both are busy
    outcome = step(simulator, choose((0, 1, 1)))
    assert outcome.core_seconds == 10.5  # the one that ends at 10.5 leaves, not the one that ends now


def test_repeating_the_decision_changes_nothing() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)
    step(simulator, choose((0, 1, 3)))
    outcome = step(simulator, choose((0, 1, 3)))  # still ready at 12, not later
    assert outcome.serving_replica_s[0] == 10 + 2 * 8
    assert np.isnan(outcome.switch_s[0])
