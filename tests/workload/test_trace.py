"""What is taken from a trace: scaled counts, windows, history, splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipa_gym.errors import TraceError, UnknownNameError
from ipa_gym.workload.trace import Trace, history_counts, scale_counts, scaled, split_by_fraction, window_counts

TOY = Trace(name="toy", counts=np.array([5, 0, 7, 9, 2, 4]), splits={"train": (0, 4), "test": (4, 6)})


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(1, 1000))
def test_scaling_by_one_over_n_is_integer_division(counts: list[int], divisor: int) -> None:
    assert scale_counts(np.array(counts), 1 / divisor).tolist() == [count // divisor for count in counts]


def test_scaling_reads_decimals_as_written() -> None:
    assert scale_counts(np.array([100, 10, 3]), 0.29).tolist() == [29, 2, 0]  # 100 * 0.29 is 28.999999999999996
    assert scale_counts(np.array([3, 7]), 2.5).tolist() == [7, 17]
    assert scale_counts(np.array([10**9]), 1e-8).tolist() == [10]


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_that_is_no_positive_number_is_refused(scale: float) -> None:
    with pytest.raises(TraceError, match="scale is"):
        scaled(TOY, scale)


def test_a_scale_that_overflows_is_refused() -> None:
    with pytest.raises(TraceError, match="busiest second"):
        scaled(TOY, 1e9)


def test_windows_are_joined_in_their_order_and_may_repeat() -> None:
    assert window_counts(TOY, [(2, 4), (0, 1), (2, 4)]).tolist() == [7, 9, 5, 7, 9]


@pytest.mark.parametrize("window", [(-1, 2), (3, 3), (4, 2), (5, 7), (0.5, 2)])
def test_a_window_outside_the_trace_is_refused(window: tuple[int, int]) -> None:
    with pytest.raises(TraceError, match=r"toy: windows\[1\]"):
        window_counts(TOY, [(0, 2), window])


def test_no_windows_and_a_window_of_three_are_refused() -> None:
    with pytest.raises(TraceError, match="no windows"):
        window_counts(TOY, [])
    with pytest.raises(TraceError, match="expected a pair"):
        window_counts(TOY, [(0, 1, 2)])  # type: ignore[list-item]


def test_history_is_what_lies_before_and_the_first_count_where_there_is_nothing() -> None:
    assert history_counts(TOY, 4, seconds=3).tolist() == [0, 7, 9]
    assert history_counts(TOY, 2, seconds=4).tolist() == [7, 7, 5, 0]
    assert history_counts(TOY, 0).tolist() == [5] * 120


@pytest.mark.parametrize("start", [-1, 6])
def test_history_of_a_second_outside_is_refused(start: int) -> None:
    with pytest.raises(TraceError, match="from 0 to 5"):
        history_counts(TOY, start)


def test_splits_are_kept_and_all_is_always_there() -> None:
    assert dict(TOY.splits) == {"all": (0, 6), "train": (0, 4), "test": (4, 6)}
    assert scaled(TOY, 2).split_range("test") == (4, 6)
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        TOY.split_range("trian")


def test_splitting_by_fraction_cuts_once() -> None:
    assert dict(split_by_fraction(TOY, 0.5).splits) == {"all": (0, 6), "train": (0, 3), "test": (3, 6)}


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 0.01, float("nan")])
def test_a_fraction_that_empties_a_side_is_refused(fraction: float) -> None:
    with pytest.raises(TraceError, match="train_fraction"):
        split_by_fraction(TOY, fraction)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([], "at least one second"),
        ([[1, 2]], r"shape \(1, 2\)"),
        ([1, -3], r"counts\[1\] is -3; expected a number of requests, at least 0"),
        ([1, 2.5], r"counts\[1\] is 2.5; expected a whole number"),
        ([float("nan"), 1], r"counts\[0\] is nan; expected a finite"),
        ([2 * 10**9], r"counts\[0\] is 2000000000; expected at most"),
        (["a"], "type <U1"),
    ],
)
def test_faulty_counts_name_the_second_and_the_value(counts: list[object], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        Trace(name="toy", counts=np.array(counts))  # type: ignore[arg-type]


def test_a_split_outside_the_trace_is_refused() -> None:
    with pytest.raises(TraceError, match=r"split 'test' is \(4, 7\); expected 0 <= from < to <= 6"):
        Trace(name="toy", counts=np.arange(6), splits={"test": (4, 7)})


def test_counts_cannot_be_changed_from_outside() -> None:
    source = np.array([1, 2])
    trace = Trace(name="toy", counts=source)
    source[0] = 9
    assert trace.counts.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        trace.counts[0] = 9
