"""Files of ranges: what ships, what is proposed from a range, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ipa_gym import catalog
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError, UnknownNameError
from ipa_gym.training.algorithms import ALGORITHMS
from ipa_gym.training.card import load_training_card
from ipa_gym.tuning.space import Range, load_space

TRAINABLE = [name for name in catalog.names("agents")
             if "algorithm" in parse_mapping(read_text(catalog.find("agents", name)), name)]  # fmt: skip


def test_there_is_a_space_for_each_algorithm_and_no_other() -> None:
    shipped = {path.stem for path in (catalog.content_folder("agents") / "search").glob("*.yaml")}

    assert shipped == set(ALGORITHMS)


@pytest.mark.parametrize("name", TRAINABLE)
def test_shipped_spaces_hold_the_shipped_cards_own_values_on_each_pipeline(name: str) -> None:
    card = load_training_card(name)
    space = load_space(card.algorithm)

    for pipeline in catalog.names("envs"):
        own = card.of_pipeline(pipeline).hyperparameters
        outside = [one.name for one in space.ranges if not one.holds(own[one.name])]
        assert outside == []
    assert len(TRAINABLE) == 9


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_batch_of_a_shipped_space_divides_every_rollout(name: str) -> None:
    card = load_training_card(name)
    chosen = {one.name: one.values for one in load_space(card.algorithm).ranges}
    if "n_epochs" not in ALGORITHMS[card.algorithm].hyperparameters:
        pytest.skip(f"{card.algorithm} has no minibatches of a rollout")

    n_envs = card.hyperparameters["n_envs"]
    assert [(n, b) for n in chosen["n_steps"] for b in chosen["batch_size"] if n * n_envs % b] == []


class Recording:
    """Stands for Optuna's trial: says what it was asked, and gives the first that is allowed."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append(("float", name, low, high, log))
        return low

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        self.asked.append(("int", name, low, high, log))
        return low

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(("choice", name, tuple(choices)))
        return choices[0]


@pytest.mark.parametrize(
    ("one", "asked", "value"),
    [
        (Range("x", "linear", (0.5, 2)), ("float", "x", 0.5, 2, False), 0.5),
        (Range("x", "log", (1e-4, 1e-2)), ("float", "x", 1e-4, 1e-2, True), 1e-4),
        (Range("x", "whole", (2, 10)), ("int", "x", 2, 10, False), 2),
        (Range("x", "whole-log", (2, 10)), ("int", "x", 2, 10, True), 2),
        (Range("x", "choice", ([64, 64], None, "tanh")), ("choice", "x", ("[64, 64]", "null", '"tanh"')), [64, 64]),
    ],
)
def test_a_range_asks_for_its_kind_of_number(one: Range, asked: tuple[Any, ...], value: object) -> None:
    trial = Recording()

    assert one.suggest(trial) == value
    assert trial.asked == [asked]
    assert one.value(one.proposal(value)) == value
    assert one.holds(value)
    assert not one.holds(99)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ("{}", "ranges"),
        ("{gama: {choice: [0.5, 0.9]}}", "unknown hyperparameter in ranges: 'gama'.* Did you mean 'gamma'?"),
        ("{gamma: {chooice: [0.5, 0.9]}}", "ranges.gamma: unknown range 'chooice'.* Did you mean 'choice'?"),
        ("{gamma: {linear: [0.9, 0.5]}}", r"ranges.gamma.linear is \[0.9, 0.5\]; expected \[low, high\]"),
        ("{gamma: {log: [0, 0.5]}}", r"ranges.gamma.log is \[0, 0.5\]"),
        ("{n_steps: {whole: [1, 2.5]}}", r"ranges.n_steps.whole is \[1, 2.5\]; expected \[low, high\], whole"),
        ("{gamma: {linear: [0.5, 1.5]}}", r"ranges.gamma.linear has 1.5; expected a number from 0 to 1"),
        ("{gamma: {choice: [0.5]}}", r"ranges.gamma.choice is \[0.5\]; expected a list of at least two"),
        ("{gamma: {choice: [0.5, 0.5]}}", r"ranges.gamma.choice is \[0.5, 0.5\]"),
        ("{gamma: {linear: [0.5, 0.9], log: [0.5, 0.9]}}", "ranges.gamma has linear, log; expected one of"),
        ("{steps: {whole: [10, 20]}}", "ranges.steps: expected none, all trials have the same; --steps sets it"),
        ("[gamma]", "ranges"),
    ],
)
def test_a_space_that_cannot_be_used_is_one_clear_error(tmp_path: Path, ranges: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"algorithm: ppo\nranges: {ranges}\n", encoding="utf-8")

    with pytest.raises(CardError, match=message) as caught:
        load_space("ppo", str(path))

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_space_of_another_algorithm_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("algorithm: ppo\nranges: {gamma: {choice: [0.5, 0.9]}}\n", encoding="utf-8")

    with pytest.raises(CardError, match="algorithm is 'ppo'; expected 'a2c'"):
        load_space("a2c", str(path))
    with pytest.raises(UnknownNameError, match=r"search space: no file '.*other.yaml'"):
        load_space("ppo", str(tmp_path / "other.yaml"))
