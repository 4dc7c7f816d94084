"""Turns whatever is wrong with a card into one `CardError` line: file, field, value, what is allowed.

It formats errors and decides nothing about cards; the rules are in `ipa_gym.cards.schema` and `ipa_gym.cards.checks`.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from ipa_gym.errors import CardError

Location = tuple[int | str, ...]
_LONGEST_VALUE = 60
_EXPECTED = {  # pydantic's error type -> what is allowed, where its own words would not do
    "missing": "this key, which is required",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "list_type": "a list",
    "too_short": "at least one entry",
    "string_too_short": "text that is not empty",
    "string_pattern_mismatch": "a name of letters, digits, '.', '_' and '-'",
}
_UNION_TAGS = ("literal[", "list[", "function-", "constrained-")  # pydantic's names for branches of a union


def field_path(location: Iterable[int | str]) -> str:
    """Path of a field as a reader writes it: ``('stages', 1, 'name')`` is ``stages[1].name``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]" and not part.startswith(_UNION_TAGS):
            path += f".{part}" if path else part
    return path or "card"


def card_error(file: object, path: str, found: str, *, allowed: str, hint: str = "") -> CardError:
    """Build the one line that users read; ``found`` comes as it should be printed."""
    shown = found if len(found) <= _LONGEST_VALUE * 2 else found[: _LONGEST_VALUE * 2] + "…"
    return CardError(f"{file}: {path} is {shown}; expected {allowed}.{hint}")


def nearest(name: object, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the known name nearest to ``name``, or nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def from_validation(file: object, model: type[BaseModel], error: ValidationError) -> CardError:
    """The error line for pydantic's first complaint about a card, with the number of further ones."""
    problems = error.errors(include_url=False)
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    location: Location = first["loc"]
    more = len({field_path(p["loc"]) for p in problems} - {field_path(location)})
    tail = f" ({more} more {'problem' if more == 1 else 'problems'} in this card.)" if more else ""
    if first["type"] == "extra_forbidden":
        known = sorted(_fields_at(model, location[:-1]))
        hint = nearest(location[-1], known) + tail
        return card_error(file, field_path(location), "an unknown key", allowed=f"one of {', '.join(known)}", hint=hint)
    context = first.get("ctx", {})
    found = str(context["found"]) if first["type"] == "card" else _shown(first)
    return card_error(file, field_path(location), found, allowed=_allowed(first), hint=tail)


def _shown(problem: Any) -> str:  # Any: pydantic's ErrorDetails, a TypedDict with optional keys
    if problem["type"] == "missing":
        return "missing"
    text = repr(problem["input"])
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _allowed(problem: Any) -> str:  # Any: as above
    kind = problem["type"]
    if kind == "card":
        return str(problem["ctx"]["allowed"])
    return _EXPECTED.get(kind, str(problem["msg"]).replace("Input should be ", ""))


def _fields_at(model: type[BaseModel], location: Location) -> tuple[str, ...]:
    """Keys that the mapping at a location may have."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str) and current is not None and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation)
    return tuple(current.model_fields) if current is not None else ()


def _model_in(annotation: Any) -> type[BaseModel] | None:  # Any: a type annotation of any form
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        inner = _model_in(argument)
        if inner is not None:
            return inner
    return None
