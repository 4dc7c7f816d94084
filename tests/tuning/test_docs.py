"""docs/tuning.md: its example of ranges can be searched, its table of kinds names all of them."""

from __future__ import annotations

import re
from pathlib import Path

from ipa_gym.tuning.space import KINDS, load_space

PAGE = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text(encoding="utf-8")


def test_the_example_of_ranges_can_be_searched(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(PAGE.split("```yaml\n")[1].split("```")[0], encoding="utf-8")

    assert {one.kind for one in load_space("dqn", str(path)).ranges} == set(KINDS)


def test_the_table_of_kinds_is_complete() -> None:
    table = PAGE.partition("| kind | proposes |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z-]+)`", table)) == set(KINDS)
