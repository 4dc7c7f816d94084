"""`Candidates`: which plans are worth a look: the most promising configurations, held, switched to, and near ones.

A plan is an action for each interval of the horizon. What a plan is worth is for `rollouts.py` to find out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.pipeline import Configuration
from ipa_gym.policies.base import Setting
from ipa_gym.queueing.state import Floats, Ints

Action = tuple[int, ...]
Plan = tuple[Action, ...]
_CHANGES = (-2, -1, 1, 2)  # replicas of one stage that a near configuration has more


class Candidates:
    """Makes plans for one pipeline.

    Args:
        factors: float64 (n,), the loads that configurations are made for, as parts of the mean load.
        horizon: intervals of a plan.
        latest_switch: intervals that a plan may wait at most before it changes the configuration.
    """

    def __init__(self, setting: Setting, factors: Sequence[float], *, horizon: int, latest_switch: int) -> None:
        self._pipeline, self._actions = setting.pipeline, setting.actions
        self._factors = np.array(factors)
        self._horizon, self._latest_switch = horizon, min(latest_switch, horizon - 1)
        self._free = ExactPlanner(setting.pipeline)
        self._fixed: dict[tuple[int, ...], ExactPlanner] = {}  # with the variants as they are

    def first(self, now: Configuration, level_rps: float) -> list[Plan]:
        """Plans of the first round, no two alike: what runs now, held, then each promising configuration.

        Each of these from now on, then each from the next interval on, and so on: until then what runs now.

        Args:
            now: the newest decision.
            level_rps: mean load.
        """
        current = tuple(int(number) for number in self._actions.encode(now))
        promising = dict.fromkeys(self._promising(now, level_rps))
        promising.pop(current, None)
        plans: dict[Plan, None] = {(current,) * self._horizon: None}
        for wait in range(self._latest_switch + 1):
            for action in promising:
                plans[(current,) * wait + (action,) * (self._horizon - wait)] = None
        return list(plans)

    def near(self, plans: Sequence[Plan]) -> list[Plan]:
        """Plans whose first configuration has up to two replicas more or fewer in one stage.

        That configuration held, and followed by what the plan does later.
        """
        found: dict[Plan, None] = {}
        for plan in plans:
            for place in range(2, len(plan[0]), 3):
                for change in _CHANGES:
                    count = plan[0][place] + change
                    if 0 <= count < self._pipeline.replica_cap:
                        action = (*plan[0][:place], count, *plan[0][place + 1 :])
                        found[(action,) * self._horizon] = None
                        found[(action, *plan[1:])] = None
        return list(found)

    def later(self, variants: Ints, rate_rps: float) -> Floats:
        """What an interval after the horizon is worth: the objective of the optimum with the variants that serve then.

        Variants are what it takes longest to change. Where they cannot carry the load, an interval is worth a bill and
        as many violations as there are requests.

        Args:
            variants: int64 (n, n_stages).
            rate_rps: load to be carried.
        Returns: float64 (n,).
        """
        rows = [tuple(row) for row in variants.tolist()]
        worth = {row: float(self._keeping(row).decide_many((rate_rps,)).objective[0]) for row in set(rows)}
        found = np.array([worth[row] for row in rows])
        return np.where(np.isnan(found), -self._pipeline.objective.rho, found)

    def _promising(self, now: Configuration, level_rps: float) -> list[Action]:
        """The optimiser's answers along the ladder of loads: with any variants, and with the present ones."""
        rates_rps = level_rps * self._factors
        present = self._keeping(tuple(choice.variant for choice in now.stages))
        return [
            tuple(action)
            for planner in (self._free, present)
            for action in self._actions.encode_many(planner.decide_many(rates_rps).chosen).tolist()
        ]

    def _keeping(self, variants: tuple[int, ...]) -> ExactPlanner:
        if variants not in self._fixed:
            self._fixed[variants] = ExactPlanner(self._pipeline, tuple((variant,) for variant in variants))
        return self._fixed[variants]
