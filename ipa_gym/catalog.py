"""Finds and lists content: pipeline cards, agent cards and traces, by name or by path to the user's own file.

The three folders lie beside the package in a checkout and inside it (``content/``) in an installed wheel.
It finds files; reading them is the business of `ipa_gym.cards`, `ipa_gym.policies` and `ipa_gym.workload`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ipa_gym.errors import UnknownNameError, unknown_name

Kind = Literal["envs", "agents", "traces"]
_PACKAGE = Path(__file__).resolve().parent
_SINGULAR = {"envs": "pipeline card", "agents": "agent card", "traces": "trace card"}


def content_folder(kind: Kind) -> Path:
    """Folder that holds the shipped content of a kind: in the wheel, else in the checkout."""
    installed = _PACKAGE / "content" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def names(kind: Kind) -> tuple[str, ...]:
    """Names of all shipped cards of a kind, sorted."""
    return tuple(sorted(path.stem for path in content_folder(kind).glob("*.yaml")))


def find(kind: Kind, name_or_path: str | Path) -> Path:
    """Path of a card: a shipped name, or the path of the user's own file (with a suffix or a separator).

    Raises: UnknownNameError if there is no such name (suggesting the nearest) or no such file.
    """
    text = str(name_or_path)
    shipped = content_folder(kind) / f"{text}.yaml"
    if text and "/" not in text and "\\" not in text and shipped.is_file():
        return shipped
    path = Path(text).expanduser()
    if path.is_file():
        return path.resolve()
    if path.suffix or "/" in text:
        raise UnknownNameError(
            f"{_SINGULAR[kind]}: no file {text!r}; give a path to a file or one of: {', '.join(names(kind))}"
        )
    raise unknown_name(_SINGULAR[kind], text, names(kind))
