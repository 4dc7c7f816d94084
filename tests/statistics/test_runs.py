"""The layout of runs: what is drawn together, what each weighs, and that combining runs changes no mean."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.statistics import Draw, Runs, contributions, shared_runs, stratified_runs
from ipa_gym.statistics.resampling import stretch, student_error
from ipa_gym.statistics.runs import combined, components, resampled_weights


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _crossed() -> Runs:
    """Two tasks, three seeds, two agents on the first and one on the second."""
    task = ["a"] * 6 + ["b"] * 3
    seed = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    agent = ["x"] * 3 + ["y"] * 3 + ["z"] * 3
    draws = (Draw.of_labels(seed), Draw.of_labels(agent, task))
    return Runs.of_tasks(np.arange(9.0) ** 2, task, draws)


def test_units_of_different_strata_are_different_ones() -> None:
    draw = Draw.of_labels(["1", "2", "1", "2"], ["a", "a", "b", "b"])
    assert draw.n_units == 4
    assert [group.tolist() for group in draw.strata()] == [[0, 1], [2, 3]]
    assert Draw.of_labels(["1", "2", "1", "2"]).n_units == 2


def test_a_stratum_of_one_unit_is_held_fixed() -> None:
    draw = Draw.of_labels([0, 0, 1], ["a", "b", "b"])
    assert [len(group) for group in draw.strata()] == [2]
    runs = Runs.of_tasks([5.0, 1.0, 3.0], [0, 1, 1], (draw,))
    for weights in resampled_weights(runs, rng(), 50):
        assert (weights[:, 0] == 0.5).all()


def test_tasks_weigh_alike() -> None:
    assert _crossed().weights.tolist() == pytest.approx([1 / 12] * 6 + [1 / 6] * 3)


def test_what_units_add_sums_to_the_mean() -> None:
    runs = _crossed()
    for draw in runs.draws:
        assert contributions(runs, draw).sum() == pytest.approx(runs.weights @ runs.values)
    assert contributions(runs, runs.draws[0])[0] == pytest.approx((0 + 9) / 12 + 36 / 6)  # seed 0


def test_resampled_weights_are_products_of_whole_counts() -> None:
    runs = _crossed()
    for weights in resampled_weights(runs, rng(), 200):
        assert weights.sum(axis=1) == pytest.approx(np.ones(len(weights)))
        ratio = weights[:, 0:3] * weights[:, [7, 8, 6]] - weights[:, [1, 2, 0]] * weights[:, 6:9]
        assert abs(ratio).max() < 1e-12  # a seed counts as often in every task
    assert sum(len(weights) for weights in resampled_weights(runs, rng(), 201)) == 201


def test_combining_runs_changes_no_mean() -> None:
    """Eight tasks share three seeds: three combined runs have the same mean in every resample as 24 runs."""
    runs = shared_runs(rng(1).normal(size=(3, 8)))
    fewer, means = combined(runs, runs.values[:, None])
    assert len(means) == 3
    whole = np.concatenate([weights @ runs.values for weights in resampled_weights(runs, rng(2), 100)])
    short = np.concatenate([weights @ means[:, 0] for weights in resampled_weights(fewer, rng(2), 100)])
    assert short == pytest.approx(whole)


def test_components_are_the_variances_of_the_bootstrap() -> None:
    runs = stratified_runs(rng(3).normal(size=(4, 2)) * [1.0, 5.0])
    means = np.concatenate([weights @ runs.values for weights in resampled_weights(runs, rng(), 20_000)])
    assert sum(variance for variance, _ in components(runs)) == pytest.approx(means.var(), rel=0.04)
    assert [n for _, n in components(runs)] == [4, 4]


def test_two_seeds_are_stretched_to_students_reach() -> None:
    """Values 0 and 1: s² = ½, standard error ½, one degree of freedom; the bootstrap sees variance ⅛."""
    assert student_error([(0.125, 2)]) == (0.5, 1.0)
    assert stretch([(0.125, 2)], 0.95) == pytest.approx(12.7062 * 0.5 / (0.125**0.5 * 1.95996), rel=1e-4)
    assert stretch([(1.0, 10**6)], 0.95) == pytest.approx(1.0, abs=1e-4)
    assert stretch([(0.0, 3)], 0.95) == pytest.approx(1.0)
