"""Which windows are played: spread evenly, apart from each other, at every phase of a load that repeats."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.evaluation import evaluation_starts
from ipa_gym.evaluation.windows import default_n_windows, overlapping
from ipa_gym.workload.trace import Trace

WEEK_S = 7 * 86_400
WEEKS = Trace(
    "weeks", np.ones(3 * WEEK_S, dtype=np.int64), {"train": (0, 2 * WEEK_S), "test": (2 * WEEK_S, 3 * WEEK_S)}
)


@pytest.mark.parametrize("n_windows", [1, 7, 40, 504])  # 504 windows of 1,200 s fill a week to the last second
def test_windows_lie_in_the_split_one_in_each_equal_part_and_never_overlap(n_windows: int) -> None:
    starts = evaluation_starts(WEEKS, "test", n_windows, 1200)
    parts = 2 * WEEK_S + np.arange(n_windows + 1) * (WEEK_S / n_windows)
    assert starts.dtype == np.int64
    assert (starts >= np.floor(parts[:-1])).all()
    assert (starts + 1200 <= parts[1:]).all()
    assert (np.diff(starts) >= 1200).all()


def test_a_daily_load_is_met_at_all_hours_however_many_windows_are_asked_for() -> None:
    """Windows at the start of equal parts would meet 56 times the same eight hours of the day."""
    for n_windows in (28, 40, 56, 84):
        starts = evaluation_starts(WEEKS, "test", n_windows, 1200)
        quarters = np.bincount(starts % 86_400 // 21_600, minlength=4)
        assert quarters.min() >= 0.6 * n_windows / 4, n_windows
        in_half_hour = np.bincount(starts % 1_800 // 450, minlength=4)
        assert in_half_hour.min() >= 0.3 * n_windows / 4, n_windows


def test_the_same_windows_every_time() -> None:
    np.testing.assert_array_equal(
        evaluation_starts(WEEKS, "test", 40, 1200), evaluation_starts(WEEKS, "test", 40, 1200)
    )


def test_windows_that_do_not_fit_side_by_side_overlap_evenly_and_differ() -> None:
    short = Trace("short", np.ones(1000, dtype=np.int64))
    assert evaluation_starts(short, "all", 3, 600).tolist() == [0, 200, 400]
    assert evaluation_starts(short, "all", 401, 600).tolist() == list(range(401))
    assert overlapping(short, "all", 3, 600)
    assert not overlapping(short, "all", 2, 500)
    assert evaluation_starts(short, "all", 1, 1000).tolist() == [0]


def test_a_split_that_is_too_short_or_unknown_is_an_error() -> None:
    short = Trace("short", np.ones(1000, dtype=np.int64))
    with pytest.raises(OptionError, match=r"has 1000 s; 402 windows of 600 s need at least 1001 s"):
        evaluation_starts(short, "all", 402, 600)
    with pytest.raises(OptionError, match="1 windows of 1001 s need"):
        evaluation_starts(short, "all", 1, 1001)
    with pytest.raises(OptionError, match="0 windows"):
        evaluation_starts(short, "all", 0, 600)
    with pytest.raises(UnknownNameError, match="tset"):
        evaluation_starts(WEEKS, "tset", 40, 1200)


def test_without_a_number_as_many_as_fit_up_to_forty() -> None:
    assert default_n_windows(WEEKS, "test", 1200) == 40
    short = Trace("short", np.ones(1000, dtype=np.int64))
    assert default_n_windows(short, "all", 300) == 3
    assert default_n_windows(short, "all", 2000) == 1
