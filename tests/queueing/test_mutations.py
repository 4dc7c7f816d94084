"""The queueing tests notice every break of `mutations.py`, each made in a copy of the package.

The slow run takes a few minutes; with `-rP` it also prints which test was the first to notice which break. The fast
tests keep the table, and what docs/fidelity.md says of it, from rotting.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.queueing.mutation_run import (
    COMPILED,
    INTERPRETED,
    ROOT,
    Round,
    copy_project,
    first_to_notice,
    mutated,
    run_tests,
    summary,
)
from tests.queueing.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.words)
def test_fragment_stands_once_in_its_file_and_its_replacement_compiles(mutation: Mutation) -> None:
    source = (ROOT / mutation.file).read_text()
    assert source.count(mutation.old) == 1
    assert mutated(mutation) != source
    compile(mutated(mutation), mutation.file, "exec")


def test_breaks_are_many_and_differ() -> None:
    assert len(MUTATIONS) >= 22
    assert len({mutation.words for mutation in MUTATIONS}) == len(MUTATIONS)
    assert len({(mutation.file, mutated(mutation)) for mutation in MUTATIONS}) == len(MUTATIONS)


def test_summary_names_what_escapes_and_counts_a_tests_cases_as_one() -> None:
    one, other, third = (Mutation(words, "a.py", "x", "y") for words in ("one", "other", "third"))
    text = summary([(one, "t.py::test_a_rule[2]"), (other, "t.py::test_a_rule[4]"), (third, None)])
    assert text.startswith("Of 3 breaks, **2 are noticed**.")
    for line in ("| `a.py` | 3 | 2 |", "| `t.py` | 2 |", "| a rule | 2 |", "Not noticed: third."):
        assert line in text.splitlines()


def test_the_docs_speak_of_todays_breaks() -> None:
    text = (ROOT / "docs/fidelity.md").read_text(encoding="utf-8")
    assert f"Of {len(MUTATIONS)} breaks, **{len(MUTATIONS)} are noticed**." in text


@pytest.mark.slow
@pytest.mark.parametrize("tests", [INTERPRETED, COMPILED], ids=["interpreted", "compiled"])
def test_unbroken_copy_passes(tests: Round, tmp_path: Path) -> None:
    result = run_tests(copy_project(tmp_path), tests)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.words)
def test_suite_notices(mutation: Mutation, tmp_path: Path) -> None:
    noticed, printed = first_to_notice(mutation, tmp_path)
    assert noticed, printed
    print(f"{mutation.words}: {noticed}")
