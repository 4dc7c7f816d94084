"""Reads agent cards: which policy, with which forecast and parameters.

The only module here that imports pydantic; a card becomes an `AgentCard` at once. Which parameters a policy has is for
`factory.py` to check. Cards are data: nothing in one is executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ipa_gym import catalog
from ipa_gym.cards.messages import from_validation
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError, unknown_name
from ipa_gym.forecast import FORECASTS

_Line = Annotated[str, Field(strict=True, min_length=1, pattern=r"^[^\n]+$")]


@dataclass(frozen=True, slots=True)
class AgentCard:
    """An agent: a policy with its parameters."""

    name: str
    title: str  # one line
    policy: str  # a key of `ipa_gym.policies.POLICIES`
    forecast: str | None  # the environment's forecast that the agent asks for; None: the pipeline card's
    parameters: Mapping[str, object]  # what the card sets; the policy's defaults hold for the rest
    path: Path
    sources: Mapping[str, str] = field(default_factory=dict)  # parameter -> where its value comes from
    version: str = "0"


class _AgentCardModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: _Line
    version: Annotated[str, Field(strict=True)] = "0"
    policy: _Line
    forecast: _Line | None = None
    parameters: dict[_Line, Any] = {}  # Any: each policy checks its own
    sources: dict[_Line, _Line] = {}


def load_agent_card(name_or_path: str | Path) -> AgentCard:
    """Read an agent card: a shipped name, or the path of the user's own file.

    Raises: UnknownNameError if there is no such card, CardError naming file, field, value and what is allowed.
    """
    path = catalog.find("agents", name_or_path)
    try:
        model = _AgentCardModel.model_validate(parse_mapping(read_text(path), path))
    except ValidationError as error:
        raise from_validation(path, _AgentCardModel, error) from error
    if model.forecast is not None and model.forecast not in FORECASTS:
        raise CardError(f"{path}: {unknown_name('forecast', model.forecast, FORECASTS)}")
    unused = [name for name in model.sources if name not in model.parameters]
    if unused:
        known = ", ".join(model.parameters) or "none"
        raise CardError(f"{path}: sources.{unused[0]} is about no parameter; expected one of {known}.")
    return AgentCard(
        name=model.name,
        title=model.title,
        policy=model.policy,
        forecast=model.forecast,
        parameters=model.parameters,
        path=path,
        sources=model.sources,
        version=model.version,
    )
