"""An episode's load: history, future and arrivals fit together, second by second."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipa_gym.env import PipelineEnv
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

COUNTS = np.arange(1, 401)  # second k has k + 1 requests
TRACE = Trace("ramp", COUNTS)
SMALLEST = np.zeros(6, dtype=np.int64)


def started(windows: list[tuple[int, int]], *, seed: int = 3, arrivals: str = "exact", **options: Any) -> PipelineEnv:
    env = PipelineEnv(toy_pipeline(), TRACE, windows=windows, arrivals=arrivals, record=True, **options)
    env.reset(seed=seed)
    return env


def seen_rps(env: PipelineEnv) -> list[int]:
    """Requests of each second that a monitor has seen or a perfect forecast may see: 120 s of history first."""
    episodes = env._fleet.episodes
    return episodes.seen[0, : episodes.n_seen[0]].tolist()


def history_maxima(env: PipelineEnv) -> list[float]:
    return env.layout.read(env._fleet.outputs.observation[0]).load_history_rps.tolist()


def played(env: PipelineEnv) -> np.ndarray:
    """Arrivals of the whole episode."""
    for _ in range(env.n_intervals):
        env.step(SMALLEST)
    return env.simulator.records().arrival_s


def test_history_is_the_trace_before_the_window_then_what_arrived() -> None:
    env = started([(200, 300)])
    assert seen_rps(env)[:120] == list(range(81, 201))
    assert history_maxima(env) == [90.0 + 10 * i for i in range(12)]
    env.step(SMALLEST)
    assert history_maxima(env) == [100.0 + 10 * i for i in range(12)]


def test_history_between_whole_seconds_ends_with_the_last_complete_one() -> None:
    env = started([(200, 300)], interval=2.5)
    env.step(SMALLEST)
    assert history_maxima(env)[-1] == 202.0  # seconds 0 and 1 of the window are over, second 2 is not


def test_history_without_past_repeats_the_first_second() -> None:
    env = started([(0, 100)])
    assert seen_rps(env)[:120] == [1] * 120
    env = started([(3, 103)])
    assert seen_rps(env)[:120] == [4] * 117 + [1, 2, 3]


def test_future_reaches_beyond_the_window_and_ends_with_the_trace() -> None:
    assert seen_rps(started([(200, 300)]))[220:] == list(range(301, 321))
    assert seen_rps(started([(295, 395)]))[220:] == [396, 397, 398, 399, 400]
    assert seen_rps(started([(300, 400)]))[220:] == []


def test_drawn_window_has_the_history_and_the_future_of_a_fixed_one() -> None:
    drawn = PipelineEnv(toy_pipeline(), TRACE, episode_s=100, arrivals="exact")
    for start in (0, 50, 295, 300):
        drawn.reset(seed=3, options={"start": start})
        fixed = started([(start, start + 100)])
        assert seen_rps(drawn) == seen_rps(fixed)
        assert drawn.expected_requests == fixed.expected_requests


def test_joined_windows_play_one_after_another() -> None:
    env = started([(10, 12), (50, 52)], interval=1.0)
    assert seen_rps(env)[119:] == [10, 11, 12, 51, 52, *range(53, 73)]
    arrival_s = played(env)
    assert np.bincount(arrival_s.astype(int)).tolist() == [11, 12, 51, 52]
    assert env.expected_requests == (11 + 12 + 51 + 52) / 4


def test_a_window_may_come_twice_with_other_arrivals() -> None:
    arrival_s = played(started([(10, 20), (10, 20)]))
    once, again = arrival_s[arrival_s < 10], arrival_s[arrival_s >= 10] - 10
    assert len(once) == len(again) == sum(range(11, 21))
    assert not np.isin(once.round(9), again.round(9)).any()


def test_what_a_monitor_sees_is_what_arrived() -> None:
    env = started([(100, 200)], seed=7, arrivals="poisson")
    arrived = np.bincount(played(env).astype(int), minlength=100).tolist()
    assert seen_rps(env)[120:220] == arrived
    assert history_maxima(env) == [max(seen_rps(env)[first : first + 10]) for first in range(100, 220, 10)]
    assert arrived != COUNTS[100:200].tolist()  # Poisson: not the trace's own counts


def test_any_interval_cuts_the_same_arrivals() -> None:
    whole = played(started([(100, 160)], seed=5, arrivals="poisson", interval=60.0))
    for interval_s in (0.5, 2.5, 1.2, 20.0):
        env = started([(100, 160)], seed=5, arrivals="poisson", interval=interval_s)
        assert played(env).tolist() == whole.tolist()
        assert sum(row.outcome.arrivals for row in env.rows) == len(whole)


def test_a_request_at_an_intervals_end_belongs_to_the_next() -> None:
    env = PipelineEnv(toy_pipeline(), Trace("one", np.ones(3, dtype=int)), episode_s=3, interval=0.5, arrivals="even")
    env.reset(seed=0)  # arrivals at 0.5, 1.5 and 2.5
    assert [env.step(SMALLEST)[4]["arrivals"] for _ in range(6)] == [0, 1, 0, 1, 0, 1]


def test_the_next_episode_has_nothing_of_the_one_before() -> None:
    env = PipelineEnv(toy_pipeline(), TRACE, episode_s=100, arrivals="exact")
    env.reset(seed=3, options={"start": 200})
    env.step(SMALLEST)
    env.reset(options={"start": 300})
    assert seen_rps(env) == list(range(181, 401))  # nothing of the 20 s after the first window
    assert env.simulator.n_arrived == 0


def test_row_keeps_the_highest_and_the_mean_count_of_the_seconds_in_the_interval() -> None:
    env = started([(200, 210)], interval=2.5)
    played(env)
    assert [row.load_max_rps for row in env.rows] == [203, 205, 208, 210]  # seconds 0-2, 2-4, 5-7, 7-9 are touched
    assert [row.load_mean_rps for row in env.rows] == [row.outcome.arrivals / 2.5 for row in env.rows]
