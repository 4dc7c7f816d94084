"""Rewrites the generated numbers inside a card's text; comments and everything written by hand stay as they are.

The numbers come from `ipa_gym.profiling.card_profiles`. Only the text is produced here; the caller writes it.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from ipa_gym.cards.loader import parse_card_model
from ipa_gym.cards.yaml_reader import CardYamlLoader, read_text
from ipa_gym.profiling.card_profiles import GeneratedProfile, ProfileGenerator


def regenerate(path: Path) -> str:
    """The card's text with every generated latency, startup and source written anew.

    A variant without a `profile` entry keeps its hand-written numbers. ``regenerate(path) == text`` says that the
    card is up to date. Raises: CardError if the card is broken.
    """
    text = read_text(path)
    card = parse_card_model(text, path)
    generator = ProfileGenerator(card)
    root = yaml.compose(text, Loader=CardYamlLoader)
    edits: list[tuple[yaml.Node, str]] = []
    for s, stage in enumerate(card.stages):
        for v, variant in enumerate(stage.variants):
            profile = generator.profile(stage, variant)
            if profile is not None:
                edits += _edits(_child(root, "stages", s, "variants", v), profile)
    for node, new in sorted(edits, key=lambda edit: edit[0].start_mark.index, reverse=True):
        text = text[: node.start_mark.index] + new + text[node.end_mark.index :]
    return text


def is_current(path: Path) -> bool:
    """Whether the card's generated numbers are what `regenerate` gives."""
    return regenerate(path) == read_text(path)


def _edits(variant: yaml.Node | None, profile: GeneratedProfile) -> list[tuple[yaml.Node, str]]:
    latency = ", ".join(f"{batch}: {seconds!r}" for batch, seconds in profile.latency_s.items())
    wanted = {
        ("latency",): "{" + latency + "}",
        ("startup",): repr(profile.startup_s),
        ("sources", "latency"): json.dumps(profile.latency_source, ensure_ascii=False),
        ("sources", "startup"): json.dumps(profile.startup_source, ensure_ascii=False),
    }
    return [(node, new) for where, new in wanted.items() if (node := _child(variant, *where)) is not None]


def _child(node: yaml.Node | None, *where: str | int) -> yaml.Node | None:
    """The node under a path of keys and positions; None if there is none."""
    for part in where:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        else:
            return None
    return node
