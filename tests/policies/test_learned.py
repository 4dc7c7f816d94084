"""`LearnedPolicy`: the contract of a policy, its heads, its card and folder, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ipa_gym
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import CardError, OptionError
from ipa_gym.policies import Setting, build_policy, check_policy, load_agent_card
from ipa_gym.policies.card import agent_names
from ipa_gym.policies.learned import Choices, Configurations, LearnedPolicy
from ipa_gym.policies.load_margins import LoadMargins
from ipa_gym.policies.trained_file import TrainedFile, write_trained
from tests.policies.trained_agents import recurrent_agent, trained_agent

TABLE = np.array([[0, 0, 1, 1, 2, 9], [1, 1, 3, 0, 0, 0], [0, 2, 4, 1, 1, 5]])
CONFIGURATIONS = {"kind": "configurations", "n_quantiles": 2}
CARD = "name: mine\ntitle: my agent\npolicy: learned\nforecast: reactive\nparameters:\n  weights: {weights}\n"


def agents(setting: Setting) -> dict[str, TrainedFile]:
    """One of each head, and one that remembers."""
    configurations = trained_agent(setting, head=CONFIGURATIONS, n_outputs=6, arrays={"table": TABLE})
    margins = trained_agent(setting, head={"kind": "margins", "span": 1.6})
    mask = np.arange(30) % 3 > 0
    return {
        "choices": trained_agent(setting),
        "masked": trained_agent(setting, arrays={"mask": mask.astype(np.uint8)}),
        "configurations": configurations,
        "margins": margins,
        "recurrent": recurrent_agent(setting),
    }


def observations(setting: Setting, n: int = 40) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).random((n, setting.layout.size), dtype=np.float32)


@pytest.mark.parametrize("name", ["choices", "masked", "configurations", "margins", "recurrent"])
def test_it_keeps_the_contract_of_a_policy(name: str, toy_env: PipelineEnv) -> None:
    setting = Setting.of(toy_env)
    check_policy(LearnedPolicy.of(agents(setting)[name], setting), toy_env)


@pytest.mark.parametrize("name", ["choices", "masked", "configurations", "margins"])
def test_many_decisions_are_those_of_single_observations(name: str, setting: Setting) -> None:
    policy, seen = LearnedPolicy.of(agents(setting)[name], setting), observations(setting)
    found = policy.act_many(seen)
    np.testing.assert_array_equal(found, [policy.act(one) for one in seen])
    assert found.dtype == np.int64
    assert len(np.unique(found, axis=0)) > 1


def test_many_episodes_are_remembered_apart(setting: Setting) -> None:
    policy, steps = LearnedPolicy.of(recurrent_agent(setting), setting), observations(setting, 24).reshape(6, 4, -1)
    together = np.stack([policy.act_many(step) for step in steps])
    for episode in range(4):
        policy.reset()
        np.testing.assert_array_equal(together[:, episode], [policy.act(one) for one in steps[:, episode]])
    without = np.stack([(policy.reset(), policy.act_many(step))[1] for step in steps])
    assert (without != together).any()


def test_choices_are_the_likeliest_allowed_values() -> None:
    outputs = np.array([[3.0, 1.0, 2.0, 0.0, 9.0], [0.0, 1.0, 2.0, 5.0, 4.0]])
    seen = np.zeros((2, 1), dtype=np.float32)
    nvec = np.array([3, 2])
    assert Choices(nvec).act_many(seen, outputs).tolist() == [[0, 1], [2, 0]]
    mask = np.array([False, True, True, True, False])
    assert Choices(nvec, mask).act_many(seen, outputs).tolist() == [[2, 0], [2, 0]]


def test_configurations_are_those_of_the_highest_mean_quantile() -> None:
    """Quantiles 9 and -3, 4 and 4, 1 and -2 of three rows: means 3, 4 and -1/2."""
    head = Configurations(TABLE, n_quantiles=2)
    outputs = np.array([[9.0, 4.0, 1.0, -3.0, 4.0, -2.0]])
    assert head.act_many(np.zeros((1, 1), dtype=np.float32), outputs).tolist() == [TABLE[1].tolist()]


def test_margins_are_given_to_the_optimiser(setting: Setting) -> None:
    trained = trained_agent(setting, head={"kind": "margins", "span": 1.3})
    hidden = np.tanh(observations(setting) @ trained.weights["first.weight"].T + trained.weights["first.bias"])
    outputs = hidden @ trained.weights["last.weight"].T + trained.weights["last.bias"]
    expected = LoadMargins(setting, span=1.3).act_many(observations(setting), outputs)
    np.testing.assert_array_equal(LearnedPolicy.of(trained, setting).act_many(observations(setting)), expected)


def test_a_run_folder_is_an_agent(setting: Setting, tmp_path: Path) -> None:
    write_trained(trained_agent(setting), tmp_path / "agent.safetensors")
    (tmp_path / "agent.yaml").write_text(CARD.format(weights="agent.safetensors"))
    expected = LearnedPolicy.of(trained_agent(setting), setting).act_many(observations(setting))
    policy = build_policy(load_agent_card(tmp_path), setting)
    assert isinstance(policy, LearnedPolicy)
    np.testing.assert_array_equal(policy.act_many(observations(setting)), expected)
    moved = tmp_path.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    build_policy(load_agent_card(moved), setting)
    (moved / "agent.yaml").unlink()
    with pytest.raises(CardError, match=r"no agent\.yaml"):
        load_agent_card(moved)


def test_a_card_may_name_a_file_for_each_pipeline(setting: Setting, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CARD.format(weights="'{pipeline}.safetensors'"))
    with pytest.raises(CardError, match=r"no agent was trained for pipeline toy: there is no file toy\.safetensors"):
        build_policy(load_agent_card(tmp_path / "mine.yaml"), setting)
    write_trained(trained_agent(setting), tmp_path / "toy.safetensors")
    assert isinstance(build_policy(load_agent_card(tmp_path / "mine.yaml"), setting), LearnedPolicy)


def test_agents_that_must_be_trained_say_so(toy_env: PipelineEnv) -> None:
    trainable = agent_names(trainable=True)
    assert "ppo" in trainable
    assert "trained" in agent_names()
    assert not set(trainable) & set(agent_names())
    for name in trainable:
        with pytest.raises(
            CardError, match=f"agent {name} must be trained first; expected .*ipa-gym train --agent {name}"
        ):
            ipa_gym.make_policy(name, toy_env)


def test_a_card_without_weights_says_what_is_missing(setting: Setting, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\ntitle: my agent\npolicy: learned\n")
    with pytest.raises(CardError, match=r"mine\.yaml: parameters\.weights is missing"):
        build_policy(load_agent_card(tmp_path / "mine.yaml"), setting)


FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown head": ({"head": {"kind": "chioces"}}, ["unknown head 'chioces'", "Did you mean 'choices'"]),
    "a list as head": ({"head": {"kind": ["choices"]}}, ["unknown head"]),
    "other outputs": ({"n_outputs": 29}, ["the network has 29 outputs; expected 30"]),
    "other mask": ({"arrays": {"mask": np.ones(3, dtype=np.uint8)}}, ["mask has the shape (3,)"]),
    "mask bars all": ({"arrays": {"mask": np.zeros(30, dtype=np.uint8)}}, ["a value for each number"]),
    "no table": ({"head": CONFIGURATIONS, "n_outputs": 6}, ["head.table is missing"]),
    "illegal row": (
        {"head": CONFIGURATIONS, "n_outputs": 6, "arrays": {"table": TABLE + [0, 0, 0, 0, 0, 1]}}, ["action[5]", "10"],
    ),
    "row of fractions": (
        {"head": CONFIGURATIONS, "n_outputs": 6, "arrays": {"table": TABLE + 0.5}}, ["expected 6 integers"],
    ),
    "no quantiles": (
        {"head": {**CONFIGURATIONS, "n_quantiles": 0}, "n_outputs": 6, "arrays": {"table": TABLE}}, ["tiles is 0"],
    ),
    "quantiles in words": (
        {"head": {**CONFIGURATIONS, "n_quantiles": "2"}, "n_outputs": 6, "arrays": {"table": TABLE}}, ["'2'"],
    ),
    "no span": ({"head": {"kind": "margins"}}, ["head.span is None"]),
    "span in words": ({"head": {"kind": "margins", "span": "wide"}}, ["head.span is 'wide'"]),
    "span of one": ({"head": {"kind": "margins", "span": 1}}, ["span is 1.0", "above 1"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_file_that_cannot_decide_here_is_one_line(fault: str, setting: Setting, tmp_path: Path) -> None:
    changes, parts = FAULTS[fault]
    path = write_trained(trained_agent(setting, **changes), tmp_path / "agent.safetensors")
    with pytest.raises(CardError) as error:
        LearnedPolicy(setting, weights=str(path))
    message = str(error.value)
    assert "\n" not in message
    for part in ("agent.safetensors", *parts):
        assert part in message


def test_observations_of_another_shape_are_refused(setting: Setting) -> None:
    with pytest.raises(OptionError, match="observation has shape"):
        LearnedPolicy.of(trained_agent(setting), setting).act_many(np.zeros((2, 3), dtype=np.float32))
