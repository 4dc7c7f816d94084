"""Weights and forecasts: which rows belong to a study, and that settings are compared on the same tasks."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ipa_gym.report.choice import choose
from ipa_gym.report.forecasts import forecast_rows, forecast_section, in_order
from ipa_gym.report.preferences import preference_section, preference_table
from ipa_gym.report.source import read_source
from tests.report.rows import grid, row, write_store

MAIN = grid(("ipa", "hpa"))  # alpha 2, beta 1, forecast lstm; seeds 0 to 2


def _preferences(folder: Path, rows: list[dict[str, object]]) -> pl.DataFrame:
    return preference_table(choose(read_source(write_store(folder, [*MAIN, *rows]))))


def _mean(table: pl.DataFrame, **where: object) -> float:
    (found,) = table.filter(**where)["mean"].to_list()
    return float(found)


def test_the_own_weight_and_its_multiples_are_one_curve(tmp_path: Path) -> None:
    rows = [row(seed=seed, alpha=2.0 * factor, cost_cores=10.0 * factor) for factor in (0.5, 4.0) for seed in range(3)]
    table = _preferences(tmp_path, rows)
    own = table.filter(metric="cost_cores")
    assert own.select("knob", "factor", "agent").rows() == [("alpha", f, "ipa") for f in (0.5, 1.0, 4.0)]
    assert _mean(own, factor=0.5) == 5.0
    assert round(_mean(own, factor=1.0), 9) == 5.1  # grid: 5.0, 5.1, 5.2 on bursty, the load that all have played


def test_only_seeds_that_every_weight_has_played_count(tmp_path: Path) -> None:
    rows = [row(seed=seed, alpha=8.0, cost_cores=1.0 + seed) for seed in (1, 2, 3)]
    table = _preferences(tmp_path, rows).filter(metric="cost_cores")
    assert _mean(table, factor=4.0) == 2.5  # seeds 1 and 2: (2 + 3) / 2
    assert round(_mean(table, factor=1.0), 9) == 5.15  # seeds 1 and 2 of the main rows
    assert table["n"].to_list() == [2, 2]


def test_the_price_of_violations_may_follow_beta(tmp_path: Path) -> None:
    rows = [
        row(seed=0, beta=2.0, options='{"reward": {"rho": 60.0}}'),
        row(seed=0, beta=4.0, options='{"service_cv": 0.3}'),
    ]
    table = _preferences(tmp_path, rows)
    assert table.select("knob", "factor").unique(maintain_order=True).rows() == [("beta", 1.0), ("beta", 2.0)]


def test_rows_that_differ_in_more_than_one_weight_belong_to_no_curve(tmp_path: Path) -> None:
    both = [
        row(seed=0, alpha=4.0, beta=2.0),
        row(seed=0, alpha=4.0, interval_s=2.0),
        row(seed=0, alpha=4.0, forecast="max"),
    ]
    table = _preferences(tmp_path, both)
    assert table.height == 0
    section = preference_section(table)
    assert section.empty
    assert section.missing == "ipa-gym benchmark --study preferences"


def test_forecasts_are_compared_on_common_tasks_and_violations_are_counted(tmp_path: Path) -> None:
    rows = [row(seed=seed, forecast="reactive", violations=10 + seed, violations_percent=5.0) for seed in (0, 1)]
    rows += [row(seed=seed, forecast="perfect", violations=0) for seed in (0, 1, 7)]
    section = forecast_section(forecast_rows(choose(read_source(write_store(tmp_path, [*MAIN, *rows])))))
    assert section.data["forecasts"] == ["perfect", "lstm", "reactive"]
    (line,) = section.tables[0].rows
    assert [cell.text for cell in line] == ["video", "ipa", "200", "0", "2", "21"]  # of two runs of 100 requests
    assert line[5].interval == "10.50 %"
    late = {p["forecast"]: p["violations_percent"] for p in section.data["points"] if p["trace"] == "all"}
    assert late == {"perfect": 1, "lstm": 1, "reactive": 5}


def test_one_forecast_is_no_study(tmp_path: Path) -> None:
    section = forecast_section(forecast_rows(choose(read_source(write_store(tmp_path, MAIN)))))
    assert section.empty
    assert section.missing == "ipa-gym benchmark --study forecasts"


def test_forecasts_come_from_the_best_to_the_plainest() -> None:
    assert in_order(["mine", "reactive", "lstm", "perfect"]) == ["perfect", "lstm", "reactive", "mine"]
