"""Finer rules of docs/model.md, one small table each: what is an event, which replica, which slot, in which order.

The random comparisons meet these rules too; here each stands alone, worked by hand. `mutations.py` breaks them.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from ipa_gym.pipeline import Variant
from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline, started, step

ONE = pipeline((FAST, SLOW))


# --- when batches form ---


def test_timeout_runs_from_the_head_not_from_the_newest_request() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 4, 1)))
    step(simulator, choose((0, 4, 1)), 0.0, 0.25)
    assert simulator.records().start_s[0].tolist() == [0.5, 0.5]


def test_overdue_request_behind_a_younger_head_counts_towards_the_batch() -> None:
    pairs_take_long = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 5.0, 5.0))
    decision = choose((0, 2, 2), (0, 2, 1))
    simulator = started(pipeline((pairs_take_long,), (FAST,), drop_s=4.5), decision)
    outcome = step(simulator, decision, 0.0, 0.0, 3.25)
    # stage 0: the pair 0..5, the third 3.75..4.75; at 5 the third, not due before 5.25, is joined by the overdue pair
    records = simulator.records()
    assert records.start_s[1, 2] == 5.0
    assert (records.end_s[1, 2], records.left_s.tolist()) == (6.0, [5.0, 5.0, 6.0])
    assert outcome.dropped_at.tolist() == [0, 2]


def test_batch_size_holds_at_once_though_its_variant_is_still_starting() -> None:
    simulator = started(ONE, choose((0, 1, 1)))
    step(simulator, choose((1, 4, 1)), 0.0, 0.0)  # slow is ready at 4
    assert simulator.records().start_s[0].tolist() == [0.5, 0.5]
    assert simulator.records().end_s[0].tolist() == [2.0, 2.0]  # a pair on the fast one


# --- what is an event for a head that has grown too old ---


@pytest.mark.parametrize("batch", [2, 4])  # the second fills the batch, or does not
def test_overdue_head_stays_until_a_request_enters_or_its_timeout(batch: int) -> None:
    simulator = started(pipeline((FAST,), drop_s=2.0, timeout_s=5.0), choose((0, batch, 1)))
    step(simulator, choose((0, batch, 1)), 0.0, 3.0)  # too old after 2.0 and 5.0; the second enters at 3, is due at 8
    assert simulator.records().left_s.tolist() == [3.0, 8.0]


def test_age_counts_from_the_arrival_in_a_later_stage_too() -> None:
    takes_two = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (2.0, 2.0, 2.0))
    decision = choose((0, 1, 2), (0, 1, 1))
    simulator = started(pipeline((FAST,), (takes_two,), drop_s=2.0), decision)
    step(simulator, decision, 0.0, 0.0, 5.0)  # two enter stage 1 at 1; it is free at 3: 2 s in its queue, 3 s old
    records = simulator.records()
    assert (records.left_s.tolist(), records.fate.tolist()) == ([3.0, 3.0, 8.0], [1, 2, 1])
    assert records.batch[1].tolist() == [0, -1, 1]  # no batch started for the one that was dropped


def test_overdue_head_stays_when_a_leaving_replica_ends_its_batch() -> None:
    simulator = started(pipeline((FAST,), drop_s=0.25, timeout_s=2.0), choose((0, 2, 2)))
    step(simulator, choose((0, 2, 2)), 9.0, 9.0, 9.5, 9.5)  # two pairs, until 10.5 and 11.0
    outcome = step(simulator, choose((0, 2, 1)), 10.625)  # that of 11.0 leaves
    assert outcome.serving_replica_s.tolist() == [11.0]
    assert simulator.records().left_s[4] == 12.625  # due at 10.625 + 2, overdue since 10.875


def test_overdue_head_is_dropped_when_a_replica_is_ready_though_the_switch_waits_for_others() -> None:
    simulator = started(pipeline((FAST, SLOW), drop_s=0.5, timeout_s=5.0), choose((0, 2, 1)), startup_scale=4.0)
    step(simulator, choose((1, 2, 1)))  # slow: ready at 16
    outcome = step(simulator, choose((1, 2, 2)), 15.0)  # the second at 26
    assert (outcome.starting[0], math.isnan(outcome.switch_s[0])) == (2, True)
    assert simulator.records().left_s.tolist() == [16.0]


# --- which replica, which slot, in which order ---


def test_replica_whose_batch_ends_at_the_instant_is_free_for_it() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 2)))
    step(simulator, choose((0, 1, 2)), 0.0, 1.0)
    assert simulator.records().replica[0].tolist() == [0, 0]


def test_batches_that_end_together_hand_on_in_order_of_start_whatever_their_slots() -> None:
    pairs_take_two = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 2.0, 2.0))
    decision = choose((0, 2, 2), (0, 1, 1))
    simulator = started(pipeline((pairs_take_two,), (FAST,), timeout_s=0.0), decision)
    step(simulator, decision, 0.0, 0.5, 0.5, 1.5)  # slot 0: 0..1, then the last 1.5..2.5; slot 1: the pair 0.5..2.5
    records = simulator.records()
    assert records.replica[0].tolist() == [0, 1, 1, 0]
    assert records.start_s[1].tolist() == [1.0, 2.5, 3.5, 4.5]


def test_batches_end_in_the_order_of_their_ends_however_they_started() -> None:
    decision = choose((0, 4, 4), (0, 1, 10))
    simulator = started(pipeline((FAST,), (FAST,), timeout_s=0.0), decision)
    step(simulator, decision, 0.0, *[0.25] * 4, 0.5, *[0.75] * 4)  # ends 1.0, 2.75 (four), 1.5, 3.25 (four)
    assert simulator.records().start_s[1].tolist() == [1.0, *[2.75] * 4, 1.5, *[3.25] * 4]


def test_those_who_wait_keep_their_order_across_a_decision() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    step(simulator, choose((0, 1, 1)), 9.0, 9.25, 9.5, 9.75)
    step(simulator, choose((0, 1, 1)))
    assert simulator.records().start_s[0].tolist() == [9.0, 10.0, 11.0, 12.0]


def test_idle_replica_in_the_highest_slot_leaves_first() -> None:
    simulator = started(ONE, choose((0, 1, 3)))
    step(simulator, choose((0, 1, 2)))
    assert simulator.records().replicas[0].gone_s.tolist() == pytest.approx([math.nan, math.nan, 0.0], nan_ok=True)


def test_of_starts_ready_together_the_one_in_the_highest_slot_is_cancelled() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)  # fast: 12 s
    step(simulator, choose((0, 1, 3)))
    step(simulator, choose((0, 1, 2)))
    assert simulator.records().replicas[0].gone_s.tolist() == pytest.approx([math.nan, math.nan, 10.0], nan_ok=True)


def test_new_replica_takes_the_lowest_empty_slot() -> None:
    simulator = started(pipeline((FAST,), timeout_s=0.0), choose((0, 2, 3)))
    step(simulator, choose((0, 2, 3)), 9.0, 9.25, 9.25, 9.5)  # ends 10.0, 10.75 (a pair), 10.5
    step(simulator, choose((0, 2, 2)))  # slot 1 ends last: it leaves
    step(simulator, choose((0, 2, 3)))
    assert simulator.records().replicas[0].slot.tolist() == [0, 1, 2, 1]


def test_decision_for_another_variant_cancels_starts_of_the_serving_one() -> None:
    simulator = started(ONE, choose((0, 1, 1)), startup_scale=4.0)  # fast: 12 s, slow: 16 s
    step(simulator, choose((0, 1, 3)))
    outcome = step(simulator, choose((1, 1, 1)))
    assert (outcome.serving[0], outcome.starting[0], outcome.core_seconds) == (1, 1, 30.0)
    assert simulator.records().replicas[0].gone_s[1:3].tolist() == [10.0, 10.0]


# --- what an interval reports ---


def test_sojourn_counts_from_the_entry_into_the_stage() -> None:
    simulator = started(pipeline((FAST,), (FAST,)), choose((0, 1, 1), (0, 1, 1)))
    assert step(simulator, choose((0, 1, 1), (0, 1, 1)), 0.0).sojourn_p99_s.tolist() == [1.0, 1.0]


def test_dropped_requests_are_violations() -> None:
    simulator = started(pipeline((FAST,), drop_s=1.5), choose((0, 1, 1)))
    outcome = step(simulator, choose((0, 1, 1)), 0.0, 0.0, 0.0)  # served at 0 and 1, dropped at 2; SLA: 4 s
    assert (outcome.completed, outcome.dropped, outcome.violations) == (2, 1, 1)


def test_leaving_replica_costs_the_whole_interval_while_its_batch_goes_on() -> None:
    simulator = started(ONE, choose((0, 1, 2)), service_scale=20.0)
    step(simulator, choose((0, 1, 2)), 0.0, 5.0)  # busy until 20 and 25
    outcome = step(simulator, choose((0, 1, 1)))
    assert (outcome.serving[0], outcome.leaving[0], outcome.core_seconds) == (1, 1, 20.0)


def test_idle_replica_costs_until_the_switch_that_ends_it() -> None:
    outcome = step(started(ONE, choose((0, 1, 1))), choose((1, 1, 1)))  # slow: 2 cores from 0 on, serves from 4 on
    assert outcome.core_seconds == 1 * 4.0 + 2 * 10.0
    assert outcome.serving_replica_s.tolist() == [10.0]


def test_request_in_service_does_not_count_as_waiting() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    assert step(simulator, choose((0, 1, 1)), 9.5, 9.5, 9.5).queue_requests.tolist() == [2]


# --- noise ---


def noise_factors(batch: int, *, n_stages: int = 1) -> np.ndarray:
    """(stage, request) service over l(k) of eight requests; those that share a batch arrive together."""
    decision = choose(*[(0, batch, 8)] * n_stages)
    simulator = started(pipeline(*[(FAST,)] * n_stages, timeout_s=0.0), decision, service_cv=0.5, interval_s=100.0)
    step(simulator, decision, *(float(request // batch) for request in range(8)))
    records = simulator.records()
    assert records.batch[0].tolist() == [request // batch for request in range(8)]
    return (records.end_s - records.start_s) / {1: 1.0, 2: 1.5, 4: 2.5}[batch]


@pytest.mark.parametrize("batch", [2, 4])
def test_noise_of_a_batch_is_that_of_its_first_request_served_alone(batch: int) -> None:
    alone, shared = noise_factors(1)[0], noise_factors(batch)[0]
    assert len(set(alone.tolist())) == 8
    assert shared == pytest.approx(np.repeat(alone[::batch], batch), rel=1e-12)


def test_noise_differs_from_stage_to_stage() -> None:
    first, second = noise_factors(1, n_stages=2)
    assert (abs(first / second - 1.0) > 1e-3).all()


# --- the clock and saved states ---


def test_intervals_end_at_a_product_not_at_a_sum() -> None:
    tenth = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (0.1, 0.1, 0.1))
    simulator = started(pipeline((tenth,)), choose((0, 1, 1)), interval_s=0.1)
    for _ in range(5):
        step(simulator, choose((0, 1, 1)))
    # the sixth interval ends at 6 * 0.1 = 0.6000000000000001, a batch of 0.5 at 0.5 + 0.1 = 0.6
    assert step(simulator, choose((0, 1, 1)), 0.5).completed == 1
    assert simulator.records().end_s[0, 0] < simulator.clock_s


def test_saved_state_and_its_records_stay_when_the_simulator_goes_on() -> None:
    decision = choose((0, 1, 1))
    simulator = started(pipeline((FAST,)), decision)
    step(simulator, decision, 9.5, 9.75)  # 9.5 to 10.5, the other waits
    saved = simulator.get_state()
    step(simulator, decision)
    step(simulator, decision, 21.0)
    simulator.set_state(saved)
    assert simulator.records().start_s[0].tolist() == pytest.approx([9.5, math.nan], nan_ok=True)
    assert step(simulator, decision, 19.25).latency_s.tolist() == [1.0, 1.75]
    assert simulator.records().start_s[0].tolist() == [9.5, 10.5, 19.25]
