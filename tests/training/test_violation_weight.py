"""A heavier penalty for violations: in the learner's rewards alone."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.episode import TERMS
from ipa_gym.errors import OptionError
from tests.training.conftest import N_INTERVALS, random_actions, toy_vec_env

TOY_SCALE = 1 / 20  # 1 / rho


def test_the_learner_pays_more_for_violations_and_the_infos_say_what_the_environment_paid() -> None:
    """The penalty counts three times for the learner: twice it is added to the reward, at the scale of 1/20."""
    plain, heavy = toy_vec_env(4, seed=7), toy_vec_env(4, seed=7, violation_weight=3.0)
    plain.reset(), heavy.reset()
    penalties, returns = [], np.zeros(4)
    for actions in random_actions(plain, N_INTERVALS):
        _, rewards, _, _ = plain.step(actions)
        _, found, dones, infos = heavy.step(actions)
        terms = plain.interval_metrics()["reward_violations"]
        np.testing.assert_allclose(found, rewards + 2 * terms * TOY_SCALE, rtol=1e-5)
        np.testing.assert_array_equal(heavy.interval_metrics()["reward_violations"], terms)
        penalties.append(terms)
        returns += sum(plain.interval_metrics()[f"reward_{term}"] for term in TERMS)
    assert dones.all()
    assert np.min(penalties) < -1.0
    assert [info["episode"]["r"] for info in infos] == pytest.approx(returns.tolist(), abs=1e-5)


@pytest.mark.parametrize("weight", [0, -1.0, float("nan"), "2"])
def test_a_weight_of_violations_that_is_none_is_refused(weight: object) -> None:
    with pytest.raises(OptionError, match="violation_weight"):
        toy_vec_env(2, violation_weight=weight)
