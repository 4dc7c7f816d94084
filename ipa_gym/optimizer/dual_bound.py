"""Upper bounds on what the remaining stages can add: the SLA priced into the objective, solved exactly for any price.

With a price mu >= 0 on latency the stages couple only through the accuracy measure. From stage s on, every choice is a
line  alpha · P · slope + intercept  in the accuracy P reached before s (slope: product of its accuracies; intercept:
-beta · cost - delta · batch - mu · latency), so the best of all choices is the upper envelope of these lines, built
stage by stage from the back. Adding mu · (SLA - latency so far) bounds the objective of every feasible completion
(Lagrangian duality). `rank_sum` adds up, so there one line is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ipa_gym.accuracy import AccuracyMeasure
from ipa_gym.optimizer.options import FloatArray, StageOptions
from ipa_gym.optimizer.problem import SLA_TOLERANCE_S
from ipa_gym.pipeline import Objective

_BISECTIONS = 14
_PRICE_LADDER = (
    0.1,
    0.25,
    0.5,
    0.75,
    1.5,
    3.0,
)  # of the best price: labels with other accuracies have other best prices


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Upper envelope of a suffix of stages, arrays (n_lines,)."""

    slope: FloatArray  # accuracy of the suffix, per unit of accuracy before it; 1 for rank_sum
    intercept: FloatArray  # objective of the suffix without the slope's part, minus price · latency
    latency: FloatArray  # of the choice behind the line, seconds


@dataclass(frozen=True, slots=True, eq=False)
class DualBound:
    """Bounds at one price: ``envelopes[s]`` covers stages s, s + 1, ...; the last one is empty."""

    price: float  # objective per second of latency
    envelopes: tuple[Envelope, ...]

    def upper(self, stage: int, accuracy: FloatArray, *, alpha: float, slack_s: FloatArray) -> FloatArray:
        """Most that stages from ``stage`` on can add, alpha · A included, for each of n labels.

        Args:
            stage: first undecided stage.
            accuracy: float64 (n,), the measure over the decided stages.
            alpha: the objective's weight of the measure.
            slack_s: float64 (n,), SLA minus the decided stages' latency.
        """
        lines = self.envelopes[stage]
        best = (alpha * accuracy[:, None] * lines.slope + lines.intercept).max(axis=1)
        return np.asarray(best + self.price * (slack_s + SLA_TOLERANCE_S))


def neutral_accuracy(measure: AccuracyMeasure) -> float:
    """The accuracy measure over no stages."""
    return 0.0 if measure == "rank_sum" else 1.0


def dual_bounds(
    options: Sequence[StageOptions], objective: Objective, *, sla_s: float
) -> tuple[tuple[DualBound, ...], float]:
    """Bounds at price 0 and at the price that bounds the whole problem best, and a feasible objective found on the way.

    Bisection on the price: the root's bound is convex in it, falling while the choice behind it is too slow.
    Args:
        options: one a stage, pruned, with at least one feasible configuration.
        objective: weights and accuracy measure.
        sla_s: end-to-end latency limit, seconds.
    Returns: the bounds, and the best objective of the feasible choices met (-inf if there was none).
    """
    free = _at_price(options, objective, price=0.0)
    slow, incumbent = _root(free, objective, sla_s=sla_s)
    if not slow:
        return (free,), incumbent
    low, high = 0.0, 1.0
    best = free
    for step in range(200):
        price = high if best is free else (low + high) / 2.0
        trial = _at_price(options, objective, price=price)
        slow, found = _root(trial, objective, sla_s=sla_s)
        incumbent = max(incumbent, found)
        if slow:
            low = price
            high = high * 4.0 if best is free else high
        else:
            high, best = price, trial
        if best is not free and step > _BISECTIONS:
            break
    ladder = []
    for factor in _PRICE_LADDER:
        ladder.append(_at_price(options, objective, price=factor * best.price))
        incumbent = max(incumbent, _root(ladder[-1], objective, sla_s=sla_s)[1])
    return (free, best, *ladder), incumbent


def _root(bound: DualBound, objective: Objective, *, sla_s: float) -> tuple[bool, float]:
    """Whether the best choice at this price is too slow, and the best objective among the lines that are not."""
    lines = bound.envelopes[0]
    start = neutral_accuracy(objective.accuracy_measure)
    priced = objective.alpha * start * lines.slope + lines.intercept
    in_time = lines.latency <= sla_s
    true = np.where(in_time, priced + bound.price * lines.latency, -np.inf)
    return not bool(in_time[int(priced.argmax())]), float(true.max())


def _at_price(options: Sequence[StageOptions], objective: Objective, *, price: float) -> DualBound:
    empty = Envelope(np.ones(1), np.zeros(1), np.zeros(1))
    suffixes = [empty]
    extend = _extend_sum if objective.accuracy_measure == "rank_sum" else _extend_product
    for stage in reversed(options):
        suffixes.append(extend(stage, suffixes[-1], objective, price))
    return DualBound(price, tuple(reversed(suffixes)))


def _intercept(stage: StageOptions, objective: Objective, price: float) -> FloatArray:
    return -objective.beta * stage.cost - objective.delta * stage.batch - price * stage.latency


def _extend_sum(stage: StageOptions, suffix: Envelope, objective: Objective, price: float) -> Envelope:
    values = objective.alpha * stage.rank + _intercept(stage, objective, price)
    best = int(values.argmax())
    return Envelope(suffix.slope, suffix.intercept + values[best], suffix.latency + stage.latency[best])


def _extend_product(stage: StageOptions, suffix: Envelope, objective: Objective, price: float) -> Envelope:
    slope = np.multiply.outer(stage.measured(objective.accuracy_measure), suffix.slope).ravel()
    intercept = np.add.outer(_intercept(stage, objective, price), suffix.intercept).ravel()
    latency = np.add.outer(stage.latency, suffix.latency).ravel()
    order = np.lexsort((latency, -intercept, -slope))
    ahead = np.maximum.accumulate(intercept[order])
    rising = np.concatenate(([True], ahead[1:] > ahead[:-1]))
    kept = order[rising]  # slope falls strictly, intercept rises strictly
    hull = kept[_upper_hull(slope[kept].tolist(), intercept[kept].tolist())]
    return Envelope(slope[hull], intercept[hull], latency[hull])


def _upper_hull(slope: list[float], intercept: list[float]) -> list[int]:
    """Indices of the lines that are best somewhere on P >= 0; slopes fall and intercepts rise strictly."""
    hull: list[int] = []
    for line in range(len(slope)):
        while len(hull) >= 2:
            first, middle = hull[-2], hull[-1]
            # middle is nowhere best if `line` overtakes `first` (going to smaller P) no later than middle does
            gain_line = (intercept[line] - intercept[first]) * (slope[first] - slope[middle])
            gain_middle = (intercept[middle] - intercept[first]) * (slope[first] - slope[line])
            if gain_line < gain_middle:
                break
            hull.pop()
        hull.append(line)
    return hull
