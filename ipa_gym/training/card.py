"""Cards of agents that can be trained: which algorithm, with which hyperparameters.

They lie beside the cards of policies in ``agents/`` and differ by their key ``algorithm``. Which hyperparameters an
algorithm has is for `hyperparameters.py` to check. Cards are data: nothing in one is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ipa_gym import catalog
from ipa_gym.cards.forecast_field import forecast_of_card
from ipa_gym.cards.messages import from_validation
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError, OptionError, UnknownNameError, unknown_name
from ipa_gym.policies.parameters import checked
from ipa_gym.training.algorithms import ALGORITHMS

_Line = Annotated[str, Field(strict=True, min_length=1, pattern=r"^[^\n]+$")]


@dataclass(frozen=True, slots=True)
class TrainingCard:
    """An agent that can be trained."""

    name: str
    title: str  # one line
    algorithm: str  # a key of `ALGORITHMS`
    forecast: str | None  # the environment's, in training and after; None: the pipeline card's
    hyperparameters: Mapping[str, Any]  # all that the algorithm has; Any: each has its own type
    pipelines: Mapping[str, Mapping[str, Any]]  # pipeline -> what differs there; Any: as above
    path: Path
    sources: Mapping[str, str] = field(default_factory=dict)  # hyperparameter -> where its value comes from
    version: str = "0"

    def of_pipeline(self, name: str) -> TrainingCard:
        """The card with the values that hold on a pipeline."""
        return replace(self, hyperparameters={**self.hyperparameters, **self.pipelines.get(name, {})}, pipelines={})

    def with_overrides(self, overrides: Mapping[str, object]) -> TrainingCard:
        """The card with some values replaced. Raises: OptionError or UnknownNameError naming the hyperparameter."""
        allowed = ALGORITHMS[self.algorithm].hyperparameters
        checked(allowed, overrides, where=f"--set for agent {self.name}")
        return replace(self, hyperparameters={**self.hyperparameters, **overrides})


class _TrainingCardModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: _Line
    version: Annotated[str, Field(strict=True)] = "0"
    algorithm: _Line
    forecast: _Line | None = None
    hyperparameters: dict[_Line, Any] = {}  # Any: each algorithm checks its own
    pipelines: dict[_Line, dict[_Line, Any]] = {}  # Any: as above
    sources: dict[_Line, _Line] = {}


def load_training_card(name_or_path: str | Path) -> TrainingCard:
    """Read the card of an agent that can be trained: a shipped name, or the path of the user's own file.

    Raises: UnknownNameError if there is no such card, CardError naming file, field, value and what is allowed.
    """
    path = catalog.find("agents", name_or_path)
    content = parse_mapping(read_text(path), path)
    if "policy" in content and "algorithm" not in content:
        raise CardError(f"{path}: agent {content.get('name')} needs no training; expected a card with 'algorithm'")
    try:
        model = _TrainingCardModel.model_validate(content)
    except ValidationError as error:
        raise from_validation(path, _TrainingCardModel, error) from error
    try:
        if model.algorithm not in ALGORITHMS:
            raise unknown_name("algorithm", model.algorithm, ALGORITHMS)
        allowed = ALGORITHMS[model.algorithm].hyperparameters
        values = checked(allowed, model.hyperparameters, where="hyperparameters")
        for pipeline, own in model.pipelines.items():
            checked(allowed, own, where=f"pipelines.{pipeline}")
        unused = [name for name in model.sources if name not in values]
        if unused:
            raise unknown_name("hyperparameter in sources:", unused[0], values)
    except (OptionError, UnknownNameError) as error:
        raise CardError(f"{path}: {error}") from error
    return TrainingCard(
        name=model.name,
        title=model.title,
        algorithm=model.algorithm,
        forecast=None if model.forecast is None else forecast_of_card(model.forecast, path),
        hyperparameters=values,
        pipelines=model.pipelines,
        path=path,
        sources=model.sources,
        version=model.version,
    )
