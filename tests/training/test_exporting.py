"""What a model has learned decides the same in numpy, after its file was written and read: on every algorithm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ipa_gym.policies.base import Setting
from ipa_gym.policies.learned import LearnedPolicy
from ipa_gym.policies.load_margins import LoadMargins
from ipa_gym.policies.networks import Network
from ipa_gym.policies.trained_file import TrainedFile, read_trained, write_trained
from ipa_gym.training.algorithms import ALGORITHMS, CONFIGURATIONS, LOADS, MASKED
from ipa_gym.training.exporting import export
from ipa_gym.training.learners import Learner
from tests.training.tiny_learners import N_ENVS, tiny_learner

N_STEPS = 13  # 52 observations, two episodes
Arrays = np.ndarray[Any, Any]  # of any shape


def setting_of(learner: Learner) -> Setting:
    pipelines = learner.pipelines
    return Setting(pipelines.pipeline, pipelines.layout, pipelines.actions, pipelines.interval_s)


def seen(learner: Learner) -> Arrays:
    """Observations of the model's own environments under random actions: (N_STEPS, N_ENVS, size)."""
    pipelines, generator = learner.pipelines, np.random.default_rng(1)
    observations = [pipelines.reset()]
    for _ in range(N_STEPS - 1):
        pipelines.step_async(generator.integers(0, pipelines.actions.nvec, size=(N_ENVS, len(pipelines.actions.nvec))))
        observations.append(pipelines.step_wait()[0])
    return np.stack(observations)


def outputs_of(learner: Learner, observations: Arrays) -> Arrays:
    """What the model's own modules give for the observations, step after step."""
    policy: Any = learner.model.policy
    with torch.no_grad():
        if learner.algorithm.steering == CONFIGURATIONS:
            net = policy.quantile_net if hasattr(policy, "quantile_net") else policy.q_net
            found = [net(torch.as_tensor(step)).reshape(N_ENVS, -1) for step in observations]
        elif hasattr(policy, "lstm_actor"):
            found = recurrent_logits(policy, observations)
        else:
            found = []
            for step in observations:
                actor, _ = policy.mlp_extractor(policy.extract_features(torch.as_tensor(step)))
                found.append(policy.action_net(actor))
    return np.stack([step.numpy() for step in found])


def recurrent_logits(policy: Any, observations: Arrays) -> list[torch.Tensor]:
    units = policy.lstm_actor.hidden_size
    states = (torch.zeros(1, N_ENVS, units), torch.zeros(1, N_ENVS, units))
    logits = []
    for step in observations:
        distribution, states = policy.get_distribution(torch.as_tensor(step), states, torch.zeros(N_ENVS))
        logits.append(torch.cat([part.logits for part in distribution.distribution], dim=1))
    return logits


def predicted(learner: Learner, observations: Arrays) -> Arrays:
    """Actions of the pipeline that the model itself takes without exploring."""
    algorithm, model, state = learner.algorithm, learner.model, None
    actions = []
    for index, step in enumerate(observations):
        named: dict[str, Any] = {"deterministic": True}
        if algorithm.steering == MASKED:
            named["action_masks"] = learner.pipelines.action_masks()
        if algorithm.policy == "MlpLstmPolicy":
            named |= {"state": state, "episode_start": np.full(N_ENVS, index == 0)}
        action, state = model.predict(step, **named)
        if algorithm.steering == CONFIGURATIONS:
            action = model.get_env().table[action]  # type: ignore[union-attr]  # a DiscreteVecEnv
        if algorithm.steering == LOADS:
            action = LoadMargins(setting_of(learner), span=learner.card.hyperparameters["span"]).act_many(step, action)
        actions.append(action)
    return np.stack(actions)


def exported(learner: Learner, folder: Path) -> TrainedFile:
    return read_trained(write_trained(export(learner, provenance={"seed": 3}), folder / "agent.safetensors"))


@pytest.fixture(scope="module", params=list(ALGORITHMS))
def learner(request: pytest.FixtureRequest) -> Learner:
    """Each algorithm after a few updates with long steps, so that its weights are far from the first ones."""
    torch.set_num_threads(1)
    learner = tiny_learner(request.param, learning_rate=0.03, seed=2)
    learner.model.learn(128)
    return learner


def test_the_numpy_network_gives_the_models_own_outputs(learner: Learner, tmp_path: Path) -> None:
    observations = seen(learner)
    trained = exported(learner, tmp_path)
    network = Network(trained.layers, trained.weights, n_inputs=observations.shape[2])
    found = np.stack([network(step) for step in observations])
    expected = outputs_of(learner, observations)
    if learner.algorithm.policy == "MlpLstmPolicy":  # torch's distributions have normalised logits
        ends = np.cumsum(learner.pipelines.actions.nvec)[:-1]
        parts = np.split(found, ends, axis=2)
        found = np.concatenate([part - np.log(np.exp(part).sum(axis=2, keepdims=True)) for part in parts], axis=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.std(axis=(0, 1)).max() > 1e-3  # they depend on what is seen


def test_the_exported_policy_decides_as_the_model_does(learner: Learner, tmp_path: Path) -> None:
    observations = seen(learner)
    policy = LearnedPolicy.of(exported(learner, tmp_path), setting_of(learner))
    found = np.stack([policy.act_many(step) for step in observations])
    np.testing.assert_array_equal(found, predicted(learner, observations))


def test_later_learning_does_not_change_what_was_exported() -> None:
    learner = tiny_learner("ppo")
    trained = export(learner, provenance={})
    before = {name: array.copy() for name, array in trained.weights.items()}
    learner.model.learn(64)
    after = export(learner, provenance={})
    assert all(np.array_equal(before[name], array) for name, array in trained.weights.items())
    assert not all(np.array_equal(before[name], array) for name, array in after.weights.items())


def test_only_what_decides_is_in_the_file(tmp_path: Path) -> None:
    trained = exported(tiny_learner("ppo"), tmp_path)
    size, n_actions = sum(size for _, _, size, _ in trained.observation), sum(trained.nvec)
    assert sum(array.size for array in trained.weights.values()) == (size + 1) * 8 + (8 + 1) * n_actions
    assert trained.provenance == {"seed": 3}
    assert trained.forecast == "reactive"
