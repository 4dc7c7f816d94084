"""This checkout's claims: what is named exists, every marked block is claimed, prose follows the tables."""

from __future__ import annotations

import doctest
import re

import pytest

from ipa_gym.reproduction import find_checkout, load_claims
from ipa_gym.reproduction.blocks import read_block
from ipa_gym.reproduction.claims import Prose
from ipa_gym.reproduction.prose import prose_differences

CHECKOUT = find_checkout()
CLAIMS = load_claims(CHECKOUT)
TESTED_ELSEWHERE = {  # blocks made from code, which a test of their own compares every time
    "docs/records.md": 4,
    "docs/benchmark.md": 6,
    "docs/forecasting.md": 1,
}
NO_CLAIM = {  # say how quiet the machine was
    ("docs/performance.md", "printed by `make bench-speed`, disturbances"),
    ("docs/performance.md", "printed by `make bench-speed`, machine and targets"),
}


def test_every_claimed_block_and_figure_exists() -> None:
    n_blocks = 0
    for run in CLAIMS.runs:
        for block in run.blocks:
            n_blocks += 1
            assert read_block(CHECKOUT / block.page, block.begin).strip(), f"{run.name}: {block.begin}"
        for picture in run.pictures:
            assert (CHECKOUT / picture.path).is_file(), f"{run.name}: {picture.path}"
    assert n_blocks > 10


def test_every_marked_block_is_claimed() -> None:
    claimed = {(block.page, block.begin) for run in CLAIMS.runs for block in run.blocks}
    pages = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
    for path in pages:
        page = path.relative_to(CHECKOUT).as_posix()
        marked = re.findall(r"^<!-- begin: (.*) -->$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        unclaimed = [name for name in marked if (page, name) not in claimed | NO_CLAIM]
        assert len(unclaimed) == TESTED_ELSEWHERE.get(page, 0), f"{page}: {unclaimed}"


@pytest.mark.parametrize("prose", CLAIMS.prose, ids=lambda prose: f"{prose.page}: {prose.text[:40]}")
def test_numbers_in_running_text_are_the_tables(prose: Prose) -> None:
    assert [str(difference) for difference in prose_differences(prose, CHECKOUT)] == []


def test_the_pages_example_runs() -> None:
    outcome = doctest.testfile(str(CHECKOUT / "docs" / "reproducing.md"), module_relative=False)
    assert outcome.attempted == 4
    assert outcome.failed == 0
