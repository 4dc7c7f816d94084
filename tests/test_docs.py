"""The docs' examples run, and their generated tables are what the code prints today."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from ipa_gym.env import PipelineEnv

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["environment.md"])
def test_examples_in_the_docs_run(name: str) -> None:
    outcome = doctest.testfile(str(DOCS / name), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_observation_table_is_todays() -> None:
    """Regenerate: paste the output of ``print(PipelineEnv('video').layout.table())`` between the marks."""
    text = (DOCS / "environment.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- begin: printed by `layout.table()` -->\n")
    table, _, _ = rest.partition("\n<!-- end -->")
    assert table == PipelineEnv("video").layout.table()
