"""docs/evaluation.md: its example runs, and its printed lines are what the command prints today."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.test_cli import run  # noqa: F401  # a fixture

PAGE = Path(__file__).parent.parent.parent / "docs" / "evaluation.md"


def test_the_example_runs() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False)
    assert outcome.attempted > 5
    assert outcome.failed == 0


@pytest.mark.slow
def test_the_tables_are_todays(run) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    """Regenerate: paste the command's output between the marks. Decision times are the machine's."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- begin: printed by the command above -->\n```text\n")
    shown, _, _ = rest.partition("\n```\n<!-- end -->")
    _, out, _ = run("evaluate", "--agent", "ipa-exact", "--against", "ipa-perfect,hpa,fa2-low")
    kept = [[line.split() for line in text.splitlines() if "decision" not in line] for text in (shown, out)]
    widths = [[words for words in lines if words and not words[0].startswith("──")] for lines in kept]
    assert widths[0] == widths[1]
    assert len(widths[0]) > 25
