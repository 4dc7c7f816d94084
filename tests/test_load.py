"""An episode's load: history, future and arrivals fit together, second by second."""

import numpy as np

from ipa_gym.load import EpisodeLoad, draw_load
from ipa_gym.workload.trace import Trace

COUNTS = np.arange(1, 401)  # second k has k + 1 requests
TRACE = Trace("ramp", COUNTS)


def test_history_is_the_trace_before_the_window_then_what_arrived() -> None:
    load = draw_load(TRACE, [(200, 300)], seed=3, kind="exact")
    assert load.history_rps(0).tolist() == list(range(81, 201))
    assert load.history_rps(10).tolist() == list(range(91, 211))
    assert load.history_maxima(10).tolist() == [100.0 + 10 * i for i in range(12)]


def test_history_without_past_repeats_the_first_second() -> None:
    load = draw_load(TRACE, [(0, 100)], seed=3, kind="exact")
    assert load.history_rps(0).tolist() == [1.0] * 120


def test_future_reaches_beyond_the_window_and_ends_with_the_trace() -> None:
    load = draw_load(TRACE, [(200, 300)], seed=3, kind="exact")
    assert load.future_rps(100).tolist() == list(range(301, 321))
    assert draw_load(TRACE, [(300, 400)], seed=3, kind="exact").future_rps(100).size == 0


def test_joined_windows_play_one_after_another() -> None:
    load = draw_load(TRACE, [(10, 12), (50, 52)], seed=3, kind="exact")
    assert load.counts.tolist() == [11, 12, 51, 52]
    assert load.arrival_s.size == 11 + 12 + 51 + 52
    assert load.history_rps(0)[-1] == 10


def test_arrivals_between_is_half_open_and_loses_nothing() -> None:
    load = draw_load(TRACE, [(100, 160)], seed=5, kind="even")
    pieces = [load.arrivals_between(start, start + 10.0) for start in range(0, 60, 10)]
    assert np.concatenate(pieces).tolist() == load.arrival_s.tolist()
    assert all(
        start <= piece[0] and piece[-1] < start + 10 for start, piece in zip(range(0, 60, 10), pieces, strict=True)
    )


def test_what_a_monitor_sees_is_what_arrived() -> None:
    load = draw_load(TRACE, [(100, 200)], seed=7, kind="poisson")
    seen = [int(np.sum((load.arrival_s >= k) & (load.arrival_s < k + 1))) for k in range(100)]
    assert load.history_rps(100)[-100:].tolist() == seen
    assert seen != COUNTS[100:200].tolist()  # Poisson: not the trace's own counts


def test_a_request_at_an_intervals_end_belongs_to_the_next() -> None:
    load = EpisodeLoad(((0, 20),), np.ones(20, dtype=np.int64), np.ones(140, dtype=np.int64), np.array([9.5, 10.0]))
    assert load.arrivals_between(0.0, 10.0).tolist() == [9.5]
    assert load.arrivals_between(10.0, 20.0).tolist() == [10.0]
