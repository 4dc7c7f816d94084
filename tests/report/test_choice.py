"""Of a mixed store, what belongs together is compared, and the rest is named."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ipa_gym.report import choice as choice_module
from ipa_gym.report.choice import Choice, choose
from ipa_gym.report.source import read_source
from tests.report.rows import frame, grid, row, write_store


def _choice(folder: Path, rows: list[dict[str, object]]) -> Choice:
    return choose(read_source(write_store(folder, rows)))


def test_the_commonest_settings_of_a_pipeline_are_compared(tmp_path: Path) -> None:
    rows = grid(("ipa", "hpa")) + [row(seed=seed, alpha=8.0) for seed in range(5)]
    found = _choice(tmp_path, rows)
    assert found.main["alpha"].unique().to_list() == [2.0]
    assert (found.main.height, found.rows.height) == (12, 17)
    assert "5 rows of other settings" in found.notes[0]


def test_each_agent_keeps_its_commonest_forecast_and_ties_go_to_the_usual_one(tmp_path: Path) -> None:
    rows = [row(agent="ipa", seed=s) for s in range(2)] + [row(agent="ipa", seed=s, forecast="zero") for s in range(2)]
    rows += [row(agent="hpa", seed=s) for s in range(2)] + [row(agent="oracle", seed=0, forecast="perfect")]
    found = _choice(tmp_path, rows).main
    assert sorted(found.select("agent", "forecast").unique().rows()) == [
        ("hpa", "lstm"), ("ipa", "lstm"), ("oracle", "perfect")
    ]  # fmt: skip


def test_versions_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(seed=s, version="1.0+old") for s in range(3)] + [row(seed=s, version="1.1+new") for s in range(2)]
    assert _choice(tmp_path, rows).version == "1.0+old"  # the one with most rows
    monkeypatch.setattr(choice_module, "program_version", lambda: "1.1+new")
    found = choose(read_source(tmp_path))
    assert (found.version, found.main.height) == ("1.1+new", 2)  # the one that runs now
    assert found.notes == ("3 rows of other versions (1.0+old) are in the store and not used.",)


def test_a_run_counts_once_also_where_a_card_has_changed(tmp_path: Path) -> None:
    found = _choice(tmp_path, [row(settings_hash="before"), row(settings_hash="after")])
    assert found.main["settings_hash"].to_list() == ["after"]


def test_agents_come_in_the_tables_order(tmp_path: Path) -> None:
    found = _choice(tmp_path, grid(("random", "mine", "hpa", "ipa"))).main
    assert found["agent"].unique(maintain_order=True).to_list() == ["ipa", "hpa", "random", "mine"]


def test_a_complete_benchmark_says_itself_what_is_compared(tmp_path: Path) -> None:
    """Three rows were asked for with alpha 8, though the store has more with alpha 2."""
    asked = [row(seed=seed, alpha=8.0) for seed in range(3)]
    write_store(tmp_path, grid(("ipa", "hpa")) + asked)
    episodes = frame(asked).drop("latency_counts", "intervals_series")
    for name in ("episodes", "series", "summary"):
        episodes.write_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "settings.json").write_text(json.dumps({"command": "ipa-gym benchmark --set alpha=8"}))
    found = choose(read_source(tmp_path)).main
    assert found["alpha"].to_list() == [8.0, 8.0, 8.0]
    assert isinstance(found, pl.DataFrame)
