"""Compiled code is forgotten when, and only when, a module that is compiled into it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym.compile_cache import forget_what_changed, sources_digest

RULES = "from ipa_gym.compiling import compiled\nfrom ipa_gym.constants import C\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "queueing" / "__pycache__").mkdir(parents=True)
    (tmp_path / "queueing" / "rules.py").write_text(RULES)
    (tmp_path / "constants.py").write_text("C = 1\n")
    (tmp_path / "plain.py").write_text("B = 1\n")
    forget_what_changed(tmp_path)
    for name in ("kernel.run.nbi", "kernel.run.1.nbc"):
        (tmp_path / "queueing" / "__pycache__" / name).touch()
    return tmp_path


def cached(package: Path) -> int:
    return len(list(package.rglob("*.nb[ic]")))


def test_unchanged_sources_keep_their_code(package: Path) -> None:
    assert (forget_what_changed(package), cached(package)) == (0, 2)


def test_a_changed_rule_forgets_the_code_of_every_module(package: Path) -> None:
    (package / "queueing" / "rules.py").write_text(RULES + "A = 2\n")
    assert (forget_what_changed(package), cached(package)) == (2, 0)
    assert forget_what_changed(package) == 0


def test_a_changed_constant_is_compiled_in(package: Path) -> None:
    (package / "constants.py").write_text("C = 2\n")
    assert (forget_what_changed(package), cached(package)) == (2, 0)


def test_a_change_elsewhere_forgets_nothing(package: Path) -> None:
    (package / "plain.py").write_text("B = 2\n")
    assert (forget_what_changed(package), cached(package)) == (0, 2)


def test_a_renamed_module_is_a_change(package: Path) -> None:
    before = sources_digest(package)
    (package / "queueing" / "rules.py").rename(package / "queueing" / "ways.py")
    assert sources_digest(package) != before
