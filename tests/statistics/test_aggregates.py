"""Mean, IQM, optimality gap and profiles against hand arithmetic, scipy and full enumeration of the bootstrap."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, trim_mean

from ipa_gym.errors import OptionError
from ipa_gym.statistics import (
    Draw,
    Runs,
    interquartile_mean,
    iqm_estimate,
    mean_estimate,
    optimality_gap_estimate,
    score_profile,
    shared_runs,
    stratified_runs,
)

SCORES = np.array([[0.1, 0.9, 0.5], [0.3, 0.7, 0.4], [0.2, 1.4, 0.6], [0.8, 1.1, 0.45]])  # (n_runs, n_tasks)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_iqm_of_four_is_the_mean_of_the_middle_two() -> None:
    assert interquartile_mean([100.0, 2.0, 4.0, -50.0]) == 3.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 3.0], 2.0),
        ([0.0, 6.0, 12.0], 6.0),  # ¼ of 0 and of 12, all of 6: (0 + 6 + 3) / 1.5
        ([0.0, 1.0, 2.0, 3.0, 40.0], 2.0),  # ¾ · 1 + 2 + ¾ · 3, over 2.5
        ([0.0, 0.0, 1.0, 1.0, 1.0, 100.0], 5 / 6),  # 1.5 off each end: half of the second 0, 1, 1, half of the third 1
    ],
)
def test_iqm_of_counts_that_four_does_not_divide(values: list[float], expected: float) -> None:
    assert interquartile_mean(values) == pytest.approx(expected)


@given(st.integers(1, 8).flatmap(lambda k: st.lists(st.floats(-1e6, 1e6), min_size=4 * k, max_size=4 * k)))
def test_iqm_is_scipys_where_four_divides(values: list[float]) -> None:
    assert interquartile_mean(values) == pytest.approx(trim_mean(values, 0.25), abs=1e-6)


def test_weights_are_repetitions() -> None:
    assert interquartile_mean([1.0, 2.0, 5.0], [1, 2, 3]) == pytest.approx(
        interquartile_mean([1.0, 2.0, 2.0, 5.0, 5.0, 5.0])
    )


def test_iqm_of_nothing_is_an_error() -> None:
    with pytest.raises(OptionError, match="no value"):
        interquartile_mean([])


def test_values_are_those_of_all_runs_together() -> None:
    runs = stratified_runs(SCORES)
    assert mean_estimate(runs, rng=rng()).value == pytest.approx(SCORES.mean())
    assert iqm_estimate(runs, rng=rng()).value == pytest.approx(trim_mean(SCORES, 0.25, axis=None))
    assert optimality_gap_estimate(runs, rng=rng()).value == pytest.approx(
        (12 - 0.5 - np.minimum(SCORES, 1).sum() + 0.5) / 12
    )


def test_optimality_gap_by_hand() -> None:
    """Shortfalls of 0.5, 2 and 1 − 0.25 under 1: 0.5, 0, 0.75."""
    runs = stratified_runs([[0.5], [2.0], [0.25]])
    found = optimality_gap_estimate(runs, rng=rng())
    assert found.value == pytest.approx(1.25 / 3)
    assert found.low == 0.0  # a shortfall is never negative, however far the interval reaches
    assert optimality_gap_estimate(runs, rng=rng(), target=2.0).value == pytest.approx((1.5 + 0 + 1.75) / 3)


def test_every_task_counts_alike_however_many_runs_it_has() -> None:
    scores = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, np.nan]])
    assert mean_estimate(stratified_runs(scores), rng=rng()).value == pytest.approx((2.0 + 5.0) / 2)


def _enumerated(scores: np.ndarray, *, shared: bool) -> np.ndarray:  # type: ignore[type-arg]
    """All bootstrap means, each as often as it is drawn."""
    n, tasks = scores.shape
    draws = list(itertools.product(range(n), repeat=n))
    if shared:
        return np.array([scores[list(draw)].mean() for draw in draws])
    per_task = [[scores[list(draw), task].mean() for draw in draws] for task in range(tasks)]
    return np.array([np.mean(means) for means in itertools.product(*per_task)])


@pytest.mark.parametrize("shared", [True, False])
def test_bootstrap_means_are_all_that_can_be_drawn(shared: bool) -> None:
    """27 draws of three seeds for both tasks at once, 27² of each apart; percentiles are those of the enumeration."""
    scores = np.array([[0.0, 10.0], [1.0, 30.0], [5.0, 11.0]])
    runs = shared_runs(scores) if shared else stratified_runs(scores)
    means = _enumerated(scores, shared=shared)
    found = mean_estimate(runs, rng=rng(1), n_resamples=40_000)
    low, high = np.quantile(means, [0.025, 0.975], method="inverted_cdf")
    freedom = 2.0 if shared else _welch(scores)
    stretch = t.ppf(0.975, freedom) * math.sqrt(3 / 2) / 1.959964
    assert found.low == pytest.approx(means.mean() + stretch * (low - means.mean()), abs=0.3)
    assert found.high == pytest.approx(means.mean() + stretch * (high - means.mean()), abs=0.3)


def _welch(scores: np.ndarray) -> float:  # type: ignore[type-arg]
    """Satterthwaite's degrees of freedom of the mean over tasks."""
    parts = scores.var(axis=0, ddof=1) / len(scores)
    return float(parts.sum() ** 2 / (parts**2 / (len(scores) - 1)).sum())


