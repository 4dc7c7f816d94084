"""Blocks of a page: written between their markers and nowhere else; tables and headings in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.reproduction.blocks import cells, deepened, read_block, tables, write_block


def test_a_block_is_written_between_its_markers_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin: a -->\nold\n<!-- end -->\nafter <!-- end -->\n", encoding="utf-8")
    write_block("new", begin="<!-- begin: a -->", page=page)
    assert page.read_text(encoding="utf-8") == "before\n<!-- begin: a -->\nnew\n<!-- end -->\nafter <!-- end -->\n"
    assert read_block(page, "a") == "new"
    with pytest.raises(OptionError, match="<!-- begin: b -->"):
        write_block("new", begin="<!-- begin: b -->", page=page)
    assert "new" in page.read_text(encoding="utf-8")


def test_tables_are_runs_of_lines_with_bars() -> None:
    text = "words\n| a |\n|---|\n| 1 |\nmore\n\n| b |\n|---|\n"
    assert tables(text) == [["| a |", "|---|", "| 1 |"], ["| b |", "|---|"]]
    assert cells("| a | b c |  |") == ["a", "b c", ""]


def test_headings_are_deepened_and_nothing_else() -> None:
    assert deepened("# A\n#not\n## B # c", 2) == "### A\n#not\n#### B # c"
