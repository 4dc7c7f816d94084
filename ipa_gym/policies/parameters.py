"""The parameters that a policy takes from its agent card: their defaults, what is allowed, what they mean.

Each policy class lists its own in ``PARAMETERS``; `factory.py` checks a card against that list, and the documentation
and the command line print it. Nothing here knows a policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipa_gym.errors import OptionError, unknown_name

_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a policy."""

    default: object
    allowed: str  # in words, for the error
    meaning: str  # with its unit
    accepts: Callable[[object], bool]


def number(default: float, *, above: float, up_to: float, meaning: str) -> Parameter:
    """A finite number in (above, up_to]."""

    def accepts(value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and above < value <= up_to

    return Parameter(default, f"a number above {above:g}, up to {up_to:g}", meaning, accepts)


def whole(default: int, *, low: int, high: int, meaning: str) -> Parameter:
    """A whole number in [low, high]."""

    def accepts(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return Parameter(default, f"a whole number from {low} to {high}", meaning, accepts)


def choice(default: str, options: tuple[str, ...], *, meaning: str) -> Parameter:
    """One of some words."""
    return Parameter(default, f"one of {', '.join(options)}", meaning, lambda value: value in options)


def word_or_list(default: str, words: tuple[str, ...], kind: type, *, meaning: str) -> Parameter:
    """One of some words, or a list with an entry of ``kind`` for each stage."""

    def accepts(value: object) -> bool:
        if isinstance(value, list | tuple):
            return bool(value) and all(isinstance(entry, kind) and not isinstance(entry, bool) for entry in value)
        return isinstance(value, str) and value in words

    names = {str: "variant names", int: "whole numbers", dict: "mappings with variant, batch and replicas"}
    return Parameter(default, f"{', '.join(words)}, or a list of {names[kind]}, one a stage", meaning, accepts)


def checked(parameters: Mapping[str, Parameter], given: Mapping[str, object], *, where: str) -> dict[str, object]:
    """The given values over the defaults.

    Args:
        parameters: what the policy knows.
        given: what the card says.
        where: file and field that the values come from, for the error.
    Raises: OptionError for a value that is not allowed, UnknownNameError for a parameter that does not exist.
    """
    values = {name: parameter.default for name, parameter in parameters.items()}
    for name, value in given.items():
        if name not in parameters:
            raise unknown_name(f"parameter in {where}:", name, parameters)
        if not parameters[name].accepts(value):
            shown = repr(value)
            shown = shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…"
            raise OptionError(f"{where}.{name} is {shown}; expected {parameters[name].allowed}")
        values[name] = value
    return values
