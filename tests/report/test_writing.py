"""`write_report` from a folder to files; and the command."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ipa_gym.benchmark.figures import save_figure
from ipa_gym.cli import main
from ipa_gym.errors import IpaGymError, OptionError
from ipa_gym.report import Report, write_report, writing
from ipa_gym.report.choice import choose
from ipa_gym.report.frontier import frontier_section
from ipa_gym.report.source import read_source
from tests.report.rows import grid, row, write_store


@pytest.fixture(scope="module")
def written(full_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report(full_folder, tmp_path_factory.mktemp("report"), formats=("png",))


def test_every_figure_has_its_numbers_beside_it(written: Report) -> None:
    pictures = [path for path in written.figures if path.suffix == ".png"]
    assert {path.stem for path in pictures} == {
        "accuracy-cost", "series-video", "series-sum-qa", "decisions-video-bursty", "decisions-video-steady-low",
        "decisions-sum-qa-bursty", "latency-cdf", "preferences-alpha", "preferences-beta", "forecasts",
        "decision-time-agents", "decision-time-growth", "performance-profiles", "better-than-baseline",
    }  # fmt: skip
    for path in pictures:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert pl.read_csv(path.with_suffix(".csv")).height > 0
    assert written.left_out == ()


def test_numbers_beside_a_figure_are_the_stores(written: Report) -> None:
    table = pl.read_csv(next(path for path in written.figures if path.name == "accuracy-cost.csv"))
    (cost,) = table.filter(pipeline="video", agent="hpa")["cost_cores"].to_list()
    assert round(cost, 9) == 11.1  # place 3 of the grid: 5 + 2 * 3, and 0.1 for the middle seed


def test_the_same_store_gives_the_same_files(tmp_path: Path) -> None:
    folder = write_store(tmp_path / "results", grid(("ipa", "hpa"), ("bursty",), 2))
    first, second = (write_report(folder, tmp_path / name, figures=False).page for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    frontier = frontier_section(choose(read_source(folder)).main).pictures[0]
    for name in "ab":
        save_figure(frontier.draw(), frontier.table, tmp_path / name / "figure", suffixes=(".svg",))
    assert (tmp_path / "a" / "figure.svg").read_bytes() == (tmp_path / "b" / "figure.svg").read_bytes()
    assert (tmp_path / "a" / "figure.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_names_of_cards_cannot_lead_figures_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bases: list[Path] = []
    monkeypatch.setattr(writing, "save_figure", lambda figure, table, base, suffixes: bases.append(base) or [])
    rows = [one | {"pipeline": "../../my pipeline"} for one in grid(("ipa", "hpa"), ("bursty",), 2)]
    write_report(write_store(tmp_path / "results", rows), tmp_path / "out", formats=("svg",))
    assert {path.parent for path in bases} == {tmp_path / "out" / "figures"}
    assert "series-.._.._my_pipeline" in {path.name for path in bases}


def test_a_single_run_is_enough(tmp_path: Path) -> None:
    """No interval, no score, no comparison: the page says so and has the rest."""
    found = write_report(write_store(tmp_path, [row()]), figures=False)
    assert found.page == tmp_path / "report" / "report.html"
    assert {title for title, _ in found.left_out} == {
        "Preferences: α and β", "Forecasts", "Time of a decision by size", "Performance profiles",
        "Better than IPA, how often?",
    }  # fmt: skip
    assert found.figures == ()


def test_ipa_exact_stands_in_where_ipa_was_not_played(tmp_path: Path) -> None:
    page = write_report(write_store(tmp_path, grid(("ipa-exact", "hpa"))), figures=False).page
    assert "probability of earning more" in page.read_text(encoding="utf-8")
    assert "difference to ipa-exact" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("formats", "message"), [(("pgn",), "Did you mean 'png'"), ((), "at least one of png, svg")])
def test_formats_are_checked_before_anything_is_read(tmp_path: Path, formats: tuple[str, ...], message: str) -> None:
    with pytest.raises(IpaGymError, match=message):
        write_report(tmp_path / "missing", formats=formats)


def test_an_output_folder_in_the_way_of_a_file_is_refused(full_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OptionError, match="is not a folder"):
        write_report(full_folder, tmp_path / "taken")


def test_an_output_folder_without_permission_is_refused(
    full_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipa_gym.files.os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(OptionError, match="cannot be written"):
        write_report(full_folder, tmp_path / "closed" / "report")


def test_the_command_prints_the_page_and_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_store(tmp_path, grid(("ipa", "hpa"), ("bursty",), 2))
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path), "--no-figures"])
    captured = capsys.readouterr()
    assert ended.value.code == 0
    assert captured.out.strip() == str(tmp_path / "report" / "report.html")
    assert "left out, without data: Forecasts (ipa-gym benchmark --study forecasts)" in captured.err


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path / "nowhere")])
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.err.startswith("ipa-gym: error: ")
    assert captured.err.count("\n") == 1


def test_json_lists_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_store(tmp_path, [row()])
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path), "--no-figures", "--json", "--out", str(tmp_path / "there")])
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == str(tmp_path / "there" / "report.html")
    assert found["page_bytes"] == (tmp_path / "there" / "report.html").stat().st_size
    assert {"section": "Forecasts", "command": "ipa-gym benchmark --study forecasts"} in found["left_out"]
