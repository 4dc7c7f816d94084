"""`DiscreteVecEnv`: rows in place of actions, everything else as before, and value-based learners on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from sb3_contrib import QRDQN
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import DQN

from ipa_gym.errors import OptionError
from ipa_gym.training import DiscreteVecEnv
from ipa_gym.wrappers import useful_configurations
from tests.training.conftest import N_INTERVALS, WAVE, toy_vec_env

SMALL: dict[str, Any] = {"device": "cpu", "policy_kwargs": {"net_arch": [32]}, "seed": 11}


def test_steps_are_those_of_the_same_environments_with_the_rows_actions() -> None:
    discrete, plain = DiscreteVecEnv(toy_vec_env(3, seed=5)), toy_vec_env(3, seed=5)
    assert discrete.action_space == spaces.Discrete(len(discrete.table))
    assert np.array_equal(discrete.reset(), plain.reset())
    assert discrete.reset_infos == plain.reset_infos
    ended = 0
    rows = np.random.default_rng(0).integers(len(discrete.table), size=(2 * N_INTERVALS, 3))
    for chosen in rows:
        ours, theirs = discrete.step(chosen), plain.step(discrete.table[chosen])
        for our_part, their_part in zip(ours[:3], theirs[:3], strict=True):
            assert np.array_equal(our_part, their_part)
        ended += sum("terminal_observation" in info for info in ours[3])
        assert discrete.reset_infos == plain.reset_infos
    assert ended == 6
    assert len(np.unique(rows)) > 10


def test_the_table_is_that_of_the_pipeline_up_to_the_trace_s_highest_load() -> None:
    discrete = DiscreteVecEnv(toy_vec_env(2))
    peak_rps = float(WAVE.counts.max())
    expected = useful_configurations(discrete.pipeline, peak_rps=peak_rps + 4 * np.sqrt(peak_rps))
    assert np.array_equal(discrete.table, expected)
    assert len(DiscreteVecEnv(toy_vec_env(2), peak_rps=4.0).table) < len(expected)
    assert len(DiscreteVecEnv(toy_vec_env(2), most=len(expected) - 1).table) < len(expected)


def test_what_it_does_not_change_is_the_environments() -> None:
    plain = toy_vec_env(2, seed=1)
    discrete = DiscreteVecEnv(plain)
    assert discrete.layout is plain.layout
    assert discrete.get_attr("pipeline") == [plain.pipeline] * 2
    assert discrete.get_attr("action_space", indices=[1]) == [discrete.action_space]
    discrete.reset()
    discrete.step(np.zeros(2, dtype=np.int64))
    assert set(discrete.interval_metrics()) == set(plain.interval_metrics())
    assert discrete.interval_metrics()["arrivals"].sum() > 0


def test_masks_are_of_the_rows() -> None:
    discrete = DiscreteVecEnv(toy_vec_env(3))
    assert is_masking_supported(discrete)
    masks = get_action_masks(discrete)
    assert masks.shape == (3, len(discrete.table))
    assert masks.all()
    assert len(discrete.get_attr("action_masks")[0]()) == len(discrete.table)
    assert len(discrete.env_method("action_masks", indices=[0, 2])) == 2


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 1, 2], r"actions have shape \(3,\)"),
        ([0.0, 1.0], "type float64; expected integers"),
        ([0, -1], "action is -1; expected a whole number from 0 to"),
        ([99_999, 0], "action is 99999; expected"),
    ],
)
def test_faulty_actions_are_named(actions: list[float], message: str) -> None:
    discrete = DiscreteVecEnv(toy_vec_env(2))
    discrete.reset()
    with pytest.raises(OptionError, match=message):
        discrete.step(np.array(actions))


@pytest.mark.parametrize("learner", [DQN, QRDQN])
def test_value_based_learners_store_transitions_as_they_were(learner: type[DQN]) -> None:
    """At an episode's end the buffer holds the last observation of the episode, not the first of the next one."""
    discrete = DiscreteVecEnv(toy_vec_env(4))
    model = learner("MlpPolicy", discrete, learning_starts=40, buffer_size=400, batch_size=32, train_freq=4, **SMALL)
    model.learn(400)
    buffer: Any = model.replay_buffer
    assert buffer.full
    plain = toy_vec_env(4, seed=11)
    plain.reset()
    for step in range(2 * N_INTERVALS):
        observations, rewards, ended, infos = plain.step(discrete.table[buffer.actions[step, :, 0]])
        for i in np.flatnonzero(ended):
            observations[i] = infos[i]["terminal_observation"]
        assert np.array_equal(buffer.next_observations[step], observations)
        assert np.array_equal(buffer.rewards[step], rewards)
        assert np.array_equal(buffer.timeouts[step], ended)
    assert model._n_updates > 0
