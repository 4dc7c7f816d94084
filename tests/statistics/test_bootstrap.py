"""Intervals against what is known: exact cases, coverage over independent replications, the paired gain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.evaluation import Estimate, difference_interval, mean_interval

N_WINDOWS = 40
BASE = np.random.default_rng(5).normal(size=N_WINDOWS) * 3


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_equal_agents_differ_by_exactly_nothing() -> None:
    assert difference_interval(BASE, BASE.copy(), rng=rng()) == Estimate(0.0, 0.0, 0.0, N_WINDOWS)


def test_a_shifted_copy_differs_by_exactly_the_shift() -> None:
    eighths = np.round(8 * BASE) / 8  # so that no sum is rounded
    assert difference_interval(eighths + 0.5, eighths, rng=rng()) == Estimate(0.5, 0.5, 0.5, N_WINDOWS)
    seeds = np.tile(eighths - 2.0, (4, 1))  # four training seeds that have learned the same
    assert difference_interval(seeds, eighths, rng=rng()) == Estimate(-2.0, -2.0, -2.0, N_WINDOWS)


def test_an_equal_generator_gives_an_equal_interval_and_global_state_is_not_touched() -> None:
    other = rng(1).normal(size=(3, N_WINDOWS))
    np.random.seed(0)  # noqa: NPY002  # the state that must stay as it is
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    found = [difference_interval(other, BASE, rng=rng(seed)) for seed in (7, 7, 8)]
    assert found[0] == found[1]
    assert (found[0].low, found[0].mean) != (found[2].low, math.inf)
    assert found[0].low != found[2].low
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_two_values_have_the_interval_that_can_be_counted_out() -> None:
    """Resampled means of 0 and 1: 0, ½, 1 with ¼, ½, ¼; at 50 % Student's tail of one degree of freedom is under ¼."""
    found = mean_interval(np.array([0.0, 1.0]), rng=rng(), confidence=0.5)
    assert found == Estimate(0.5, 0.0, 1.0, 2)  # plain percentiles too; at 10 % both are at ½
    assert mean_interval(np.array([0.0, 1.0]), rng=rng(), confidence=0.1) == Estimate(0.5, 0.5, 0.5, 2)


def _covered(n_agents: int, seed_sd: float, n_windows: int = N_WINDOWS) -> float:
    """How often the interval of a difference that is 0 in truth contains 0, over 400 independent replications."""
    draw, hits = rng(3), 0
    for replication in range(400):
        windows, agents = draw.normal(size=n_windows), draw.normal(size=(n_agents, 1))
        baseline = 5 * draw.normal(size=n_windows)
        candidate = baseline + windows + seed_sd * agents + draw.normal(size=(n_agents, n_windows)) / 2
        found = difference_interval(candidate, baseline, rng=rng(replication), n_resamples=600)
        hits += found.low <= 0 <= found.high
    return hits / 400


@pytest.mark.parametrize(
    ("n_agents", "seed_sd", "n_windows", "lowest"),
    [
        (1, 0.0, 10, 0.9065),  # found 0.933; plain percentiles 0.888
        (5, 1.0, N_WINDOWS, 0.89),  # found 0.938; plain percentiles 0.880
        (5, 0.1, N_WINDOWS, 0.9065),  # found 0.960; with windows drawn anew for each agent 0.725
    ],
)
def test_a_95_percent_interval_contains_the_truth_95_times_in_a_hundred(
    n_agents: int, seed_sd: float, n_windows: int, lowest: float
) -> None:
    """Four standard errors of 400 replications are 4.4 %; five very different agents lose two more."""
    assert lowest < _covered(n_agents, seed_sd, n_windows) < 0.985


def test_pairing_by_window_makes_the_interval_narrower() -> None:
    """Windows spread by 3, differences by 0.1: unpaired, the interval would be wider by 3 √2 / 0.1."""
    candidate = BASE + 0.1 * rng(6).normal(size=N_WINDOWS)
    paired = difference_interval(candidate, BASE, rng=rng())
    unpaired = difference_interval(rng(9).permutation(candidate), BASE, rng=rng())
    assert unpaired.high - unpaired.low > 20 * (paired.high - paired.low)
    assert paired.mean == pytest.approx(unpaired.mean)
    assert paired.high - paired.low == pytest.approx(
        2 * 2.023 * np.std(candidate - BASE, ddof=1) / math.sqrt(40), rel=0.1
    )


def test_seeds_that_differ_widen_the_interval_and_hard_windows_do_not_average_out() -> None:
    windows = rng(2).normal(size=N_WINDOWS)
    alike = np.tile(windows, (5, 1))
    apart = alike + np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None]
    one, five, varied = (mean_interval(table, rng=rng()) for table in (windows, alike, apart))
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=0.05)
    assert varied.high - varied.low > 4 * (five.high - five.low)
    assert varied.mean == pytest.approx(one.mean)


def test_a_window_without_a_value_is_left_out_for_both() -> None:
    candidate, baseline = np.array([1.0, 2.0, math.nan, 4.0]), np.array([[0.0, math.nan, 0.0, 1.0]])
    found = difference_interval(candidate, baseline, rng=rng())
    assert (found.mean, found.n_windows) == (2.0, 2)  # of 1 - 0 and 4 - 1
    nothing = difference_interval(candidate * math.nan, np.zeros(4), rng=rng())
    assert nothing.n_windows == 0
    assert math.isnan(nothing.mean)


def test_a_single_number_has_a_mean_and_no_interval() -> None:
    found = difference_interval(np.array([3.0]), np.array([1.0]), rng=rng())
    assert (found.mean, found.n_windows) == (2.0, 1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_values_that_cannot_be_compared_are_an_error() -> None:
    with pytest.raises(OptionError, match="40 windows, the baseline 39"):
        difference_interval(BASE, BASE[1:], rng=rng())
    with pytest.raises(OptionError, match=r"shape \(0,\)"):
        mean_interval(np.zeros(0), rng=rng())
    with pytest.raises(OptionError, match="confidence is 95"):
        mean_interval(BASE, rng=rng(), confidence=95)
