"""The short way through a stage (`queueing/singles.py`), which runs that do not record take, worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing import IntervalOutcome, Simulator
from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline


def played(
    what: Pipeline, initial: Configuration, *intervals: tuple[Configuration, Sequence[float]], **options: float
) -> list[IntervalOutcome]:
    """The outcomes of a run that does not record."""
    simulator = Simulator(what, **options)  # type: ignore[arg-type]  # numbers only
    simulator.reset(initial, seed=1)
    return [simulator.step(decision, np.array(arrivals, dtype=np.float64)) for decision, arrivals in intervals]


ONE, TWO = choose((0, 1, 1)), choose((0, 1, 2))


def test_request_waits_for_the_replica_that_is_free_first() -> None:
    (outcome,) = played(pipeline((FAST,)), TWO, (TWO, [0.0, 0.25, 0.5, 0.5]))
    assert outcome.latency_s.tolist() == [1.0, 1.0, 1.5, 1.75]  # starts 0, 0.25, 1, 1.25
    assert outcome.busy_replica_s.tolist() == [4.0]


def test_request_at_the_drop_limit_is_served_and_an_older_one_dropped() -> None:
    (outcome,) = played(pipeline((FAST,), drop_s=1.0), ONE, (ONE, [0.0, 0.0, 0.875, 1.0]))
    assert (outcome.latency_s.tolist(), outcome.dropped) == (
        [1.0, 2.0, 2.0],
        1,
    )  # starts 0, 1, 2; 0.875 is too old at 2


def test_batch_that_ends_with_the_interval_completes_in_the_next() -> None:
    first, second = played(pipeline((FAST,)), ONE, (ONE, [9.0, 9.0, 9.5]), (ONE, []))
    assert (first.completed, first.queue_requests.tolist()) == (0, [2])
    assert second.latency_s.tolist() == [1.0, 2.0, 2.5]


def test_requests_in_service_around_a_dropped_one_keep_their_own_times() -> None:
    first, second = played(pipeline((FAST,), drop_s=0.75), TWO, (TWO, [8.5, 8.75, 8.8125, 8.9375, 9.25]), (TWO, []))
    assert (first.latency_s.tolist(), first.dropped) == ([1.0, 1.0], 1)  # the fourth is too old at 9.75
    assert second.latency_s.tolist() == [1.6875, 1.5]  # 9.5 to 10.5 and 9.75 to 10.75


def test_batch_of_another_size_ends_after_later_ones() -> None:
    four = choose((0, 4, 2))
    first, second = played(pipeline((FAST,)), four, (four, [9.0] * 4), (TWO, [10.0, 10.25, 10.5]))
    assert first.completed == 0  # four in 2.5 s, until 11.5
    assert second.latency_s.tolist() == [1.0, 2.5, 2.5, 2.5, 2.5, 1.75, 2.0]  # the other: 10 to 11 to 12; then 11.5


def test_leaving_replica_ends_its_batch_and_serves_no_more() -> None:
    first, second = played(pipeline((SLOW,)), choose((0, 1, 2)), (choose((0, 1, 2)), [8.5, 9.5]), (ONE, [10.0, 10.0]))
    assert first.completed == 0
    assert second.latency_s.tolist() == [2.0, 2.0, 2.5, 4.5]  # 8.5-10.5, 9.5-11.5 (leaves), 10.5-12.5, 12.5-14.5
