"""Imitation of IPA: its targets and returns by hand, and what a model is like after it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.evaluation.play import play_windows, setting_of
from ipa_gym.evaluation.windows import evaluation_starts
from ipa_gym.policies import build_policy, load_agent_card
from ipa_gym.policies.learned import LearnedPolicy
from ipa_gym.settings import env_settings
from ipa_gym.training.card import load_training_card
from ipa_gym.training.cloning import clone_teacher, demonstrate, discounted, soft_targets
from ipa_gym.training.exporting import export
from ipa_gym.training.factory import make_sb3_vec_env
from ipa_gym.training.learners import Learner, make_learner
from ipa_gym.training.windows import learning_trace
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.validation import with_validation
from tests.training.conftest import toy_vec_env
from tests.training.tiny_learners import tiny_learner


def test_targets_are_the_teachers_decision_and_what_is_spread() -> None:
    """Variants of three, two allowed; batches of one; replicas of four, the teacher's 1 and, at the edge, 0."""
    allowed = np.array([True, False, True, True, True, True, True, True])
    found = soft_targets(np.array([[2, 0, 1], [0, 0, 0]]), [3, 1, 4], allowed, spread=0.2)
    expected = [[0.1, 0.0, 0.9, 1.0, 0.1, 0.8, 0.1, 0.0], [0.9, 0.0, 0.1, 1.0, 0.9, 0.1, 0.0, 0.0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_neighbour_that_is_barred_gets_nothing() -> None:
    """Of 0.1, 0.8 and 0.1 the last is barred; the others are made one."""
    allowed = np.array([True, True, True, True, False])
    found = soft_targets(np.array([[0, 0, 1]]), [1, 1, 3], allowed, spread=0.2)
    assert found[0, 2:].tolist() == pytest.approx([1 / 9, 8 / 9, 0.0], abs=1e-6)


def test_returns_are_discounted_sums_that_go_on_after_an_episodes_end() -> None:
    """gamma 1/2: after the end at step 1 the episode's mean, (1 + 3) / 2 = 2, goes on forever: 2 / (1 - 1/2) = 4."""
    rewards, ended = np.array([[1.0], [3.0], [5.0], [7.0]]), np.array([[False], [True], [False], [False]])
    found = discounted(rewards, ended, 0.5)[:, 0]
    assert found.tolist() == [1 + 0.5 * 5, 3 + 0.5 * 4, 5 + 0.5 * 7, 7.0]


def test_environments_are_apart() -> None:
    rewards = np.array([[1.0, 10.0], [1.0, 10.0]])
    found = discounted(rewards, np.zeros((2, 2), dtype=bool), 0.5)
    assert found.tolist() == [[1.5, 15.0], [1.0, 10.0]]


def test_the_teacher_is_ipa_also_where_another_load_is_played() -> None:
    vec_env = toy_vec_env(4, seed=3)
    generator = np.random.default_rng(0)
    shown = demonstrate(vec_env, n_intervals=30, deviation=0.5, gamma=0.5, generator=generator)
    ipa = build_policy(load_agent_card("ipa-exact"), setting_of(vec_env.settings))
    np.testing.assert_array_equal(shown.actions, [ipa.act(observation) for observation in shown.observations])
    kept = 30 - 4  # after 4 intervals a reward counts for less than a tenth
    assert len(shown.actions) == len(shown.returns) == 4 * kept
    played = demonstrate(toy_vec_env(4, seed=3), n_intervals=30, deviation=0.0, gamma=0.5, generator=generator)
    assert not np.array_equal(shown.observations, played.observations)


def test_cloning_is_reproducible_and_leaves_the_optimiser_fresh() -> None:
    first, second = tiny_learner("ppo-bc"), tiny_learner("ppo-bc")
    assert clone_teacher(first, seed=1) == clone_teacher(second, seed=1)
    for ours, theirs in zip(first.model.policy.parameters(), second.model.policy.parameters(), strict=True):
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
    assert first.model.policy.optimizer.state_dict()["state"] == {}


def cloned_learner() -> tuple[Learner, dict[str, float]]:
    """The shipped card on sum-qa with a modest budget."""
    card = load_training_card("ppo-bc").with_overrides({"n_envs": 32, "cloning_intervals": 100, "cloning_epochs": 60})
    trace = learning_trace(load_trace("twitter-like"), (1.0,))
    learner = make_learner(card, make_sb3_vec_env("sum-qa", 32, trace=trace, forecast="holt"), seed=0)
    return learner, clone_teacher(learner, seed=0)


def test_a_clone_decides_as_ipa_does_and_earns_as_much() -> None:
    learner, measured = cloned_learner()
    assert measured["agreement"] > 0.9
    trace = with_validation(load_trace("twitter-like"))
    settings = env_settings("sum-qa", trace, split="validation", forecast="holt")
    starts = evaluation_starts(trace, "validation", 12, settings.episodes.episode_s)
    clone = LearnedPolicy.of(export(learner, provenance={}), setting_of(settings))
    ipa = build_policy(replace(load_agent_card("ipa-exact"), forecast="holt"), setting_of(settings))
    earned, expected = (play_windows(settings, p, starts).metric("reward_mean") for p in (clone, ipa))
    error = (earned - expected).std(ddof=1) / np.sqrt(12)
    assert earned.mean() > expected.mean() - 0.05 * abs(expected.mean()) - 2 * error
