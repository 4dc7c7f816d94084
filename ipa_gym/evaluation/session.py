"""`evaluate`: plays candidates and baselines on the same windows and compares each with each.

What ``ipa-gym evaluate --against`` runs; it returns data and writes nothing. Next: `play.py`, `comparison.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.evaluation.agents import AgentGroup, distinct
from ipa_gym.evaluation.comparison import Comparison, Played, compare, violations_limit
from ipa_gym.evaluation.play import play_agent
from ipa_gym.evaluation.results import METRICS
from ipa_gym.settings import EnvSettings
from ipa_gym.statistics import Estimate, mean_interval

OnProgress = Callable[[int, int], None]  # (agents done, agents in all)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What came out."""

    groups: tuple[AgentGroup, ...]  # candidates first, then the baselines; each once
    played: tuple[Played, ...]  # of each group
    comparisons: tuple[Comparison, ...]  # each candidate with each other baseline


def evaluate(
    settings: EnvSettings,
    starts: NDArray[np.int64],
    *,
    candidates: Sequence[AgentGroup],
    baselines: Sequence[AgentGroup] = (),
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Play all agents and compare them.

    Args:
        settings: of the environment, from `env_settings`; an agent card's own forecast goes first.
        starts: int64 (n_windows,), see `evaluation_starts`.
        candidates, baselines: from `load_groups`.
        seed: of arrivals and service times, and of the bootstrap.
        on_progress: called after each agent.
    Raises: OptionError for two different agents of one name; CardError for a card that the pipeline cannot take; else
        as `play_windows`.
    """
    groups = distinct((*candidates, *baselines))
    n_agents, n_done = sum(len(group.cards) for group in groups), 0
    played: dict[str, Played] = {}
    for group in groups:
        results = []
        for card in group.cards:
            results.append(play_agent(settings, card, starts, seed=seed))
            n_done += 1
            if on_progress is not None:
                on_progress(n_done, n_agents)
        played[group.name] = Played(group.name, tuple(results))
    limit = violations_limit(played[group.name] for group in baselines if group.is_plain_ipa)
    comparisons = tuple(
        compare(played[ours.name], played[theirs.name], violations_limit_percent=limit, seed=seed)
        for ours in candidates
        for theirs in baselines
        if ours.name != theirs.name
    )
    return Evaluation(groups, tuple(played.values()), comparisons)


def estimates(played: Played, *, seed: int = 0) -> dict[str, Estimate]:
    """Mean and interval of each metric of one group."""
    return {
        metric.name: mean_interval(played.table(metric.name), rng=np.random.default_rng(seed)) for metric in METRICS
    }
