"""Numbers in sentences against tables' cells, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.reproduction.claims import Cell, Prose
from ipa_gym.reproduction.prose import cell_number, prose_differences, prose_value, shown_unit

PAGE = """# Speed

On two cores **38 million simulated
requests a second**, 317,000 steps.

<!-- begin: base -->
| who | threads | requests/s | steps/s |
|---|---|---|---|
| many | 1 | 22,800,000 | 190,000 |
| many | 2 | 38,040,000 ± 5 | 316,700 |
<!-- end -->
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def _cell(column: str, *row: str, number: int = 0) -> Cell:
    return Cell("page.md", "base", row, column, number=number)


@pytest.mark.parametrize(
    ("shown", "number", "unit"),
    [
        ("38 million", 38e6, 1e6),
        ("317,000", 317_000, 1_000),
        ("1,204", 1_204, 1),
        ("-3.60", -3.6, 0.01),
        ("+0.16", 0.16, 0.01),
        ("0", 0, 1),
    ],
)
def test_a_number_says_its_value_and_what_its_last_digit_counts(shown: str, number: float, unit: float) -> None:
    assert prose_value(shown) == pytest.approx(number)
    assert shown_unit(shown) == pytest.approx(unit)


def test_a_rounded_number_matches_across_a_line_break(checkout: Path) -> None:
    prose = Prose(
        "page.md",
        "**{} simulated requests a second**, {} steps",
        (_cell("requests/s", "many", "2"), _cell("steps/s", "many", "2")),
    )
    assert prose_differences(prose, checkout) == []


def test_a_number_that_the_table_rounds_otherwise_differs(checkout: Path) -> None:
    prose = Prose("page.md", "a second**, {} steps", (_cell("steps/s", "many", "1"),))
    (difference,) = prose_differences(prose, checkout)
    assert (difference.claimed, difference.found) == ("317,000", "190,000 in page.md (steps/s)")


def test_a_sentence_that_is_gone_differs(checkout: Path) -> None:
    prose = Prose("page.md", "{} replicas", (_cell("steps/s", "many", "1"),))
    assert [d.found for d in prose_differences(prose, checkout)] == ["no such sentence"]


def test_a_cell_may_hold_several_numbers(checkout: Path) -> None:
    assert cell_number(_cell("requests/s", "many", "2", number=1), checkout) == 5


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (_cell("steps/s", "few"), "0 rows begin with few"),
        (_cell("steps/s", "many"), "2 rows begin with many"),
        (_cell("costs", "many", "1"), "expected one such row, and 'costs'"),
        (_cell("steps/s", "many", "1", number=1), "no number 1"),
        (Cell("page.md", "base", ("many",), "steps/s", table=1), "has 1 tables"),
        (Cell("page.md", "peak", ("many",), "steps/s"), "no '<!-- begin: peak -->'"),
    ],
)
def test_a_cell_that_is_not_there_is_named(checkout: Path, cell: Cell, fault: str) -> None:
    with pytest.raises(OptionError, match=fault.replace("(", r"\(")):
        cell_number(cell, checkout)
