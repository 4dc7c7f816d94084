"""Results on disk: both formats read back as they were, settings complete, nothing half-written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ipa_gym.benchmark import BenchmarkRun, read_results, write_results
from ipa_gym.benchmark.provenance import provenance
from ipa_gym.benchmark.table import cell, markdown, table_rows
from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.files import finite, write_atomically


@pytest.fixture
def origin(small_run: BenchmarkRun) -> dict[str, object]:
    return provenance(small_run, command="ipa-gym benchmark")


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_results_read_back_as_they_were_written(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path, file_format: str
) -> None:
    files = write_results(small_run, tmp_path, provenance=origin, file_format=file_format, figures=False)
    found = read_results(tmp_path)
    assert_frame_equal(found.episodes, small_run.episodes, check_exact=True)
    assert_frame_equal(found.series, small_run.series, check_exact=True)
    assert (tmp_path / f"episodes.{file_format}").is_file()
    assert {path.name for path in files} == {path.name for path in tmp_path.iterdir()}  # no temporary file is left


def test_settings_name_everything_that_a_rerun_needs(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path
) -> None:
    write_results(small_run, tmp_path, provenance=origin, figures=False)
    found = json.loads((tmp_path / "settings.json").read_text())
    assert found["settings"]["seeds"] == [3, 5]
    assert found["settings"]["environment"]["windows"] == [[380, 480]]
    assert {"python", "ipa-gym", "numpy", "numba", "pulp", "highspy", "polars"} <= set(found["versions"])
    assert [card["card"] for card in found["cards"]["agents"]] == ["ipa-exact", "hpa"]
    assert found["traces"]["steady-low"]["n_seconds"] == 1200
    assert len(found["cards"]["pipelines"][0]["sha256"]) == 64


def test_the_league_is_written_from_the_same_rows(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path
) -> None:
    write_results(small_run, tmp_path, provenance=origin, figures=False)
    text = (tmp_path / "league.md").read_text(encoding="utf-8")
    mean = small_run.episodes.filter(pl.col("agent") == "hpa")["reward_mean"].mean()
    line = next(line for line in text.partition("#### video")[2].splitlines() if line.startswith("| hpa |"))
    assert f"{mean:.2f} [" in line


def test_csv_keeps_a_hash_of_digits_and_an_empty_text(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path
) -> None:
    numbered = replace(
        small_run, episodes=small_run.episodes.with_columns(settings_hash=pl.lit("12e4"), training_seed=pl.lit(""))
    )
    write_results(numbered, tmp_path, provenance=origin, file_format="csv", figures=False)
    assert_frame_equal(read_results(tmp_path).episodes, numbered.episodes)


def test_files_of_an_earlier_benchmark_go_and_others_stay(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_results(small_run, tmp_path, provenance=origin, file_format="csv", figures=False)
    write_results(small_run, tmp_path, provenance=origin, file_format="parquet", figures=False)
    assert not (tmp_path / "episodes.csv").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_names_outside_the_folder_in_old_settings_are_not_removed(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"files": ["../outside.txt", str(outside), 5]}))
    write_results(small_run, folder, provenance=origin, figures=False)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("files", [3, None, ["."], ["figures"], ["store"], ["store/part-1.parquet"], [1, {}], {"a": 1}])
def test_an_edited_list_of_files_removes_no_folder_no_part_and_stops_nothing(
    small_run: BenchmarkRun, origin: dict[str, object], tmp_path: Path, files: object
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "part-1.parquet").touch()
    (tmp_path / "settings.json").write_text(json.dumps({"files": files}))
    write_results(small_run, tmp_path, provenance=origin, figures=False)
    assert (tmp_path / "figures").is_dir()
    assert (tmp_path / "store" / "part-1.parquet").is_file()
    assert read_results(tmp_path).episodes.height == small_run.episodes.height


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["table.md"]
    assert path.read_text() == "old"


def test_a_folder_without_settings_is_no_complete_result(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"settings\.json"):
        read_results(tmp_path)


@pytest.mark.parametrize(("text", "message"), [("{", "cannot be read as JSON"), ("[]", "holds a list")])
def test_broken_settings_are_an_error_that_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(OptionError, match=f"settings.json: {message}"):
        read_results(tmp_path)


def test_an_unknown_format_writes_nothing(small_run: BenchmarkRun, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="parquet"):
        write_results(small_run, tmp_path / "new", provenance={}, file_format="parkett")
    assert not (tmp_path / "new").exists()


def _summary(n: int) -> pl.DataFrame:
    from ipa_gym.benchmark.statistics import summarise
    from ipa_gym.benchmark.table import METRICS

    rows = [
        {"pipeline": "p", "trace": "t", "window": "0:9", "agent": "a", "training_seed": "", "seed": seed}
        | dict.fromkeys(METRICS, 1.0 + seed)
        for seed in range(n)
    ]
    return summarise(pl.DataFrame(rows), METRICS)


def test_table_shows_mean_interval_and_unit_factor() -> None:
    row = table_rows(_summary(2), "p")[0]
    assert row[0] == "a"
    assert row[1] == "1.50 ± 6.35"  # t(1) = 12.706, s = 0.7071, / sqrt 2
    assert row[2] == "150.00 ± 635.31"  # PAS in percent


def test_table_of_one_seed_says_so() -> None:
    text = markdown(_summary(1))
    assert "one seed, so without an interval" in text
    assert "| a | 1.00 (n=1) |" in text
    assert "±" not in text


def test_a_metric_without_a_value_is_a_dash() -> None:
    from ipa_gym.benchmark.table import COLUMNS

    assert cell(float("nan"), float("nan"), 0, COLUMNS[0]) == "–"


def test_json_has_null_for_nan_at_any_depth() -> None:
    assert finite({"a": [1.0, float("nan")], "b": {"c": float("inf")}}) == {"a": [1.0, None], "b": {"c": None}}
