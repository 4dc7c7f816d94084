"""Plans to start a search from: every useful configuration held, and the optimiser's decisions for what will come.

Among the second are those of IPA with a perfect forecast and of FA2-low, so that a search from the best of all is never
worse than these. Nothing is improved here. Next: `oracle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.forecast import HORIZON_S
from ipa_gym.hindsight.rehearsal import Actions, Floats, Rehearsal
from ipa_gym.hindsight.useful import Neighbours, distinct, ladder, useful_actions
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.policies.baselines import fixed_variants, least_accurate_variants
from ipa_gym.workload.trace import HISTORY_S

_SPANS_S = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (0.0, 20.0))  # seconds before and after an interval that count too
_FACTORS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25)  # of the mean load of a span
_N_COMBINATIONS = 6  # of variants, fixed for a whole plan: those of the best held configurations


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """Plans and what they earn, the best first."""

    actions: NDArray[np.int64]  # (n, n_intervals, 3 · n_stages)
    totals: Floats  # (n,) sums of the rewards


def held_plans(rehearsal: Rehearsal, *, n_rungs: int) -> tuple[Actions, Floats]:
    """All useful configurations over a ladder of loads, each held from the first decision on.

    Args:
        n_rungs: loads, from half that of the quietest interval to 1.3 times that of the busiest.
    Returns: the configurations, int64 (n, 3 · n_stages), and what they earn, the best first.
    """
    loads = interval_loads(rehearsal, before_s=0.0, after_s=0.0)
    pipeline = rehearsal.settings.pipeline
    actions = useful_actions(pipeline, ladder(float(loads.min()), float(loads.max()), n_rungs))
    totals = _held(rehearsal, actions)
    order = np.argsort(-totals, kind="stable")
    return actions[order], totals[order]


def best_held(rehearsal: Rehearsal, *, n_rungs: int) -> tuple[Actions, Floats]:
    """The same, improved until no configuration that differs in one step, or in two, earns more.

    Returns: as `held_plans`; the first row is the best.
    """
    actions, totals = held_plans(rehearsal, n_rungs=n_rungs)
    near = Neighbours(rehearsal.settings.pipeline)
    known = {action.tobytes() for action in actions}
    reach = 1
    while reach <= 2:
        around = near.of(actions[0])
        if reach == 2:
            around = distinct(np.concatenate([near.of(action) for action in around]))
        new = around[[action.tobytes() not in known for action in around]]
        known |= {action.tobytes() for action in new}
        best = totals[0]
        actions, totals = np.concatenate([actions, new]), np.concatenate([totals, _held(rehearsal, new)])
        order = np.argsort(-totals, kind="stable")
        actions, totals = actions[order], totals[order]
        reach = 1 if totals[0] > best else reach + 1
    return actions, totals


def starting_plans(rehearsal: Rehearsal, *, n_rungs: int) -> Plans:
    """The best held configuration, and plans for loads that are known beforehand; see the module."""
    pipeline, n_intervals = rehearsal.settings.pipeline, rehearsal.n_intervals
    held, _ = best_held(rehearsal, n_rungs=n_rungs)
    loads = _planned_loads(rehearsal)
    plans = [np.repeat(held[:1, None], n_intervals, axis=1)]
    combinations = [least_accurate_variants(pipeline), *(tuple(row) for row in held[:, ::3].tolist())]
    fixed = [None, *(fixed_variants(v) for v in list(dict.fromkeys(combinations))[: 1 + _N_COMBINATIONS])]
    for variants in fixed:
        decided = ExactPlanner(pipeline, variants).decide_many(loads.reshape(-1)).chosen
        plans.append(rehearsal.actions.encode_many(decided).reshape(len(loads), n_intervals, -1))
    actions = np.unique(np.concatenate(plans), axis=0)
    totals = rehearsal.earned(actions)
    order = np.argsort(-totals, kind="stable")
    return Plans(actions[order], totals[order])


def interval_loads(rehearsal: Rehearsal, *, before_s: float, after_s: float) -> Floats:
    """Mean load from ``before_s`` before each interval to ``after_s`` after it, requests/s, float64 (n_intervals,)."""
    counts, interval_s = rehearsal.counts, rehearsal.settings.interval_s
    arrived = np.concatenate([[0.0], np.cumsum(counts)])
    seconds = np.arange(len(arrived))
    begin = np.arange(rehearsal.n_intervals) * interval_s
    low = np.clip(begin - before_s, 0.0, float(len(counts)))
    high = np.clip(begin + interval_s + after_s, 0.0, float(len(counts)))
    found: Floats = (np.interp(high, seconds, arrived) - np.interp(low, seconds, arrived)) / (high - low)
    return found


def _planned_loads(rehearsal: Rehearsal) -> Floats:
    """Loads to plan for: float64 (n, n_intervals), the first two are those that IPA plans for, see `peaks`."""
    means = [interval_loads(rehearsal, before_s=before, after_s=after) for before, after in _SPANS_S]
    return np.array([*peaks(rehearsal), *(factor * mean for mean in means for factor in _FACTORS)])


def peaks(rehearsal: Rehearsal) -> tuple[Floats, Floats]:
    """The busiest second of the 20 s after each decision, and of the 10 s before: perfect and reactive forecasts."""
    seen = rehearsal.seen
    now = (np.arange(rehearsal.n_intervals) * rehearsal.settings.interval_s).astype(np.int64) + HISTORY_S
    after = np.array([seen[second : second + HORIZON_S].max(initial=0) for second in now.tolist()], dtype=np.float64)
    before = np.array([seen[second - 10 : second].max() for second in now.tolist()], dtype=np.float64)
    return after, before


def _held(rehearsal: Rehearsal, actions: Actions) -> Floats:
    return rehearsal.earned(np.repeat(actions[:, None], rehearsal.n_intervals, axis=1))
