"""Reads a YAML file into plain mappings, lists and scalars; the only reader of YAML for cards.

PyYAML's safe loader with two repairs: a key given twice is an error, and ``1e-6`` is a number (YAML 1.2), not a text.
Tags never construct objects. What the mappings may hold is the business of `ipa_gym.cards.schema`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ipa_gym.errors import CardError

MAX_BYTES = 4_000_000  # a card is a few kilobytes; more is a mistake or an attack


class CardYamlLoader(yaml.SafeLoader):
    """Safe loader that refuses duplicate keys and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases, which could make a small file expand without bound."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not allowed", mark)
        return super().compose_node(parent, index)  # type: ignore[no-any-return]  # the stubs leave it untyped

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; a key given twice is an error."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]  # PyYAML's stubs
            if isinstance(key, (list, dict)):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a name or number", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


CardYamlLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_text(path: Path) -> str:
    """Text of a card file. Raises: CardError if it is no readable UTF-8 text of a sensible size."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CardError(f"{path}: file is {path.stat().st_size} bytes; expected a card of at most {MAX_BYTES}.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror}); expected a YAML file.") from error
    except UnicodeDecodeError as error:
        raise CardError(f"{path}: byte {error.start} is not UTF-8; expected a YAML text file.") from error


def parse_mapping(text: str, file: object) -> dict[str, Any]:
    """Parse the text of a card. Raises: CardError with the line if it is no YAML mapping with text keys."""
    try:
        data = yaml.load(text, Loader=CardYamlLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise CardError(f"{file}:{where} is not valid YAML: {reason}; expected a card, see docs/cards.md.") from error
    if not isinstance(data, dict):
        raise CardError(f"{file}: the file holds {type(data).__name__}; expected a mapping of keys to values.")
    return data
