"""`SearchSpace`: which hyperparameters are searched, and from where to where; read from files of ranges.

``agents/search/ALGORITHM.yaml`` ships one for each algorithm, a user's own file is alike. Files are data: nothing in
one is executed. Which values a hyperparameter may have is for `ipa_gym.training.hyperparameters` to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ipa_gym import catalog
from ipa_gym.cards.messages import from_validation
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError, UnknownNameError, unknown_name
from ipa_gym.policies.parameters import Parameter
from ipa_gym.training.algorithms import ALGORITHMS

FOLDER = "search"  # beside the agents' cards
KINDS: Mapping[str, str] = {  # of a range -> what it is, for the error
    "linear": "[low, high], any number between",
    "log": "[low, high], any number between, as many in each factor of ten",
    "whole": "[low, high], whole numbers",
    "whole-log": "[low, high], whole numbers, as many in each factor of ten",
    "choice": "a list of at least two values",
}
_LOGARITHMIC, _WHOLE = ("log", "whole-log"), ("whole", "whole-log")
_ELSEWHERE = {"steps": "--steps"}  # hyperparameter that is the same in all trials -> the option that sets it


class Trial(Protocol):
    """What proposes a value: Optuna's ``Trial``."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:  # Any: as Optuna has it
        """One of them."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a hyperparameter is chosen from."""

    name: str
    kind: str  # a key of `KINDS`
    values: tuple[Any, ...]  # low and high, or the choices; Any: numbers, words, lists, null

    @property
    def logarithmic(self) -> bool:
        """Whether it is drawn, and best shown, on a logarithmic scale."""
        return self.kind in _LOGARITHMIC

    def suggest(self, trial: Trial) -> object:
        """A value for a trial."""
        if self.kind == "choice":
            return json.loads(trial.suggest_categorical(self.name, [json.dumps(value) for value in self.values]))
        low, high = self.values
        if self.kind in _WHOLE:
            return trial.suggest_int(self.name, low, high, log=self.logarithmic)
        return trial.suggest_float(self.name, low, high, log=self.logarithmic)

    def proposal(self, value: object) -> Any:  # Any: as Optuna stores it
        """A value as Optuna stores it: the opposite of `suggest`."""
        return json.dumps(value) if self.kind == "choice" else value

    def value(self, proposed: Any) -> object:  # Any: as above
        """What Optuna stored, as a hyperparameter's value."""
        return json.loads(proposed) if self.kind == "choice" else proposed

    def holds(self, value: Any) -> bool:  # Any: as a card has it
        """Whether a value is one that could be proposed."""
        if self.kind == "choice":
            return json.dumps(value) in [json.dumps(choice) for choice in self.values]
        return isinstance(value, int | float) and self.values[0] <= value <= self.values[1]


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The ranges of one algorithm's hyperparameters."""

    algorithm: str
    ranges: tuple[Range, ...]
    path: Path

    def suggest(self, trial: Trial) -> dict[str, object]:
        """Values of all hyperparameters of the space for a trial."""
        return {one.name: one.suggest(trial) for one in self.ranges}

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether these values could be proposed."""
        return all(one.holds(values[one.name]) for one in self.ranges)

    def proposal(self, values: Mapping[str, object]) -> dict[str, object]:
        """The space's part of a card's values, as Optuna stores it."""
        return {one.name: one.proposal(values[one.name]) for one in self.ranges}

    def values(self, proposed: Mapping[str, object]) -> dict[str, object]:
        """What Optuna stored of a trial, as hyperparameters' values; those that are missing are left out."""
        return {one.name: one.value(proposed[one.name]) for one in self.ranges if one.name in proposed}

    def as_data(self) -> dict[str, Any]:  # Any: what JSON can hold
        """The ranges as plain data."""
        return {one.name: {one.kind: list(one.values)} for one in self.ranges}


class _SpaceModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    algorithm: Annotated[str, Field(strict=True, min_length=1)]
    ranges: Annotated[dict[str, dict[str, list[Any]]], Field(min_length=1)]  # Any: each kind checks its own


def load_space(algorithm: str, path: str | None = None) -> SearchSpace:
    """Read the ranges of an algorithm's hyperparameters: those that ship, or the user's own file.

    Raises: UnknownNameError if there is no such file, CardError naming file, field, value and what is allowed.
    """
    file = catalog.content_folder("agents") / FOLDER / f"{algorithm}.yaml" if path is None else Path(path).expanduser()
    if not file.is_file():
        raise UnknownNameError(f"search space: no file {str(file)!r}; give a path to one, see docs/tuning.md")
    content = parse_mapping(read_text(file), file)
    try:
        model = _SpaceModel.model_validate(content)
    except ValidationError as error:
        raise from_validation(file, _SpaceModel, error) from error
    if model.algorithm != algorithm:
        raise CardError(f"{file}: algorithm is {model.algorithm!r}; expected {algorithm!r}, that of the agent's card")
    known = ALGORITHMS[algorithm].hyperparameters
    ranges = tuple(_range(file, name, given, known) for name, given in model.ranges.items())
    return SearchSpace(algorithm, ranges, file)


def _range(file: Path, name: str, given: Mapping[str, list[Any]], known: Mapping[str, Parameter]) -> Range:
    where = f"{file}: ranges.{name}"
    if name not in known:
        raise CardError(f"{file}: {unknown_name('hyperparameter in ranges:', name, known)}")
    if name in _ELSEWHERE:
        raise CardError(f"{where}: expected none, all trials have the same; {_ELSEWHERE[name]} sets it")
    if len(given) != 1:
        raise CardError(f"{where} has {', '.join(given) or 'nothing'}; expected one of {', '.join(KINDS)}")
    ((kind, values),) = given.items()
    if kind not in KINDS:
        raise CardError(f"{where}: {unknown_name('range', kind, KINDS)}")
    if not _fits(kind, values):
        raise CardError(f"{where}.{kind} is {values!r}; expected {KINDS[kind]}")
    for value in values:
        if not known[name].accepts(value):
            raise CardError(f"{where}.{kind} has {value!r}; expected {known[name].allowed}")
    return Range(name, kind, tuple(values))


def _fits(kind: str, values: list[Any]) -> bool:  # Any: what YAML can hold
    if kind == "choice":
        return len(values) > 1 and len({json.dumps(value) for value in values}) == len(values)
    kinds = int if kind in _WHOLE else (int, float)
    if len(values) != 2 or not all(
        isinstance(v, kinds) and not isinstance(v, bool) and math.isfinite(v) for v in values
    ):
        return False
    return bool(values[0] < values[1]) and (values[0] > 0 or kind not in _LOGARITHMIC)
