"""The policies that look at nothing, or once."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.policies import Setting
from ipa_gym.policies.static import StaticPolicy
from ipa_gym.policies.uniform import RandomPolicy
from tests.policies.conftest import seen, stage_seen


def test_static_repeats_what_it_saw_first(setting: Setting) -> None:
    policy = StaticPolicy(setting)
    first = seen(setting, stage_seen(variant=1, target_variant=1, batch=2, replicas=4), stage_seen(replicas=3))
    other = seen(setting, stage_seen(replicas=9), stage_seen(replicas=9), forecast_rps=30)
    assert policy.act(first).tolist() == [1, 1, 3, 0, 0, 2]
    assert policy.act(other).tolist() == [1, 1, 3, 0, 0, 2]
    policy.reset()
    assert policy.act(other).tolist() == [0, 0, 8, 0, 0, 8]


def test_static_hands_out_copies(setting: Setting) -> None:
    policy = StaticPolicy(setting)
    policy.act(seen(setting))[:] = 1
    assert policy.act(seen(setting)).tolist() == [0, 0, 0, 0, 0, 0]


def test_static_runs_what_its_card_says(setting: Setting) -> None:
    policy = StaticPolicy(
        setting,
        configuration=[
            {"variant": "large", "batch": 4, "replicas": 2},
            {"variant": "tiny", "batch": 1, "replicas": 10},
        ],
    )
    for _ in range(2):
        assert policy.act(seen(setting)).tolist() == [1, 2, 1, 0, 0, 9]
        policy.reset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "larg"}, "Did you mean 'large'"),
        ({"batch": 3}, "expected one of"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": "2"}, "expected a whole number"),
        ({"replica": 2}, "Did you mean 'replicas'"),
    ],
)
def test_static_refuses_a_configuration_that_cannot_run(
    setting: Setting, change: dict[str, object], message: str
) -> None:
    stage = {"variant": "large", "batch": 1, "replicas": 1, **change}
    with pytest.raises((OptionError, UnknownNameError), match=message):
        StaticPolicy(setting, configuration=[stage, {"variant": "tiny", "batch": 1, "replicas": 1}])


def test_random_is_uniform_over_every_number_s_range(setting: Setting) -> None:
    policy = RandomPolicy(setting, seed=3)
    actions = np.array([policy.act(seen(setting)) for _ in range(6000)])
    for column, size in enumerate((2, 3, 10, 2, 3, 10)):
        counts = np.bincount(actions[:, column], minlength=size)
        expected = 6000 / size
        error = (6000 / size * (1 - 1 / size)) ** 0.5  # binomial
        assert len(counts) == size
        assert np.abs(counts - expected).max() < 4 * error


def test_random_is_its_seed_s_and_starts_anew_with_each_episode(setting: Setting) -> None:
    def episode(policy: RandomPolicy) -> list[list[int]]:
        return [policy.act(seen(setting)).tolist() for _ in range(5)]

    policy = RandomPolicy(setting, seed=1)
    first = episode(policy)
    assert episode(policy) != first
    policy.reset()
    assert episode(policy) == first
    assert episode(RandomPolicy(setting, seed=2)) != first
