"""How often 95 % intervals hold the truth, by simulation with a bounded standard error; docs/statistics.md quotes it.

Print the tables of the page: ``python -m tests.statistics.test_coverage``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ipa_gym.statistics import Runs, iqm_estimate, mean_estimate, shared_runs, sign_flip_p, stratified_runs
from ipa_gym.statistics.runs import contributions, resampled_weights

N_TASKS = 20
REAL_CORRELATION = 0.15  # between tasks of one seed; `python -m benchmarks.shared_traffic` finds 0.17 for rewards
Make = Callable[[NDArray[np.float64]], Runs]


def scores(n_seeds: int, correlation: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Normal scores (n_seeds, 20) of true mean, median and interquartile mean 0; a seed moves all its tasks."""
    common, own = draw.normal(size=(n_seeds, 1)), draw.normal(size=(n_seeds, N_TASKS))
    return math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own


def covered(make: Make, *, n_seeds: int, correlation: float, iqm: bool, replications: int = 400) -> float:
    """The share of intervals that hold 0."""
    draw, hits = np.random.default_rng(11), 0
    estimate = iqm_estimate if iqm else mean_estimate
    for replication in range(replications):
        runs = make(scores(n_seeds, correlation, draw))
        found = estimate(runs, rng=np.random.default_rng(replication), n_resamples=400)
        hits += found.low <= 0 <= found.high
    return hits / replications


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("iqm", [False, True])
def test_seeds_drawn_for_all_tasks_at_once_hold_the_truth(n_seeds: int, iqm: bool) -> None:
    """Four standard errors of 400 replications are 4.4 %."""
    assert 0.9065 < covered(shared_runs, n_seeds=n_seeds, correlation=REAL_CORRELATION, iqm=iqm) < 0.99


def test_seeds_drawn_apart_in_each_task_hold_it_only_where_tasks_are_independent() -> None:
    assert covered(stratified_runs, n_seeds=5, correlation=0.0, iqm=True) > 0.9065
    assert covered(stratified_runs, n_seeds=5, correlation=REAL_CORRELATION, iqm=True) < 0.80


@pytest.mark.parametrize(("n_seeds", "correlation"), [(12, REAL_CORRELATION), (12, 0.0)])
def test_sign_flips_of_seeds_reject_five_true_hypotheses_in_a_hundred(n_seeds: int, correlation: float) -> None:
    """Signs are flipped seed by seed, over all loads at once, so that what loads have in common is kept."""
    draw, rejected = np.random.default_rng(12), 0
    for _ in range(800):
        runs = shared_runs(scores(n_seeds, correlation, draw)[:, :4])
        rejected += sign_flip_p(contributions(runs, runs.draws[0]), rng=draw) <= 0.05
    assert abs(rejected / 800 - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 800)


def coverage_table() -> str:
    """The first table of the page: twenty tasks, seeds drawn for all at once and apart."""
    lines = ["| seeds | correlation | mean, shared | IQM, shared | mean, apart | IQM, apart |", "|" + "---:|" * 6]
    for correlation in (0.0, REAL_CORRELATION):
        for n_seeds in (2, 3, 5, 10, 20):
            shares = [
                covered(make, n_seeds=n_seeds, correlation=correlation, iqm=iqm, replications=1000)
                for make in (shared_runs, stratified_runs)
                for iqm in (False, True)
            ]
            lines.append(_line(n_seeds, f"{correlation:.2f}", *map(_percent, shares)))
    return "\n".join(lines)


def ends_table() -> str:
    """The second: one task, plain percentiles and ours, normal and exponential numbers."""
    lines = ["| seeds | plain, normal | ours, normal | plain, exponential | ours, exponential |", "|" + "---:|" * 5]
    for n_seeds in (2, 3, 5, 10, 20):
        shares = [_covered_once(kind, n_seeds) for kind in ("normal", "exponential")]
        lines.append(_line(n_seeds, *(_percent(share) for pair in shares for share in pair)))
    return "\n".join(lines)


def _covered_once(kind: str, n_seeds: int) -> NDArray[np.float64]:
    """Of 1,000 intervals of a mean, the shares of plain percentile ones and of ours that hold the truth."""
    draw, hits = np.random.default_rng(13), np.zeros(2)
    for replication in range(1000):
        values = getattr(draw, kind)(size=(n_seeds, 1)) - (kind == "exponential")
        runs = shared_runs(values)
        rng, again = (np.random.default_rng(replication) for _ in range(2))
        means = np.concatenate([weights @ runs.values for weights in resampled_weights(runs, rng, 400)])
        found, (low, high) = mean_estimate(runs, rng=again, n_resamples=400), np.quantile(means, [0.025, 0.975])
        hits += [low <= 0 <= high, found.low <= 0 <= found.high]
    return hits / 1000


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    print(coverage_table(), ends_table(), sep="\n\n")
