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
from ipa_gym.cards.forecast_field import forecast_of_card
from ipa_gym.cards.messages import from_validation
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError

AGENT_FILE, WEIGHTS_FILE = "agent.yaml", "agent.safetensors"  # the agent in the folder of a training run
_FILES = ("weights",)  # parameters that name a file
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
    """Read an agent card: a shipped name, the path of the user's own file, or the folder of a training run.

    Raises: UnknownNameError if there is no such card, CardError naming file, field, value and what is allowed.
    """
    path = _card_path(name_or_path)
    content = parse_mapping(read_text(path), path)
    if needs_training(content):
        raise CardError(
            f"{path}: agent {content.get('name')} must be trained first; expected the folder of a training run, as "
            f"`ipa-gym train --agent {name_or_path}` makes it, or the agent trained"
        )
    try:
        model = _AgentCardModel.model_validate(content)
    except ValidationError as error:
        raise from_validation(path, _AgentCardModel, error) from error
    unused = [name for name in model.sources if name not in model.parameters]
    if unused:
        known = ", ".join(model.parameters) or "none"
        raise CardError(f"{path}: sources.{unused[0]} is about no parameter; expected one of {known}.")
    return AgentCard(
        name=model.name,
        title=model.title,
        policy=model.policy,
        forecast=None if model.forecast is None else forecast_of_card(model.forecast, path),
        parameters={name: _beside(path, name, value) for name, value in model.parameters.items()},
        path=path,
        sources=model.sources,
        version=model.version,
    )


def needs_training(content: Mapping[str, object]) -> bool:
    """Whether a card's content is that of an agent to be trained (`ipa_gym/training/card.py`), not of a policy."""
    return "algorithm" in content and "policy" not in content


def agent_names(*, trainable: bool = False) -> tuple[str, ...]:
    """Names of the shipped agents: those that can decide, or those that can be trained."""
    return tuple(name for name in catalog.names("agents") if is_trainable(name) is trainable)


def is_trainable(name: str) -> bool:
    """Whether a shipped agent is one to be trained. Raises: UnknownNameError if there is none of that name."""
    path = catalog.find("agents", name)
    return needs_training(parse_mapping(read_text(path), path))


def _beside(card: Path, name: str, value: object) -> object:
    """A parameter's value; a file is named as seen from the card."""
    return str(card.parent / value) if name in _FILES and isinstance(value, str) else value


def _card_path(name_or_path: str | Path) -> Path:
    folder = Path(name_or_path).expanduser()
    if not str(name_or_path) or str(name_or_path) in catalog.names("agents") or not folder.is_dir():
        return catalog.find("agents", name_or_path)
    if not (folder / AGENT_FILE).is_file():
        raise CardError(f"{folder}: the folder has no {AGENT_FILE}; expected that of a training run, or a card")
    return (folder / AGENT_FILE).resolve()
