"""`corridor`: which actions a pass of the search looks at in each interval: those around a plan, and some plans' own.

Around a plan are the neighbours of its decision, and its decisions of the intervals before and after, so that a pass
can begin a configuration earlier, hold it longer, or change one stage by a step. Next: `beam.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipa_gym.hindsight.rehearsal import Actions, Plan
from ipa_gym.hindsight.useful import Neighbours, distinct


def corridor(plan: Plan, others: Sequence[Plan], near: Neighbours, *, reach: int) -> list[Actions]:
    """Actions to look at in each interval, no two alike.

    Args:
        plan: int64 (n_intervals, 3 · n_stages), to search around.
        others: plans whose decisions are looked at in their own intervals.
        reach: how many intervals before and after a decision of the plan is looked at.
    Returns: of each interval int64 (n, 3 · n_stages).
    """
    found = []
    for index in range(len(plan)):
        shifted = plan[max(0, index - reach) : index + reach + 1]
        here = [near.of(plan[index]), shifted, *(other[index : index + 1] for other in others)]
        found.append(distinct(np.concatenate(here)))
    return found


def joint_corridor(plan: Plan, near: Neighbours, *, n_actions: int, seed: int) -> list[Actions]:
    """The same with steps in two stages at once, of which each interval gets some, drawn anew with each seed.

    Args:
        n_actions: how many are drawn an interval.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    found = []
    for action in plan:
        first = near.of(action)
        drawn = []
        for _ in range(n_actions):
            second = near.of(first[rng.integers(len(first))])
            drawn.append(second[rng.integers(len(second))])
        found.append(distinct(np.array([action, *drawn])))
    return found
