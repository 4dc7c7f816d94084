"""docs/records.md: its examples run, and its tables are what the code prints today."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from ipa_gym.recording import table

PAGE = Path(__file__).parents[2] / "docs" / "records.md"


def test_the_examples_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert failed == 0
    assert tried >= 15


@pytest.mark.parametrize("name", ["REQUEST_COLUMNS", "BATCH_COLUMNS", "REPLICA_COLUMNS", "DECISION_COLUMNS"])
def test_the_column_tables_are_todays(name: str) -> None:
    """Regenerate: paste the output of ``print(column_lines(REQUEST_COLUMNS))`` between the marks."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- begin: {name} -->\n")
    assert rest.partition("\n<!-- end -->")[0] == table.column_lines(getattr(table, name))
