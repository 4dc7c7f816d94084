"""Little's law, L = rate x W, on every stage of every card, while decisions change everything every ten seconds.

Beside its two sides, both from records, stands what the simulator counts on its own, without records: who waits at
each interval's end, and busy replica-seconds.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.queueing.littles_law import (
    CARDS,
    HORIZON_S,
    INTERVAL_S,
    INTERVALS,
    STAGES,
    episode,
    mean_number,
    rate_times_time,
)


@pytest.mark.parametrize(("card", "stage"), STAGES)
def test_number_inside_a_stage_is_rate_times_sojourn(card: str, stage: int) -> None:
    run = episode(card)
    enter_s, leave_s = run.records.enqueue_s[stage], run.leave_s(stage)
    number = mean_number(enter_s, leave_s)
    assert number > 1.0
    assert rate_times_time(enter_s, leave_s) == pytest.approx(number, rel=1e-9)


@pytest.mark.parametrize(("card", "stage"), STAGES)
def test_number_waiting_in_a_stage_is_rate_times_wait(card: str, stage: int) -> None:
    run = episode(card)
    enter_s, leave_s = run.records.enqueue_s[stage], run.leave_queue_s(stage)
    number = mean_number(enter_s, leave_s)
    assert number > 0.5
    assert rate_times_time(enter_s, leave_s) == pytest.approx(number, rel=1e-9)


@pytest.mark.parametrize(("card", "stage"), STAGES)
def test_number_of_busy_replicas_is_batch_rate_times_service_and_what_the_simulator_reports(
    card: str, stage: int
) -> None:
    run = episode(card)
    _, first = np.unique(run.records.batch[stage], return_index=True)
    first = first[run.records.batch[stage][first] >= 0]
    start_s, end_s = run.records.start_s[stage][first], run.records.end_s[stage][first]
    number = mean_number(start_s, np.where(end_s < HORIZON_S, end_s, np.nan))
    busy_replica_s = sum(float(outcome.busy_replica_s[stage]) for outcome in run.outcomes)
    assert rate_times_time(start_s, np.minimum(np.nan_to_num(end_s, nan=HORIZON_S), HORIZON_S)) == pytest.approx(number)
    assert busy_replica_s / HORIZON_S == pytest.approx(number, rel=1e-9)


@pytest.mark.parametrize(("card", "stage"), STAGES)
def test_step_function_of_those_who_wait_passes_through_what_each_interval_reports(card: str, stage: int) -> None:
    run = episode(card)
    end_s = INTERVAL_S * np.arange(1, INTERVALS + 1)  # what falls on the end itself belongs to the next interval
    entered = np.searchsorted(np.sort(run.records.enqueue_s[stage]), end_s, side="left")
    left = np.searchsorted(np.sort(run.leave_queue_s(stage)), end_s, side="left")
    reported = np.array([outcome.queue_requests[stage] for outcome in run.outcomes])
    assert (reported > 0).sum() > 10
    np.testing.assert_array_equal(entered - left, reported)


@pytest.mark.parametrize("card", CARDS)
def test_number_in_the_whole_pipeline_is_rate_times_latency_and_the_sum_of_its_stages(card: str) -> None:
    run = episode(card)
    number = mean_number(run.records.arrival_s, run.records.left_s)
    stages = [mean_number(run.records.enqueue_s[s], run.leave_s(s)) for s in range(len(run.records.enqueue_s))]
    assert rate_times_time(run.records.arrival_s, run.records.left_s) == pytest.approx(number, rel=1e-9)
    assert sum(stages) == pytest.approx(number, rel=1e-9)


def test_the_episodes_have_drops_full_batches_and_requests_left_inside() -> None:
    fates = np.concatenate([episode(card).records.fate for card in CARDS])
    largest = max(int(np.bincount(row[row >= 0]).max()) for c in CARDS for row in episode(c).records.batch)
    assert (np.bincount(fates, minlength=3) > 50).all()
    assert largest >= 8


def test_mean_number_by_hand() -> None:
    """One from 0 to the middle, one from the middle on: one is present at any time."""
    enter_s, leave_s = np.array([0.0, HORIZON_S / 2]), np.array([HORIZON_S / 2, np.nan])
    assert mean_number(enter_s, leave_s) == pytest.approx(1.0)
    assert rate_times_time(enter_s, leave_s) == pytest.approx(1.0)
