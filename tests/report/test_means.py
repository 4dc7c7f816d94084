"""Means by hand: windows before loads, loads alike, and the interval over what differs."""

from __future__ import annotations

import math

import polars as pl
import pytest

from ipa_gym.report.means import means, on_common_tasks
from tests.report.rows import frame, row


def _of(table: pl.DataFrame, **where: str) -> dict[str, float]:
    (found,) = table.filter(**where).to_dicts()
    return found


def test_windows_are_averaged_before_loads_so_that_every_load_counts_the_same() -> None:
    rows = [
        row(trace="a", window=window, cost_cores=cost) for window, cost in (("0:1", 1.0), ("1:2", 3.0), ("2:3", 5.0))
    ]
    rows.append(row(trace="b", cost_cores=10.0))
    table = means(frame(rows), ["cost_cores"])
    assert _of(table, trace="a")["mean"] == 3.0  # (1 + 3 + 5) / 3
    assert _of(table, trace="all")["mean"] == 6.5  # (3 + 10) / 2, not 19 / 4


def test_the_interval_is_students_over_the_seeds() -> None:
    table = means(frame([row(seed=seed, pas=pas) for seed, pas in enumerate((0.1, 0.2, 0.6))]), ["pas"])
    found = _of(table, trace="bursty")
    half = 4.302652729911275 * math.sqrt(0.07) / math.sqrt(3)  # t of 0.975 with 2 degrees of freedom, s² = 0.07
    assert found["n"] == 3
    assert found["half_width"] == pytest.approx(half)


def test_of_an_agent_trained_several_times_the_interval_is_over_the_trainings() -> None:
    rows = [
        row(agent="trained", training_seed=training, seed=seed, cost_cores=cost + seed)
        for training, cost in (("0", 1.0), ("1", 5.0))
        for seed in range(4)
    ]
    found = _of(means(frame(rows), ["cost_cores"]), trace="bursty")
    assert found["n"] == 2  # not 4 seeds, nor 8 episodes
    assert found["mean"] == 4.5  # (1 + 5) / 2 + (0 + 1 + 2 + 3) / 4
    assert found["half_width"] == pytest.approx(12.706204736432095 * math.sqrt(8) / math.sqrt(2))


def test_values_that_are_missing_are_left_out() -> None:
    rows = [
        row(seed=0, latency_p99_s=math.nan),
        row(seed=1, latency_p99_s=3.0),
        row(agent="hpa", latency_p99_s=math.nan),
    ]
    table = means(frame(rows), ["latency_p99_s"])
    assert (_of(table, trace="bursty", agent="ipa")["mean"], _of(table, trace="bursty", agent="ipa")["n"]) == (3.0, 1)
    assert math.isnan(_of(table, trace="bursty", agent="hpa")["mean"])


def test_settings_are_compared_on_the_tasks_that_all_of_them_have_played() -> None:
    rows = [row(forecast="lstm", seed=seed) for seed in (0, 1, 2)] + [
        row(forecast="max", seed=seed) for seed in (1, 2, 3)
    ]
    rows += [row(agent="rim", forecast="lstm", seed=9)]  # with one setting: nothing to have in common
    common = on_common_tasks(frame(rows), ["forecast"], ["pipeline", "agent"])
    assert sorted(common.filter(agent="ipa").select("forecast", "seed").rows()) == [
        ("lstm", 1), ("lstm", 2), ("max", 1), ("max", 2)
    ]  # fmt: skip
