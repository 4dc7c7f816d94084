"""Trace cards (``traces/NAME.yaml``): where the counts lie, how they were made, and their statistics.

A card is validated as a whole; an unknown key is an error. The ``generator`` section is optional, so that a user can
write a card for a recording of their own. Reading the counts is the business of `ipa_gym.workload.loading`, making
them that of `ipa_gym.workload.synthetic`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ipa_gym.errors import CardError
from ipa_gym.workload import recipe
from ipa_gym.workload.recipe import Recipe

Second = Annotated[int, Field(ge=0)]
Window = tuple[Second, Second]  # [from, to)


@dataclass(frozen=True, slots=True)
class Reference:
    """The real load that a synthetic one stands for; the counts themselves are not shipped."""

    source: str
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]  # seconds of the real counts, joined
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class StatisticPair:
    """One figure of the trace, and the same figure of the real load."""

    trace: float | tuple[float, ...]
    real: float | tuple[float, ...]
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class TraceCard:
    """What a trace card says; ``data`` is a file name beside the card, ``key`` an array or column in it."""

    title: str
    data: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    version: Annotated[int, Field(ge=1)] = 1
    description: str = ""
    key: str | None = None
    splits: Mapping[str, Window] = field(default_factory=dict)
    generator: Recipe | None = None
    reference: Reference | None = None
    statistics: Mapping[str, StatisticPair] = field(default_factory=dict)
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


_ADAPTER = TypeAdapter(TraceCard)


def read_trace_card(path: str | Path) -> TraceCard:
    """Read and validate a trace card.

    Raises: CardError naming file, field, value and what is allowed.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CardError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise CardError(f"{path}: holds {type(content).__name__}; expected a mapping with 'title' and 'data'")
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        raise CardError(_message(Path(path), error)) from error


def _message(path: Path, error: ValidationError) -> str:
    """The first fault, with the nearest allowed key where a key is unknown."""
    fault = error.errors(include_url=False)[0]
    place = list(fault["loc"])
    if place[0] == "generator" and len(place) > 1:
        del place[1]  # pydantic puts the recipe's kind there
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    text = f"{path}: {name or 'card'} is {fault['input']!r:.80}; {fault['msg'].lower()}"
    if fault["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(str(place[-1]), _known_keys(), n=1)
        text = f"{path}: {name} is not a key that is known there" + (f". Did you mean {near[0]!r}?" if near else "")
    others = error.error_count() - 1
    return text + (f" (and {others} more faults)" if others else "")


def _known_keys() -> set[str]:
    classes = [value for value in vars(recipe).values() if is_dataclass(value)]
    return {item.name for cls in (TraceCard, Reference, StatisticPair, *classes) for item in fields(cls)}
