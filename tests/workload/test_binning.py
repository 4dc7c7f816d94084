"""From other time bases to seconds: totals are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipa_gym.errors import TraceError
from ipa_gym.workload.binning import resample


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(1, 90))
def test_wide_bins_keep_their_totals_and_are_spread_evenly(bins: list[int], width: int) -> None:
    rows = resample(np.array(bins), bin_s=width).reshape(len(bins), width)
    assert rows.sum(axis=1).tolist() == bins
    assert (rows.max(axis=1) - rows.min(axis=1)).max() <= 1


def test_narrow_bins_are_summed() -> None:
    assert resample(np.array([1, 2, 3, 4, 5]), bin_s=0.5).tolist() == [3, 7, 5]
    assert resample(np.arange(20), bin_s=0.1).tolist() == [45, 145]


def test_bins_of_a_second_stay_as_they_are() -> None:
    assert resample(np.array([3, 1]), bin_s=1).tolist() == [3, 1]


@pytest.mark.parametrize("bin_s", [0, -1, 1.5, 0.3, float("nan"), float("inf")])
def test_a_width_that_is_neither_whole_nor_a_part_is_refused(bin_s: float) -> None:
    with pytest.raises(TraceError, match="bin_s is"):
        resample(np.array([1]), bin_s=bin_s)
