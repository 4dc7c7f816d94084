"""Numbers as readers see them."""

from __future__ import annotations

import math

import pytest

from ipa_gym.report.cells import compact, number, number_cell, p_cell, rounded


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1234.5, 1, "1,234.5"),
        (-0.314, 2, "−0.31"),
        (-0.001, 2, "0.00"),
        (math.nan, 2, "–"),
        (None, 2, "–"),
        (0.0, 0, "0"),
    ],
)
def test_numbers_are_written_for_readers(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_a_cell_sorts_by_its_value_and_shows_an_interval_that_is_known() -> None:
    cell = number_cell(-2.0, 1, low=-3.0, high=-1.0)
    assert (cell.text, cell.order, cell.interval) == ("−2.0", -2.0, "[−3.0, −1.0]")
    assert number_cell(1.0, 1, low=math.nan, high=2.0).interval == ""
    assert number_cell(math.nan, 1).order is None


def test_a_tiny_p_value_is_not_written_as_zero() -> None:
    assert [p_cell(value).text for value in (0.0001, 0.0301, None)] == ["< 0.001", "0.030", "–"]


def test_the_pages_numbers_are_short() -> None:
    assert compact([1.0, 0.123456, None, math.nan, 12345.6]) == [1, 0.1235, None, None, 12350]
    assert rounded(math.inf) is None
