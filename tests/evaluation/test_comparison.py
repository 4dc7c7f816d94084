"""The verdict goes by the interval of the reward, the limit on violations by IPA's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.evaluation import METRICS, Comparison, Estimate, Played, WindowResults, compare
from ipa_gym.evaluation.comparison import verdict, violations_limit

N = 12
REWARDS = np.linspace(-8.0, -2.0, N)
SPREAD = 0.25 * np.cos(np.arange(N))


def results(reward_mean: np.ndarray, violations_percent: float = 0.0, first: int = 0) -> WindowResults:
    rest = {metric.name: np.zeros(N) for metric in METRICS}
    values = rest | {"reward_mean": reward_mean, "violations_percent": np.full(N, violations_percent)}
    return WindowResults(starts=first + 1200 * np.arange(N), arrivals=np.full(N, 100), **values)


def against_base(*rewards: np.ndarray, **options: float) -> Comparison:
    candidate = Played("ppo", tuple(results(reward, options.pop("violations", 0.0)) for reward in rewards))
    return compare(candidate, Played("ipa", (results(REWARDS),)), **options)  # type: ignore[arg-type]  # tests change any


def test_the_verdict_is_what_the_interval_allows_to_say() -> None:
    assert against_base(REWARDS + 1 + SPREAD).verdict == "better"
    assert against_base(REWARDS - 1 + SPREAD).verdict == "worse"
    assert against_base(REWARDS + 0.01 + SPREAD).verdict == "undecided"
    assert against_base(REWARDS).verdict == "undecided"
    assert verdict(Estimate(1.0, 0.0, 2.0, N)) == "undecided"  # zero itself is no difference
    assert verdict(Estimate(1.0, math.nan, math.nan, 1)) == "undecided"


def test_means_and_differences_are_those_of_the_windows() -> None:
    found = against_base(REWARDS + 1, REWARDS + 2)
    reward = found.metric("reward_mean")
    assert reward.candidate.mean == pytest.approx(-3.5)
    assert reward.baseline.mean == pytest.approx(-5.0)
    assert reward.difference.mean == pytest.approx(1.5)
    assert 1.0 <= reward.difference.low < reward.difference.high <= 2.0
    assert (found.n_agents, found.n_windows) == (2, N)
    assert [metric.metric for metric in found.metrics] == [metric.name for metric in METRICS]


def test_training_seeds_that_disagree_leave_it_undecided() -> None:
    """Each of the seeds alone is clear; together they are not."""
    apart = [REWARDS + 0.3 + shift + SPREAD for shift in (-2.0, -1.0, 0.0, 1.0, 2.0)]
    assert against_base(apart[0]).verdict == "worse"
    assert against_base(apart[4]).verdict == "better"
    assert against_base(*apart).verdict == "undecided"


def test_violations_are_held_against_the_limit() -> None:
    candidate = Played("ppo", (results(REWARDS, 0.5), results(REWARDS, 1.6)))  # 1.05 on average
    baseline = Played("ipa", (results(REWARDS),))
    assert not compare(candidate, baseline).violations_limit_kept
    assert compare(candidate, baseline, violations_limit_percent=1.2).violations_limit_kept


def test_the_limit_is_one_percent_or_that_of_the_best_ipa() -> None:
    strict, worse = Played("ipa", (results(REWARDS, 0.2),)), Played("ipa-max", (results(REWARDS - 1, 9.0),))
    better = Played("ipa-holt", (results(REWARDS + 1, 2.5),))
    assert violations_limit([]) == 1.0
    assert violations_limit([strict, worse]) == 1.0
    assert violations_limit([strict, worse, better]) == 2.5


def test_other_windows_cannot_be_compared() -> None:
    with pytest.raises(OptionError, match="different windows"):
        compare(Played("ppo", (results(REWARDS),)), Played("ipa", (results(REWARDS, first=7),)))


def test_an_equal_seed_gives_an_equal_comparison() -> None:
    found = [against_base(REWARDS + SPREAD, REWARDS - SPREAD, seed=seed).metric("reward_mean") for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0].difference.low != found[2].difference.low
