"""What ships with the package: name and one line of every pipeline, trace and agent card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from ipa_gym import catalog
from ipa_gym.benchmark.styles import in_table_order
from ipa_gym.catalog import Kind
from ipa_gym.errors import unknown_name


def contents(kind: str | None = None) -> dict[str, list[dict[str, str]]]:
    """The cards of a kind, or of all.

    Args:
        kind: ``envs``, ``traces``, ``agents`` or None.
    Returns: kind -> entries with ``name`` and ``title``.
    Raises: UnknownNameError for another kind, CardError for a shipped card that is broken.
    """
    kinds: tuple[Kind, ...] = get_args(Kind)
    if kind is not None and kind not in kinds:
        raise unknown_name("kind of content", kind, kinds)
    wanted = [name for name in ("envs", "traces", "agents") if kind in (None, name)]
    return {name: _entries(name) for name in kinds if name in wanted}


def _entries(kind: Kind) -> list[dict[str, str]]:
    names = catalog.names(kind)
    ordered = in_table_order(names) if kind == "agents" else names
    return [{"name": name, "title": _TITLES[kind](name)} for name in ordered]


def _pipeline_title(name: str) -> str:
    from ipa_gym.cards import load_pipeline

    return load_pipeline(name).title


def _agent_title(name: str) -> str:
    from ipa_gym.policies.card import is_trainable, load_agent_card
    from ipa_gym.training.card import load_training_card

    if is_trainable(name):
        return f"{load_training_card(name).title} (to be trained: ipa-gym train)"
    return load_agent_card(name).title


def _trace_title(name: str) -> str:
    from ipa_gym.workload.card import read_trace_card

    return read_trace_card(catalog.find("traces", name)).title


_TITLES: Mapping[Kind, Callable[[str], str]] = {"envs": _pipeline_title, "agents": _agent_title, "traces": _trace_title}
