"""What a folder must hold, and what is said where it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipa_gym.errors import IpaGymError, OptionError, StoreError
from ipa_gym.report.source import read_source
from tests.report.rows import row, write_store


def test_a_benchmarks_folder_and_its_store_give_the_same(tmp_path: Path) -> None:
    write_store(tmp_path / "results", [row(), row(seed=1)])
    outer, inner = read_source(tmp_path / "results"), read_source(tmp_path / "results" / "store")
    assert outer.rows.equals(inner.rows)
    assert outer.home == inner.home == tmp_path / "results"
    assert outer.rows.height == 2
    assert (outer.settings, outer.asked, outer.decision_times) == ({}, None, None)


def test_a_store_by_another_name_is_its_own_home(tmp_path: Path) -> None:
    write_store(tmp_path, [row()])
    (tmp_path / "store").rename(tmp_path / "mine")
    assert read_source(tmp_path / "mine").home == tmp_path / "mine"


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_a_folder_without_results_is_refused_with_what_is_expected(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OptionError, match="ipa-gym benchmark --out FOLDER") as caught:
        read_source(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_results_of_before_the_store_are_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "episodes.parquet").write_bytes(b"")
    with pytest.raises(OptionError, match="of an older ipa-gym; run the benchmark into it again"):
        read_source(tmp_path)


def test_a_broken_part_of_the_store_is_named(tmp_path: Path) -> None:
    write_store(tmp_path, [row()])
    (part,) = (tmp_path / "store").glob("*.parquet")
    part.write_bytes(b"PAR1 not a table PAR1")
    with pytest.raises(StoreError, match=part.name):
        read_source(tmp_path)


@pytest.mark.parametrize("text", ["{", json.dumps([1, 2]), "\xff"])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    write_store(tmp_path, [row()])
    (tmp_path / "settings.json").write_text(text, encoding="latin-1")
    with pytest.raises(OptionError, match=r"settings\.json"):
        read_source(tmp_path)


def test_broken_decision_times_are_named(tmp_path: Path) -> None:
    write_store(tmp_path, [row()])
    (tmp_path / "decision_time.parquet").write_text("nothing")
    with pytest.raises(IpaGymError, match=r"decision_time\.parquet: cannot be read as Parquet"):
        read_source(tmp_path)


def test_settings_without_their_tables_are_an_incomplete_benchmark(tmp_path: Path) -> None:
    write_store(tmp_path, [row()])
    (tmp_path / "settings.json").write_text('{"command": "ipa-gym benchmark"}')
    with pytest.raises(OptionError, match="episodes"):
        read_source(tmp_path)
