"""docs/statistics.md: its examples run, its columns are the code's, its coverage is what the simulation prints."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from ipa_gym.benchmark.league import OVERALL, PIPELINES
from tests.statistics.test_coverage import coverage_table, ends_table

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_the_examples_run() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False)
    assert outcome.attempted > 10
    assert outcome.failed == 0


def test_every_column_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {name for columns in (OVERALL, PIPELINES) for name in columns} - {
        "agent",
        "pipeline",
        "reward_low",
        "reward_high",
    }
    assert len(names) > 15
    assert [
        name for name in sorted(names) if f"`{name}`" not in text and name not in ("score", "violations_percent")
    ] == []


@pytest.mark.slow
def test_the_coverage_is_what_the_simulation_prints() -> None:
    """Regenerate: python -m tests.statistics.test_coverage."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- begin: printed by the command above -->\n")
    assert rest.partition("\n<!-- end -->")[0] == f"{coverage_table()}\n\n{ends_table()}"
