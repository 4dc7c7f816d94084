"""Wins and paired tests against hand arithmetic, scipy and the level that they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, permutation_test, ttest_1samp

from ipa_gym.errors import OptionError
from ipa_gym.statistics import (
    Draw,
    Runs,
    probability_of_improvement,
    shared_runs,
    sign_flip_p,
    smallest_sign_flip_p,
    stratified_runs,
    student_p,
    wins,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_ties_are_half_a_win() -> None:
    assert wins([3.0, 2.0, 1.0], 2.0).tolist() == [1.0, 0.5, 0.0]


def test_probability_of_improvement_by_hand() -> None:
    """Task 1: of four pairs of {1, 3} and {2, 3}, 3 > 2 is a win, 3 = 3 a tie: 1.5 / 4. Task 2: all won."""
    found = probability_of_improvement([[1.0, 9.0], [3.0, 8.0]], [[2.0, 0.0], [3.0, 1.0]], rng=rng())
    assert found.value == pytest.approx((1.5 / 4 + 1) / 2)
    assert 0 <= found.low < found.value < found.high <= 1


def test_probability_of_improvement_is_mann_and_whitneys_u() -> None:
    ours, theirs = np.round(rng(1).normal(0.4, 1, (7, 3)), 1), np.round(rng(2).normal(size=(5, 3)), 1)
    expected = [mannwhitneyu(ours[:, task], theirs[:, task]).statistic / 35 for task in range(3)]
    assert probability_of_improvement(ours, theirs, rng=rng()).value == pytest.approx(np.mean(expected))


def test_who_always_wins_improves_surely_and_equals_are_even() -> None:
    low, high = rng(1).random((4, 6)), 2 + rng(2).random((4, 6))
    always = probability_of_improvement(high, low, rng=rng())
    assert (always.value, always.low, always.high) == pytest.approx((1.0, 1.0, 1.0))
    assert probability_of_improvement(low, low, rng=rng()).value == pytest.approx(0.5)
    with pytest.raises(OptionError, match=r"\(4, 6\) and \(4, 5\)"):
        probability_of_improvement(low, low[:, 1:], rng=rng())


def test_signs_of_three_differences_by_hand() -> None:
    """±1 ± 2 ± 4: the eight sums are ±7, ±5, ±3, ±1; as far out as −1 + 2 + 4 = 5 are four of them."""
    assert sign_flip_p([-1.0, 2.0, 4.0], rng=rng()) == 0.5
    assert sign_flip_p([1.0, 2.0, 4.0], rng=rng()) == 0.25
    assert sign_flip_p([0.0, 0.0], rng=rng()) == 1.0


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=7))
def test_all_signs_are_tried(differences: list[float]) -> None:
    signs = np.array(list(itertools.product((-1, 1), repeat=len(differences))))
    sums = np.abs(signs @ np.array(differences))
    least = abs(sum(differences)) - 1e-9 * sum(map(abs, differences))
    assert sign_flip_p(differences, rng=rng()) == pytest.approx(np.mean(sums >= least))


def test_it_is_scipys_permutation_test() -> None:
    differences = rng(3).normal(0.3, 1, 12)
    found = permutation_test(
        (differences, np.zeros(12)), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(differences, rng=rng()) == pytest.approx(found.pvalue)


def test_drawn_signs_come_close_to_all_of_them() -> None:
    """Beyond 20 differences signs are drawn; a difference of 0 changes no sum, so adding one leaves the p-value."""
    differences = rng(5).normal(0.25, 1, 20)
    exact = sign_flip_p(differences, rng=rng())
    drawn = sign_flip_p(np.append(differences, 0.0), rng=rng(1))
    assert 0.05 < exact < 0.95
    assert drawn != exact
    assert abs(drawn - exact) < 4 * math.sqrt(exact * (1 - exact) / 9_999)
    assert sign_flip_p(np.ones(200), rng=rng()) == 1e-4  # never 0: one more than none of 9,999, over 10,000


def test_the_smallest_p_value_of_n_differences() -> None:
    assert [smallest_sign_flip_p(n) for n in (1, 5, 11)] == [1.0, 0.0625, 1 / 1024]
    assert sign_flip_p(np.arange(1, 6), rng=rng()) == smallest_sign_flip_p(5)


@pytest.mark.parametrize("draw", ["normal", "laplace"])
def test_five_in_a_hundred_true_hypotheses_are_rejected(draw: str) -> None:
    """Symmetric differences, 12 at a time: at most 5 %, and not much less."""
    replications = getattr(rng(8), draw)(size=(1500, 12))
    rejected = np.mean([sign_flip_p(row, rng=rng()) <= 0.05 for row in replications])
    assert abs(rejected - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 1500)


def test_student_with_one_draw_is_the_paired_t_test() -> None:
    differences = rng(2).normal(0.4, 1, 9)
    assert student_p(shared_runs(differences[:, None])) == pytest.approx(ttest_1samp(differences, 0).pvalue)


def test_student_with_two_tasks_is_welchs() -> None:
    """Mean over two tasks with runs of their own: standard errors add, degrees of freedom by Satterthwaite."""
    first, second = rng(1).normal(0.5, 1, 6), rng(2).normal(0.5, 3, 4)
    table = np.full((6, 2), np.nan)
    table[:, 0], table[:4, 1] = first, second
    from scipy.stats import ttest_ind

    assert student_p(stratified_runs(table)) == pytest.approx(ttest_ind(first, -second, equal_var=False).pvalue)


def test_student_counts_training_seeds_too() -> None:
    """Three agents that differ make surer less than three times the traffic does."""
    agent, traffic = np.divmod(np.arange(60), 20)
    values = 0.5 + agent - 1 + 0.1 * rng(1).normal(size=60)
    of_traffic = Runs.of_tasks(values, np.zeros(60), (Draw.of_labels(traffic),))
    crossed = Runs.of_tasks(values, np.zeros(60), (Draw.of_labels(traffic), Draw.of_labels(agent)))
    assert student_p(of_traffic) < 1e-6
    assert student_p(crossed) == pytest.approx(ttest_1samp([-0.5, 0.5, 1.5], 0).pvalue, rel=0.05)


def test_student_where_nothing_varies() -> None:
    assert student_p(shared_runs([[0.0], [0.0]])) == 1.0
    assert student_p(shared_runs([[0.5], [0.5]])) == 0.0
    assert math.isnan(student_p(shared_runs([[0.5]])))


def test_what_is_no_difference_is_an_error() -> None:
    with pytest.raises(OptionError, match="0 differences"):
        sign_flip_p([], rng=rng())
    with pytest.raises(OptionError, match="finite"):
        sign_flip_p([1.0, math.nan], rng=rng())
