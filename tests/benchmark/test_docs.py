"""docs/benchmark.md: its examples run, its tables are what the code prints today, its SQL reads a store."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from ipa_gym.benchmark.studies import study_lines
from ipa_gym.cli import app
from ipa_gym.store import columns

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"


def test_the_examples_run(tmp_path: Path) -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, globs={"folder": tmp_path})
    assert failed == 0
    assert tried >= 10


@pytest.mark.parametrize(
    "name", ["KEY_COLUMNS", "SETTING_COLUMNS", "RESULT_COLUMNS", "NESTED_COLUMNS", "INTERVAL_COLUMNS"]
)
def test_the_column_tables_are_todays(name: str) -> None:
    """Regenerate: paste the output of ``print(column_lines(KEY_COLUMNS))`` between the marks."""
    assert block(name) == columns.column_lines(getattr(columns, name))


def test_the_table_of_studies_is_todays() -> None:
    """Regenerate: paste the output of ``print(study_lines())`` between the marks."""
    assert block("STUDIES") == study_lines()


def test_every_option_that_the_page_names_exists() -> None:
    import typer.main

    group = typer.main.get_command(app)
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
    known = {name for parameter in group.commands["benchmark"].params for name in parameter.opts}  # type: ignore[attr-defined]
    assert len(named) > 10
    assert named <= known


def block(name: str) -> str:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"<!-- begin: {name} -->\n")
    return rest.partition("\n<!-- end -->")[0]
