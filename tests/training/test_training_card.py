"""Cards of agents that can be trained: the shipped ones, overrides, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym.commands.options import parse_hyperparameters
from ipa_gym.errors import CardError, IpaGymError, OptionError, UnknownNameError
from ipa_gym.policies.card import agent_names
from ipa_gym.training.algorithms import ALGORITHMS
from ipa_gym.training.card import load_training_card

SHIPPED = agent_names(trainable=True)


def card_at(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_card_loads_with_all_that_its_algorithm_has(name: str) -> None:
    card = load_training_card(name)
    assert card.name == name
    assert card.hyperparameters.keys() == ALGORITHMS[card.algorithm].hyperparameters.keys()
    assert card.forecast is not None


def test_there_is_a_card_of_every_algorithm() -> None:
    assert {load_training_card(name).algorithm for name in SHIPPED} == set(ALGORITHMS)
    assert len(SHIPPED) >= 9


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_defaults_are_allowed_values(name: str) -> None:
    for hyperparameter, parameter in ALGORITHMS[name].hyperparameters.items():
        assert parameter.accepts(parameter.default), hyperparameter


HEAD = "name: a\ntitle: b\nalgorithm: ppo\n"
BROKEN = [
    ("name: a\ntitle: b\nalgorithm: pppo\n", ["unknown algorithm 'pppo'", "Did you mean 'ppo'"]),
    ("name: a\nalgorithm: ppo\n", ["title", "missing"]),
    (HEAD + "hyperparameter: {}\n", ["hyperparameter", "unknown key", "Did you mean 'hyperparameters'"]),
    (HEAD + "hyperparameters: {gama: 0.9}\n", ["hyperparameters", "'gama'", "Did you mean 'gamma'"]),
    (HEAD + "hyperparameters: {span: 1.5}\n", ["'span'"]),
    (HEAD + "hyperparameters: {gamma: 1.5}\n", ["hyperparameters.gamma is 1.5", "a number from 0 to 1"]),
    (HEAD + "hyperparameters: {learning_rate: fast}\n", ["hyperparameters.learning_rate is 'fast'", "above 0"]),
    (HEAD + "hyperparameters: {n_envs: 8.5}\n", ["hyperparameters.n_envs is 8.5", "whole number from 1"]),
    (HEAD + "hyperparameters: {n_envs: true}\n", ["hyperparameters.n_envs is True"]),
    (HEAD + "hyperparameters: {net_arch: []}\n", ["hyperparameters.net_arch is []", "a list of whole numbers"]),
    (HEAD + "hyperparameters: {net_arch: [64, 0.5]}\n", ["hyperparameters.net_arch", "a list of whole numbers"]),
    (HEAD + "hyperparameters: {net_arch: 64}\n", ["hyperparameters.net_arch is 64"]),
    (HEAD + "hyperparameters: {load_scales: [0]}\n", ["hyperparameters.load_scales", "from 0.01 to 100"]),
    (HEAD + "hyperparameters: {activation: gelu}\n", ["hyperparameters.activation is 'gelu'", "tanh, relu"]),
    (HEAD + "hyperparameters: {reward_scale: 0}\n", ["hyperparameters.reward_scale is 0", "null: by rule"]),
    (HEAD + "hyperparameters: {learning_rate: .nan}\n", ["hyperparameters.learning_rate is nan"]),
    (HEAD + "pipelines: {video: {gama: 0.9}}\n", ["pipelines.video", "'gama'", "Did you mean 'gamma'"]),
    (HEAD + "pipelines: {video: {gamma: -1}}\n", ["pipelines.video.gamma is -1"]),
    (HEAD + "pipelines: {video: 3}\n", ["pipelines", "3", "mapping"]),
    (HEAD + "sources: {gama: x}\n", ["sources", "'gama'", "Did you mean 'gamma'"]),
    (HEAD + "forecast: hlt\n", ["forecast", "hlt", "Did you mean 'holt'"]),
    (HEAD + "policy: ipa\n", ["policy", "unknown key"]),
    ("name: a\ntitle: b\npolicy: ipa\n", ["agent a needs no training", "'algorithm'"]),
    ("name: a\ntitle: b\nalgorithm: !!python/object/apply:os.system ['true']\n", ["not valid YAML"]),
]


@pytest.mark.parametrize(("text", "parts"), BROKEN)
def test_a_broken_card_is_one_line_with_file_field_and_value(text: str, parts: list[str], tmp_path: Path) -> None:
    with pytest.raises(CardError) as error:
        load_training_card(card_at(tmp_path, text))
    message = str(error.value)
    assert "\n" not in message
    for part in ("mine.yaml", *parts):
        assert part in message


def test_an_unknown_card_gets_the_nearest_name() -> None:
    with pytest.raises(IpaGymError, match="'ppo-residual'"):
        load_training_card("ppo-residul")


def test_values_of_a_pipeline_hold_there_alone(tmp_path: Path) -> None:
    text = HEAD + "hyperparameters: {gamma: 0.8, n_envs: 16}\npipelines: {video: {gamma: 0.95}}\n"
    card = load_training_card(card_at(tmp_path, text))
    assert card.hyperparameters["gamma"] == 0.8
    assert card.of_pipeline("video").hyperparameters == {**card.hyperparameters, "gamma": 0.95}
    assert card.of_pipeline("nlp").hyperparameters == card.hyperparameters


def test_overrides_have_yamls_types_and_the_cards_rules() -> None:
    texts = ["gamma=0.5", "n_envs=8", "net_arch=[32, 16]", "activation=relu", "reward_scale=null", "learning_rate=3e-4"]
    card = load_training_card("ppo").with_overrides(parse_hyperparameters(texts))
    values = card.hyperparameters
    assert (values["gamma"], values["n_envs"], values["net_arch"]) == (0.5, 8, [32, 16])
    assert (values["activation"], values["reward_scale"], values["learning_rate"]) == ("relu", None, 0.0003)
    assert values["n_steps"] == load_training_card("ppo").hyperparameters["n_steps"]


def test_an_override_that_is_not_allowed_is_refused() -> None:
    card = load_training_card("ppo")
    with pytest.raises(UnknownNameError, match=r"--set for agent ppo: 'gama'.*Did you mean 'gamma'"):
        card.with_overrides({"gama": 0.5})
    with pytest.raises(OptionError, match=r"--set for agent ppo\.gamma is 'high'; expected a number from 0 to 1"):
        card.with_overrides({"gamma": "high"})
