"""What counts as a difference between docs and finding; all expectations are read off the texts themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imsave

from ipa_gym.reproduction.claims import Tolerance
from ipa_gym.reproduction.differences import csv_differences, near, picture_differences, text_differences

TABLE = """Two agents.

| agent | reward | decision ms |
|---|---:|---:|
| ipa | -5.28 ± 0.16 | 4.79 |
| hpa | -16.28 | 0.10 |"""


def test_equal_texts_do_not_differ_and_spaces_do_not_count() -> None:
    assert text_differences(TABLE, TABLE + "\n") == []
    assert text_differences("a  b\n| x | 1 |", "a b\n| x  | 1 |") == []


def test_a_changed_cell_is_named_by_line_row_and_column() -> None:
    (difference,) = text_differences(TABLE, TABLE.replace("-16.28", "-16.29"))
    assert (difference.where, difference.claimed, difference.found) == ("line 6 (hpa, reward)", "-16.28", "-16.29")


def test_a_measured_column_may_differ_by_its_factor_and_no_other_column() -> None:
    tolerance = Tolerance(within=2, columns=("decision ms",))
    assert text_differences(TABLE, TABLE.replace("4.79", "9.57"), tolerance) == []
    assert [d.where for d in text_differences(TABLE, TABLE.replace("4.79", "9.59"), tolerance)] == [
        "line 5 (ipa, decision ms)"
    ]
    assert len(text_differences(TABLE, TABLE.replace("-16.28", "-16.30"), tolerance)) == 1


def test_words_beside_measured_numbers_must_stay() -> None:
    old, new = "| a | b |\n|---|---|\n| 5 rps | reached |", "| a | b |\n|---|---|\n| 6 rps | missed |"
    assert [d.claimed for d in text_differences(old, new, Tolerance(within=2))] == ["reached"]


def test_a_sign_is_no_matter_of_tolerance() -> None:
    assert near(1.0, 1.9, 2)
    assert near(-1.0, -0.5, 2)
    assert not near(1.0, -1.0, 100)
    assert not near(0.0, 0.1, 100)


def test_an_ignored_line_may_say_anything() -> None:
    assert text_differences("on 2 cores\nx 1", "on 64 cores\nx 1", Tolerance(ignored=("cores",))) == []
    assert len(text_differences("on 2 cores\nx 1", "on 64 cores\nx 2", Tolerance(ignored=("cores",)))) == 1


def test_a_missing_line_ends_the_comparison() -> None:
    (difference,) = text_differences("a\nb", "a")
    assert (difference.where, difference.found) == ("line 2", "(no line)")


def test_csv_numbers_share_six_digits_and_texts_are_equal(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("name,x\na,1.0000001\nb,\n", encoding="utf-8")
    new.write_text("name,x\na,1.0000002\nb,\n", encoding="utf-8")
    assert csv_differences(old, new) == []
    new.write_text("name,x\na,1.001\nc,2\n", encoding="utf-8")
    assert [(d.where, d.claimed, d.found) for d in csv_differences(old, new)] == [
        ("row 2 (name)", "b", "c"),
        ("row 1 (x)", "1.0000001", "1.001"),
        ("row 2 (x)", "None", "2.0"),
    ]


def test_csv_of_another_shape_is_one_difference(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("x\n1\n", encoding="utf-8")
    new.write_text("x\n1\n2\n", encoding="utf-8")
    assert len(csv_differences(old, new)) == 1


@pytest.mark.parametrize(("shade", "differ"), [(0.49, 0), (0.9, 1)])
def test_pictures_may_differ_by_a_fiftieth_on_average(tmp_path: Path, shade: float, differ: int) -> None:
    for name, grey in (("old.png", 0.5), ("new.png", shade)):
        imsave(tmp_path / name, np.full((4, 6, 3), grey))
    assert len(picture_differences(tmp_path / "old.png", tmp_path / "new.png")) == differ
