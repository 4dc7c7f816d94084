"""The page's series: which run is shown, how it is packed, and what is left out of a large one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ipa_gym.report import series as series_module
from ipa_gym.report.series import series_rows, series_section
from ipa_gym.store import Store
from tests.report.rows import frame, grid, intervals, row, write_store


def _series(folder: Path, rows: list[dict[str, object]]) -> pl.DataFrame:
    write_store(folder, rows)
    return series_rows(frame(rows), Store(folder / "store"))


def test_every_agent_is_shown_on_the_lowest_seed_of_the_first_window(tmp_path: Path) -> None:
    rows = [
        row(agent=agent, window=window, seed=seed, intervals_series=intervals(2, cost_cores=cost))
        for agent in ("ipa", "hpa")
        for window, seed, cost in (("0:20", 4, 4.0), ("0:20", 3, 3.0), ("20:40", 3, 9.0))
    ]
    found = _series(tmp_path, rows)
    assert found.select("agent", "window", "seed", "cost_cores").unique(maintain_order=True).rows() == [
        ("ipa", "0:20", 3, 3.0), ("hpa", "0:20", 3, 3.0)
    ]  # fmt: skip
    assert found["time_s"].to_list() == [10.0, 20.0] * 2


def test_an_agent_that_has_not_played_that_seed_is_shown_on_its_own(tmp_path: Path) -> None:
    found = _series(tmp_path, [row(seed=0), row(seed=1), row(agent="hpa", seed=1)])
    assert found.select("agent", "seed").unique(maintain_order=True).rows() == [("ipa", 0), ("hpa", 1)]


def test_decisions_are_packed_by_stage_as_places_in_the_list_of_variants(tmp_path: Path) -> None:
    series = intervals(
        2, variants=(["small", "x"], ["large", "x"]), replicas=([3, 1], [5, 2]), batches=([1, 4], [2, 8])
    )
    rows = [row(intervals_series=series), row(agent="hpa", intervals_series=intervals(2, variants=["medium", "x"]))]
    data = series_section(_series(tmp_path, rows), 2).data
    (group,) = data["groups"]
    assert group["variants"] == [["large", "medium", "small"], ["x"]]
    packed = group["agents"]["ipa"]
    assert (packed["variants"], packed["replicas"], packed["batches"]) == (
        [[2, 0], [0, 0]],
        [[3, 5], [1, 2]],
        [[1, 2], [4, 8]],
    )
    assert (group["sla_s"], group["time_s"], group["load_max_rps"]) == (5.0, [10, 20], [6, 6])


def test_intervals_in_which_nothing_completed_are_gaps(tmp_path: Path) -> None:
    series = intervals(2, latency_p99_s=(float("nan"), 1.5))
    data = series_section(_series(tmp_path, [row(intervals_series=series)]), 1).data
    assert data["groups"][0]["agents"]["ipa"]["latency_p99_s"] == [None, 1.5]


def test_a_large_store_is_cut_and_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_module, "MOST_INTERVALS", 10)
    section = series_section(_series(tmp_path, grid(("ipa", "hpa"))), 12)  # 2 loads x 2 agents x 4 intervals
    assert [group["trace"] for group in section.data["groups"]] == ["bursty"]
    assert "2 of 12 runs" in section.notes[0]
    assert section.notes[1].startswith("2 of these series are left out")
    assert {picture.name for picture in section.pictures} == {
        "series-video", "decisions-video-bursty", "decisions-video-steady-low"
    }  # fmt: skip


def test_a_store_without_intervals_has_no_series(tmp_path: Path) -> None:
    section = series_section(_series(tmp_path, [row(intervals_series=[])]), 1)
    assert section.empty
    assert section.missing == "ipa-gym benchmark"


def test_csv_of_the_decisions_has_a_row_an_interval_and_stage(tmp_path: Path) -> None:
    section = series_section(_series(tmp_path, [row(intervals_series=intervals(2, replicas=([3, 1], [4, 2])))]), 1)
    (picture,) = [one for one in section.pictures if one.name.startswith("decisions")]
    assert picture.table.select("time_s", "stage", "variant", "replicas").rows() == [
        (10.0, 1, "small", 3), (10.0, 2, "resnet", 1), (20.0, 1, "small", 4), (20.0, 2, "resnet", 2)
    ]  # fmt: skip
