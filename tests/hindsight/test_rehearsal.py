"""`Rehearsal`: a state that branches goes on exactly as an environment that is stepped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.hindsight.rehearsal import Rehearsal
from tests.hindsight.conftest import played_rewards, random_plan, wave_arguments, wave_settings

CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"service_cv": 0.4, "startup_scale": 2.0},
    {"mean_rps": 60.0, "interval": 5.0},  # queues outgrow the arrays' first room
)


@pytest.mark.parametrize("changes", CHANGES)
def test_a_branch_among_others_is_the_environment_bit_for_bit(changes: dict[str, Any]) -> None:
    settings = wave_settings(**changes)
    rng = np.random.default_rng(3)
    plan = random_plan(settings, rng)
    rehearsal = Rehearsal(settings, start=130, seed=7, width=16)
    states, own, rewards = rehearsal.start_state, 0, []
    for action in plan:
        n = len(states.blocks.counts)
        parents = np.concatenate([rng.integers(n, size=20), [own], rng.integers(n, size=20)])
        actions = np.array([random_plan(settings, rng)[0] for _ in parents])
        actions[20] = action
        rewards.append(rehearsal.try_out(states, parents, actions).rewards[20])
        kept = np.array([3, 20, 38, 11])  # in an order of its own
        states, again = rehearsal.advance(states, parents[kept], actions[kept])
        own = 1
        assert again[1] == rewards[-1]
    assert rewards == played_rewards(wave_arguments(**changes), plan, start=130, seed=7)


def test_plans_earn_what_the_environment_pays_for_them() -> None:
    settings = wave_settings()
    rng = np.random.default_rng(1)
    plans = np.array([random_plan(settings, rng) for _ in range(9)])
    earned = Rehearsal(settings, start=0, seed=4, width=4).earned(plans)
    for plan, total in zip(plans, earned, strict=True):
        rewards = played_rewards(wave_arguments(), plan, start=0, seed=4)
        assert total == pytest.approx(sum(rewards), abs=1e-12)


def test_fixed_windows_are_rehearsed_as_they_are_played() -> None:
    fixed: dict[str, Any] = {"windows": [(10, 50), (200, 240)]}
    settings = wave_settings(**fixed)
    plan = random_plan(settings, np.random.default_rng(2))
    earned = Rehearsal(settings, start=10, seed=5).earned(plan[None])[0]
    assert earned == pytest.approx(sum(played_rewards(wave_arguments(**fixed), plan, start=None, seed=5)), abs=1e-12)


def test_a_start_outside_the_split_is_refused() -> None:
    with pytest.raises(OptionError, match="start is 390; expected a whole second from 0 to 280"):
        Rehearsal(wave_settings(), start=390, seed=0)
