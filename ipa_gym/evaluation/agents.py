"""`AgentGroup`: what is judged under one name: a card, or one agent trained with several seeds.

Reads cards and looks into run folders; plays nothing. Next: `comparison.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ipa_gym import catalog
from ipa_gym.errors import CardError, OptionError
from ipa_gym.forecast import PEEKING
from ipa_gym.policies import AgentCard, load_agent_card
from ipa_gym.policies.card import AGENT_FILE

SEED_FOLDER = "seed-"  # folders of the training seeds of one agent: seed-0, seed-1, ...


@dataclass(frozen=True, slots=True)
class AgentGroup:
    """One or several agents under one name."""

    name: str  # of the table: a card's name, or the folder's
    cards: tuple[AgentCard, ...]  # one for each training seed; a single one of an agent that is not trained
    labels: tuple[str, ...]  # of each: the seed's folder, or the card's name

    @property
    def is_plain_ipa(self) -> bool:
        """Whether it is IPA with a forecast that does not peek."""
        return all(card.policy == "ipa" and card.forecast != PEEKING for card in self.cards)


def load_group(reference: str) -> AgentGroup:
    """Read the agents that a reference stands for.

    Args:
        reference: an agent's name, a card's path, the folder of a training run (``runs/video/ppo/seed-0``), or the
            folder above several (``runs/video/ppo``): the training seeds of one agent.
    Raises: as `load_agent_card`; CardError too for a training seed that has left no agent yet, or seeds with different
        policies, which are no seeds of one agent.
    """
    folder = Path(reference).expanduser()
    seeds = [] if reference in catalog.names("agents") else _seed_folders(folder)
    if seeds:
        labels = tuple(seed.name for seed in seeds)
        cards = tuple(load_agent_card(seed) for seed in seeds)
        _check_one_agent(folder, cards, labels)
        return AgentGroup(folder.resolve().name, cards, labels)
    card = load_agent_card(reference)
    if card.path.name != AGENT_FILE:
        return AgentGroup(card.name, (card,), (card.name,))
    run = card.path.parent
    name = f"{run.parent.name}/{run.name}" if run.name.startswith(SEED_FOLDER) else run.name
    return AgentGroup(name, (card,), (run.name,))


def load_groups(references: Iterable[str]) -> tuple[AgentGroup, ...]:
    """Read several, each of them once.

    Raises: OptionError for two different ones of the same name; else as `load_group`.
    """
    return distinct(map(load_group, references))


def distinct(groups: Iterable[AgentGroup]) -> tuple[AgentGroup, ...]:
    """The groups, each of them once. Raises: OptionError for two different ones of the same name."""
    found: dict[str, AgentGroup] = {}
    for group in groups:
        known = found.setdefault(group.name, group)
        if [card.path for card in known.cards] != [card.path for card in group.cards]:
            raise OptionError(
                f"agents: two are called {group.name!r}: {known.cards[0].path} and {group.cards[0].path}; "
                "expected different names"
            )
    return tuple(found.values())


def _check_one_agent(folder: Path, cards: tuple[AgentCard, ...], labels: tuple[str, ...]) -> None:
    other = next((number for number, card in enumerate(cards) if card.policy != cards[0].policy), None)
    if other is not None:
        found = f"{labels[0]} has {cards[0].policy!r}, {labels[other]} has {cards[other].policy!r}"
        raise CardError(f"{folder}: policy: {found}; expected the training seeds of one agent")


def _seed_folders(folder: Path) -> list[Path]:
    """The folders of training seeds in a folder that is no run itself, in order of the seeds."""
    if not folder.is_dir() or (folder / AGENT_FILE).exists():
        return []
    found = [path for path in folder.glob(f"{SEED_FOLDER}*") if path.is_dir()]
    return sorted(found, key=lambda path: (len(path.name), path.name))
