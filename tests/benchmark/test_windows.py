"""Which seconds are played: all of a short trace, evenly spread windows of a long one, fixed ones as given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ipa_gym.benchmark.settings import EnvironmentOptions, Task
from ipa_gym.benchmark.windows import trace_windows
from ipa_gym.errors import OptionError
from ipa_gym.workload.trace import Trace

SHORT = Trace("short", np.ones(1200, dtype=np.int64))
LONG = Trace("long", np.ones(100_000, dtype=np.int64), {"train": (0, 40_000), "test": (40_000, 100_000)})
STANDARD = EnvironmentOptions()


@pytest.mark.parametrize("n_windows", [None, 7])
def test_a_trace_as_long_as_an_episode_has_one_window_whatever_is_asked_for(n_windows: int | None) -> None:
    assert trace_windows(SHORT, STANDARD, n_windows) == [((0, 1200),)]


def test_a_trace_shorter_than_an_episode_is_played_as_far_as_whole_intervals_go() -> None:
    trace = Trace("shorter", np.ones(907, dtype=np.int64))
    (((start, end),),) = trace_windows(trace, STANDARD, None)
    assert end - start == 900
    assert 0 <= start <= 7


def test_a_long_trace_has_ten_windows_in_its_test_days_side_by_side() -> None:
    windows = [window for (window,) in trace_windows(LONG, STANDARD, None)]
    assert len(windows) == 10
    assert all(end - start == 1200 for start, end in windows)
    assert windows[0][0] >= 40_000
    assert windows[-1][1] <= 100_000
    assert all(end <= start for (_, end), (start, _) in pairwise(windows))


def test_fewer_than_ten_windows_where_no_more_fit_side_by_side() -> None:
    trace = Trace("middling", np.ones(3 * 1200 + 5, dtype=np.int64))
    assert len(trace_windows(trace, STANDARD, None)) == 3
    assert len(trace_windows(trace, STANDARD, 8)) == 8  # asked for: they overlap


def test_options_choose_split_and_length() -> None:
    options = EnvironmentOptions(split="train", episode_s=300)
    windows = [window for (window,) in trace_windows(LONG, options, 4)]
    assert [end - start for start, end in windows] == [300] * 4
    assert windows[-1][1] <= 40_000


def test_fixed_windows_are_one_episode() -> None:
    options = EnvironmentOptions(windows=((600, 900), (0, 300)))
    assert trace_windows(SHORT, options, None) == [((600, 900), (0, 300))]
    assert Task("p", "t", "a", 0, ((600, 900), (0, 300))).window == "600:900+0:300"
    with pytest.raises(OptionError, match="not both"):
        trace_windows(SHORT, options, 3)
