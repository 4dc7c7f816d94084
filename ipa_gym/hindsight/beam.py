"""`beam_pass`: the best plan inside a corridor, found by branching the simulator's state. One pass; never worse.

A corridor says which actions are looked at in each interval. All actions are tried in all states that are kept; then of
each action the few best states stay, so that a configuration that pays later is not crowded out by one that pays now.
The plan that the pass starts from is inside the corridor and its state is always kept. Next: `corridor.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.hindsight.rehearsal import Actions, Floats, Index, Plan, Rehearsal, States


@dataclass(frozen=True, slots=True)
class Beam:
    """How much is kept."""

    width: int  # states in all
    per_action: int  # states that came by the same action
    wait_price: float  # reward that a state loses in the comparison for each request that waits in it


@dataclass(slots=True, eq=False)
class _Front:
    """The states that are kept."""

    states: States
    totals: Floats  # what they have earned so far
    own: int  # which of them is the given plan's


def beam_pass(rehearsal: Rehearsal, corridor: Sequence[Actions], plan: Plan, beam: Beam) -> tuple[Plan, float]:
    """Search the corridor.

    Args:
        corridor: of each interval the actions, int64 (n, 3 · n_stages), no two alike, the plan's own among them.
        plan: int64 (n_intervals, 3 · n_stages), kept unless a better one is found.
        beam: how much is kept.
    Returns: the best plan that was met and what it earns, the sum of its rewards.
    """
    front = _Front(rehearsal.start_state, np.zeros(1), 0)
    links: list[tuple[Index, Index]] = []
    for actions, planned in zip(corridor, plan, strict=True):
        n_actions, n_states = len(actions), len(front.totals)
        own_action = int(np.flatnonzero((actions == planned).all(axis=1))[0])
        parents, taken = np.repeat(np.arange(n_states), n_actions), np.tile(np.arange(n_actions), n_states)
        tried = rehearsal.try_out(front.states, parents, actions[taken])
        totals = front.totals[parents] + tried.rewards
        own = front.own * n_actions + own_action
        group = taken + n_actions * np.unique(tried.phase, return_inverse=True)[1]
        kept = _kept(totals - beam.wait_price * tried.waiting, group, own=own, beam=beam)
        states, _ = rehearsal.advance(front.states, parents[kept], actions[taken[kept]])
        front = _Front(states, totals[kept], 0)
        links.append((parents[kept], taken[kept]))
    return _traced(corridor, links, int(np.argmax(front.totals))), float(front.totals.max())


def _kept(scores: Floats, group: Index, *, own: int, beam: Beam) -> Index:
    """Which children stay: the plan's own first, then by score, at most so many of each group and in all."""
    order = np.argsort(-scores, kind="stable")
    order = np.concatenate([[own], order[order != own]])
    found: Index = order[_rank(group[order]) < beam.per_action][: beam.width]
    return found


def _rank(group: Index) -> Index:
    """Of each element, how many of its group come before it."""
    by_group = np.argsort(group, kind="stable")
    rank = np.empty_like(by_group)
    rank[by_group] = np.arange(len(group)) - np.searchsorted(group[by_group], group[by_group])
    return rank


def _traced(corridor: Sequence[Actions], links: list[tuple[Index, Index]], last: int) -> NDArray[np.int64]:
    """The plan that leads to a state of the last front."""
    chosen: list[NDArray[np.int64]] = []
    for actions, (parents, taken) in zip(reversed(corridor), reversed(links), strict=True):
        chosen.append(actions[taken[last]])
        last = int(parents[last])
    return np.array(chosen[::-1])
