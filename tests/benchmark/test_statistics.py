"""Means and intervals against numbers worked out by hand and the printed t table."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from ipa_gym.benchmark.statistics import ALL_TRACES, mean_interval, seed_means, summarise

WHO = {"pipeline": "p", "agent": "a", "training_seed": ""}


def test_interval_of_three_seeds_uses_t_of_two_degrees_of_freedom() -> None:
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert found.mean == 2.0
    assert found.n == 3
    assert found.half_width == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)  # t table: 4.303; s = 1


def test_interval_of_five_seeds() -> None:
    found = mean_interval(np.array([10.0, 12.0, 9.0, 11.0, 13.0]))
    assert found.mean == 11.0
    assert found.half_width == pytest.approx(2.7764 * math.sqrt(2.5 / 5), abs=1e-3)  # s^2 = 10 / 4, t(4) = 2.776


def test_one_seed_has_a_mean_but_no_interval() -> None:
    found = mean_interval(np.array([7.0]))
    assert (found.mean, found.n) == (7.0, 1)
    assert math.isnan(found.half_width)


def test_missing_values_are_left_out() -> None:
    assert mean_interval(np.array([1.0, np.nan, 3.0])).n == 2
    nothing = mean_interval(np.array([np.nan, np.nan]))
    assert nothing.n == 0
    assert math.isnan(nothing.mean)


def test_coverage_of_the_interval_is_95_percent() -> None:
    rng = np.random.default_rng(1)
    hits = [abs((found := mean_interval(rng.normal(5, 2, 4))).mean - 5) < found.half_width for _ in range(4000)]
    assert abs(np.mean(hits) - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 4000)


def test_seed_means_average_the_tasks_of_each_seed() -> None:
    found = seed_means(np.array([[1.0, 3.0], [2.0, np.nan], [np.nan, np.nan]]))
    assert found[:2].tolist() == [2.0, 2.0]
    assert math.isnan(found[2])


def test_interval_over_traces_is_over_seeds_not_over_traces() -> None:
    """Two loads far apart, hardly any difference between seeds: the interval must be narrow."""
    rows = [
        {**WHO, "trace": trace, "window": "0:9", "seed": seed, "m": level + 0.1 * seed}
        for trace, level in (("low", 0.0), ("high", 100.0))
        for seed in (2, 0, 1)
    ]
    summary = summarise(pl.DataFrame(rows), ["m"])
    over_all = summary.filter(pl.col("trace") == ALL_TRACES).row(0, named=True)
    assert over_all["mean"] == pytest.approx(50.1)
    assert over_all["n"] == 3
    assert over_all["half_width"] == pytest.approx(4.3027 * 0.1 / math.sqrt(3), rel=1e-4)
    assert summary["trace"].to_list() == ["low", "high", ALL_TRACES]


def test_windows_and_training_seeds_are_averaged_before_the_seeds_are_compared() -> None:
    """Seed 0: windows 1 and 3 of one training seed, 5 and 7 of the other; seed 1: the same plus 10."""
    values = {("0:9", "0"): 1.0, ("9:18", "0"): 3.0, ("0:9", "1"): 5.0, ("9:18", "1"): 7.0}
    rows = [
        {**WHO, "trace": "t", "window": window, "training_seed": training, "seed": seed, "m": value + 10 * seed}
        for (window, training), value in values.items()
        for seed in (1, 0)
    ]
    found = summarise(pl.DataFrame(rows), ["m"]).row(0, named=True)
    assert (found["mean"], found["n"]) == (9.0, 2)  # of 4 and 14
    assert found["half_width"] == pytest.approx(12.706 * math.sqrt(50) / math.sqrt(2), rel=1e-4)  # s of 4 and 14
