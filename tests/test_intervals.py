"""benchmarks/intervals.py: rewards at 10 s and at 2 s can be compared, and its tables hold the right numbers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ipa_gym import catalog
from ipa_gym.evaluation import play_agent
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import env_settings

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import intervals
from intervals import Episode, Played


@pytest.mark.parametrize("trace", ["bursty", "steady-high"])
def test_a_policy_that_never_changes_earns_the_same_at_both_intervals(trace: str) -> None:
    card = load_agent_card("static")
    slow, fast = (
        play_agent(env_settings("sum-qa", trace, split="all", interval=interval_s), card, np.array([0]), seed=3)
        for interval_s in (10.0, 2.0)
    )
    assert fast.arrivals.tolist() == slow.arrivals.tolist()
    assert slow.violations_percent[0] > 0.5
    assert fast.violations_percent[0] == slow.violations_percent[0]
    assert fast.reward_mean[0] == pytest.approx(slow.reward_mean[0], rel=1e-12)


def _played(rewards: list[float], arrivals: int = 100) -> Played:
    numbers = np.array(rewards)
    return Played(numbers, 0 * numbers + 1.5, 0 * numbers + 8.0, 0 * numbers + 3.0, np.full(len(rewards), arrivals))


def test_the_difference_is_that_of_2_s_over_10_s_paired_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "names", lambda folder: ["video"])
    results = {}
    for item in intervals.interval_items(["kpa"]):
        gain = 2.0 if item.interval_s == 2.0 else 0.0
        results[item] = _played([-10.0 + gain, -30.0 + gain, -80.0 + gain])
    line = list(intervals.interval_table(results, ["kpa"]))[-1]
    # Seeds differ by tens, their differences not at all: the interval has no width.
    assert line == ("| video | `kpa` | -40.00 | -38.00 | +2.00 (+2.00 to +2.00) | 1.50 | 1.50 | 8.0 | 8.0 | 3 | 3 |")


def test_settings_are_named_beside_the_card_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "names", lambda folder: ["video"])
    results = {item: _played([-7.0] if item.changes else [-9.0]) for item in intervals.variation_items(["keda"])}
    lines = list(intervals.variation_table(results, ["keda"]))
    assert lines[2] == "| `keda` | as in the card | -9.0 (1.5 %) |"
    assert lines[3] == "| `keda` | `rate_window` 60 | -7.0 (1.5 %) |"
    assert len(lines) == 2 + 1 + 4


def test_other_arrivals_void_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    class Engine:
        def run(self, work: object, items: list[Episode]) -> list[tuple[Episode, Played]]:
            return [(item, _played([0.0], arrivals=100 + index)) for index, item in enumerate(items)]

    monkeypatch.setattr(intervals, "open_engine", lambda name, jobs: Engine())
    item = Episode("kpa", (), "video", "bursty", 10.0)
    assert list(intervals.play_all([item], seeds=1, jobs=1)) == [item]
    with pytest.raises(RuntimeError, match="other arrivals"):
        intervals.play_all([item, replace(item, interval_s=2.0)], seeds=1, jobs=1)


@pytest.mark.parametrize(("agent", "changes"), intervals.VARIATIONS)
def test_every_setting_is_one_of_its_policy(agent: str, changes: dict[str, object]) -> None:
    from ipa_gym.policies import policy_class

    parameters = policy_class(load_agent_card(agent).policy).PARAMETERS
    for name, value in changes.items():
        assert parameters[name].accepts(value)
        assert value != load_agent_card(agent).parameters[name]
