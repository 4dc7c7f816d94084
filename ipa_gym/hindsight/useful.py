"""Which configurations a search looks at: the frontier at each load of a ladder, and a configuration's neighbours.

All of them are actions, int64 (n, 3 · n_stages). Nothing is simulated here. Next: `starting_plans.py`, `corridor.py`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.hindsight.rehearsal import Actions, Floats
from ipa_gym.optimizer.frontier import for_some_weight, frontier
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.pipeline import Pipeline

_FEWEST_FOR_TWO = 6  # replicas from which two more or fewer are tried too
_PART = 0.1  # of the replicas, tried too


def distinct(actions: Actions) -> Actions:
    """Each action once, in lexicographic order."""
    found: Actions = np.unique(actions, axis=0)
    return found


def ladder(lowest_rps: float, highest_rps: float, n_rungs: int) -> Floats:
    """Loads to plan for, evenly spaced in their logarithm: from half the lowest to 1.3 times the highest.

    A queue lets a plan for much less than the busiest second serve in time, so the ladder begins low.
    """
    rates: Floats = np.geomspace(max(0.5 * lowest_rps, 0.1), max(1.3 * highest_rps, 0.2), n_rungs)
    return rates


def useful_actions(pipeline: Pipeline, rates_rps: Floats) -> Actions:
    """What IPA would decide at some of these loads with some weight of the accuracy, its own decisions included."""
    corners = [for_some_weight(frontier(pipeline, rate), pipeline.objective).chosen for rate in rates_rps.tolist()]
    decided = ExactPlanner(pipeline).decide_many(rates_rps).chosen
    return distinct(ActionLayout(pipeline).encode_many(np.concatenate([decided, *corners])))


class Neighbours:
    """What differs from a configuration in one stage, by one step.

    A step is: one replica more or fewer, two where there are six or more, a tenth of them; another variant, or the next
    batch size, with the fewest replicas that carry what the stage carried before.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        sizes = pipeline.batch_sizes
        self._cap, self._n_stages = pipeline.replica_cap, len(pipeline.stages)
        self._throughput = [[[v.throughput_rps(b) for b in sizes] for v in stage.variants] for stage in pipeline.stages]
        self._known: dict[bytes, Actions] = {}

    def of(self, action: NDArray[np.int64]) -> Actions:
        """The configuration itself and its neighbours, int64 (n, 3 · n_stages)."""
        key = action.tobytes()
        if key not in self._known:
            self._known[key] = self._made(action)
        return self._known[key]

    def _made(self, action: NDArray[np.int64]) -> Actions:
        found = [action]
        for stage in range(self._n_stages):
            for choice in self._choices(stage, *action[3 * stage : 3 * stage + 3].tolist()):
                changed = action.copy()
                changed[3 * stage : 3 * stage + 3] = choice
                found.append(changed)
        return distinct(np.array(found))

    def _choices(self, stage: int, variant: int, batch: int, last: int) -> list[tuple[int, int, int]]:
        replicas, throughput = last + 1, self._throughput[stage]
        changes = {-1, 1, round(_PART * replicas), -round(_PART * replicas)}
        if replicas >= _FEWEST_FOR_TWO:
            changes |= {-2, 2}
        found = [(variant, batch, replicas + change) for change in changes]
        carried = replicas * throughput[variant][batch]
        others = [(other, batch) for other in range(len(throughput)) if other != variant]
        others += [(variant, size) for size in (batch - 1, batch + 1) if 0 <= size < len(throughput[variant])]
        found += [(v, b, max(1, math.ceil(carried / throughput[v][b] - 1e-9))) for v, b in others]
        return [(v, b, n - 1) for v, b, n in found if 1 <= n <= self._cap]