def test_many_seeds_give_students_interval() -> None:
    """Forty seeds, normal: the ends are those of the t interval, up to what 10,000 resamples leave to chance."""
    values = rng(3).normal(size=40)
    found = mean_estimate(shared_runs(values[:, None]), rng=rng())
    half = t.ppf(0.975, 39) * values.std(ddof=1) / math.sqrt(40)
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_seeds_that_tasks_share_do_not_average_out() -> None:
    """What a seed does to all ten tasks alike: apart, the interval would be √10 times too narrow."""
    seed_effect = rng(5).normal(size=(12, 1)) + np.zeros((1, 10))
    apart, together = (mean_estimate(make(seed_effect), rng=rng()) for make in (stratified_runs, shared_runs))
    ratio = (together.high - together.low) / (apart.high - apart.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.15)


def test_training_seeds_are_drawn_apart_from_the_traffic() -> None:
    """Agents two apart, traffic hardly: the interval is that of three agents, not of sixty runs."""
    agent, traffic = np.divmod(np.arange(60), 20)
    values = agent + 0.01 * rng(1).normal(size=20)[traffic]
    crossed = Runs.of_tasks(values, np.zeros(60), (Draw.of_labels(traffic), Draw.of_labels(agent)))
    found = mean_estimate(crossed, rng=rng())
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert found.high - found.low == pytest.approx(2 * 4.303 / math.sqrt(3), rel=0.1)  # t of 2 degrees, s = 1
    of_traffic = Runs.of_tasks(values, np.zeros(60), (Draw.of_labels(traffic),))
    assert mean_estimate(of_traffic, rng=rng()).high < 1.02


def test_an_interquartile_mean_does_not_follow_an_outlier() -> None:
    scores = rng(4).normal(size=(8, 5))
    wild = scores.copy()
    wild[0, 0] = 1e6
    tame, moved = (iqm_estimate(stratified_runs(table), rng=rng()) for table in (scores, wild))
    assert abs(moved.value - tame.value) < 0.2
    assert moved.high - moved.low < 1.5 * (tame.high - tame.low)


def test_one_run_a_task_has_a_value_and_no_interval() -> None:
    runs = stratified_runs([[1.0, 2.0, 3.0]])
    for found in (mean_estimate(runs, rng=rng()), iqm_estimate(runs, rng=rng())):
        assert found.value == pytest.approx(2.0)
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    profile = score_profile(runs, [1.5], rng=rng())
    assert profile.fraction.tolist() == pytest.approx([2 / 3])
    assert np.isnan(profile.low).all()


def test_equal_runs_have_an_interval_of_no_width() -> None:
    found = mean_estimate(stratified_runs(np.full((4, 3), 0.25)), rng=rng())
    assert (found.low, found.value, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_a_profile_is_the_share_above_and_falls_from_one_to_zero() -> None:
    profile = score_profile(stratified_runs(SCORES), [0.45, -1.0, 2.0, 0.9], rng=rng())
    assert profile.thresholds.tolist() == [-1.0, 0.45, 0.9, 2.0]
    assert profile.fraction.tolist() == pytest.approx([1.0, 7 / 12, 2 / 12, 0.0])  # strictly above
    assert (profile.low <= profile.fraction).all()
    assert (profile.fraction <= profile.high).all()
    assert ((profile.low >= 0) & (profile.high <= 1)).all()
    assert profile.high[1] > profile.low[1]
    assert profile.high[3] == 0.0


def test_the_area_under_a_profile_is_the_mean() -> None:
    """∫ P(score > τ) dτ over τ ≥ 0 is the mean of non-negative scores."""
    grid = np.linspace(0, 1.5, 3001)
    profile = score_profile(stratified_runs(SCORES), grid, rng=rng(), n_resamples=10)
    assert np.trapezoid(profile.fraction, profile.thresholds) == pytest.approx(SCORES.mean(), abs=1e-3)


def test_an_equal_generator_gives_an_equal_interval() -> None:
    runs = stratified_runs(rng().normal(size=(9, 5)))
    found = [iqm_estimate(runs, rng=rng(seed)) for seed in (4, 4, 5)]
    assert found[0] == found[1]
    assert found[0].value == found[2].value
    assert found[0].low != found[2].low


def test_what_cannot_be_estimated_is_an_error() -> None:
    with pytest.raises(OptionError, match="confidence is 95"):
        mean_estimate(stratified_runs(SCORES), rng=rng(), confidence=95)
    with pytest.raises(OptionError, match=r"expected \(n_runs, n_tasks\)"):
        stratified_runs([1.0, 2.0])
    with pytest.raises(OptionError, match="1 values not finite"):
        Runs.of_tasks([1.0, math.inf], [0, 0], ())
    with pytest.raises(OptionError, match=r"lengths \[2, 3\]"):
        Runs.of_tasks([1.0, 2.0], [0, 0, 1], ())
    with pytest.raises(OptionError, match="at least one run"):
        stratified_runs([[math.nan]])
