"""How agents look: one colour and marker each, the same in every figure, and their order in tables.

Only names and looks; which agents exist is the business of `ipa_gym.catalog`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgentStyle:
    """Colour and marker of an agent, in matplotlib's words."""

    colour: str
    marker: str
    line: str = "-"


AGENT_STYLES: Mapping[str, AgentStyle] = {  # in the order of tables and legends; colours of Okabe and Ito
    "ipa": AgentStyle("#0072B2", "o"),
    "ipa-exact": AgentStyle("#56B4E9", "X", "--"),
    "ipa-perfect": AgentStyle("#004466", "*", ":"),
    "fa2-low": AgentStyle("#E69F00", "v"),
    "fa2-high": AgentStyle("#D55E00", "^"),
    "rim": AgentStyle("#CC79A7", "s"),
    "hpa": AgentStyle("#009E73", "D"),
    "keda": AgentStyle("#117733", "d"),
    "kpa": AgentStyle("#44AA99", "<"),
    "ray-serve": AgentStyle("#66CCEE", ">"),
    "inferline": AgentStyle("#8C6D31", "p"),
    "infaas": AgentStyle("#B8860B", "8"),
    "loki": AgentStyle("#EE7733", "H"),
    "mpc": AgentStyle("#332288", "H", "-."),
    "trained": AgentStyle("#882255", "h"),
    "oracle": AgentStyle("#000000", "*", "-."),
    "best-static": AgentStyle("#444444", "X", ":"),
    "static": AgentStyle("#6B6B6B", "P", "--"),
    "random": AgentStyle("#B0B0B0", "x", ":"),
}
OTHER_STYLES: tuple[AgentStyle, ...] = (  # one's own agents, in order of their names
    AgentStyle("#999933", ">"),
    AgentStyle("#AA4499", "d"),
    AgentStyle("#661100", "8"),
    AgentStyle("#4477AA", "<"),
    AgentStyle("#228833", "p"),
)


def agent_styles(agents: Iterable[str]) -> dict[str, AgentStyle]:
    """The style of each agent; unknown ones share out `OTHER_STYLES`, again from the first if there are more."""
    names = list(agents)
    others = sorted(set(names) - set(AGENT_STYLES))
    own = {name: OTHER_STYLES[i % len(OTHER_STYLES)] for i, name in enumerate(others)}
    return {name: AGENT_STYLES.get(name) or own[name] for name in names}


def in_table_order(agents: Sequence[str]) -> tuple[str, ...]:
    """Known agents first, in the order of `AGENT_STYLES`, then the others as given."""
    order = {name: i for i, name in enumerate(AGENT_STYLES)}
    return tuple(sorted(agents, key=lambda name: order.get(name, len(order))))
