"""The most accurate configuration of a budget: Loki's two steps as one search over the optimiser's options.

Stages are joined one after the other, as in `ipa_gym/optimizer/frontier.py`. What cannot end in time, within the budget
or above the best configuration that is known is dropped, then what another one beats. The bound is Lagrange's: PAS is
a product, so its logarithm is a sum over stages, as cost is, and a price of cores turns the budget into a part of the
sum. Exact. Which budget, and what it means, is `loki.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.optimizer.options import StageOptions, prune, stage_options
from ipa_gym.optimizer.problem import COST_TOLERANCE_CORES, PAS_TOLERANCE, SLA_TOLERANCE_S, Problem
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration

_PRICES = np.geomspace(1e-6, 1e3, 46)  # of a core, in units of log PAS
_ROUNDING = 1e-9  # of a sum of log PAS
_LEAST_ACCURACY = 1e-300  # fraction; a logarithm must be finite
_CHUNK = 256  # labels that are compared with all others at once
_BEAM = 64  # labels kept in the first pass, which finds a configuration to beat

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """Choices for the first stages."""

    chosen: NDArray[np.int64]  # (n, stages so far, 3)
    log_pas: FloatArray  # (n,)
    cost: FloatArray  # (n,) cores
    latency: FloatArray  # (n,) seconds
    batch: NDArray[np.int64]  # (n,) requests, summed

    def take(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> _Labels:
        return _Labels(self.chosen[kept], self.log_pas[kept], self.cost[kept], self.latency[kept], self.batch[kept])


def most_accurate(pipeline: Pipeline, rate_rps: float, *, cores: float) -> Configuration | None:
    """The configuration of highest PAS that carries a load within the SLA on some cores; None where none does.

    Of equal PAS the cheapest, then that of smallest batches, then the first in the order of (variant, batch, replicas).

    Args:
        rate_rps: requests/s at every stage.
        cores: the budget.
    Raises: OptionError if the rate is no finite number.
    """
    options = prune(stage_options(Problem(pipeline, rate_rps)), sla_s=pipeline.sla_s)
    if options is None:
        return None
    search = _Search(options, sla_s=pipeline.sla_s, cores=cores)
    known = search.run(-np.inf, beam=_BEAM)
    found = search.run(-np.inf if known is None else _floor(known), beam=None)
    return None if found is None else _best(found)


class _Search:
    """One problem's options, and what is left to spend after each stage."""

    def __init__(self, options: tuple[StageOptions, ...], *, sla_s: float, cores: float) -> None:
        self._options = options
        self._log_accuracy = [np.log(np.maximum(stage.accuracy, _LEAST_ACCURACY)) for stage in options]
        self._limit_s, self._cores = sla_s + SLA_TOLERANCE_S, cores + COST_TOLERANCE_CORES
        n = len(options)
        self._rest_s = np.array([sum(float(o.latency.min()) for o in options[s + 1 :]) for s in range(n)])
        self._rest_cores = np.array([sum(float(o.cost.min()) for o in options[s + 1 :]) for s in range(n)])
        gains = np.array(
            [
                [float(np.max(log - price * o.cost)) for o, log in zip(options, self._log_accuracy, strict=True)]
                for price in _PRICES
            ]
        )
        best = int(np.argmin(gains.sum(axis=1) + _PRICES * self._cores))
        self._price = float(_PRICES[best])
        self._rest_gain = [float(gains[best, s + 1 :].sum()) for s in range(n)]
        self._rest_log = [sum(float(log.max()) for log in self._log_accuracy[s + 1 :]) for s in range(n)]

    def run(self, floor: float, *, beam: int | None) -> _Labels | None:
        """Complete configurations whose log PAS reaches the floor, the best among them (with a beam: perhaps not)."""
        nothing = np.zeros(1)
        labels = _Labels(np.zeros((1, 0, 3), dtype=np.int64), nothing, nothing, nothing, np.zeros(1, dtype=np.int64))
        for stage in range(len(self._options)):
            labels = self._joined(labels, stage)
            bound = self._bound(labels, stage)
            kept = (
                (labels.latency + self._rest_s[stage] <= self._limit_s)
                & (labels.cost + self._rest_cores[stage] <= self._cores)
                & (bound >= floor - _ROUNDING)
            )
            labels, bound = labels.take(kept), bound[kept]
            if len(labels.cost) == 0:
                return None
            if beam is None:
                labels = _unbeaten(labels)
            elif len(labels.cost) > beam:
                cheapest = np.argsort(labels.cost, kind="stable")[: beam // 2]  # else all may be too dear for the rest
                highest = np.argsort(-bound, kind="stable")[: beam // 2]
                labels = labels.take(np.unique(np.concatenate([cheapest, highest])))
        return labels

    def _bound(self, labels: _Labels, stage: int) -> FloatArray:
        """The highest log PAS that the rest of the stages may bring."""
        priced = labels.log_pas + self._rest_gain[stage] + self._price * (self._cores - labels.cost)
        bound: FloatArray = np.minimum(labels.log_pas + self._rest_log[stage], priced)
        return bound

    def _joined(self, before: _Labels, stage: int) -> _Labels:
        options = self._options[stage]
        left = np.repeat(np.arange(len(before.cost)), len(options))
        right = np.tile(np.arange(len(options)), len(before.cost))
        choice = np.stack([options.variant, options.batch, options.replicas], axis=1)[right]
        return _Labels(
            chosen=np.concatenate([before.chosen[left], choice[:, None]], axis=1),
            log_pas=before.log_pas[left] + self._log_accuracy[stage][right],
            cost=before.cost[left] + options.cost[right],
            latency=before.latency[left] + options.latency[right],
            batch=before.batch[left] + options.batch[right],
        )


def _unbeaten(labels: _Labels) -> _Labels:
    """Without those that another one beats: no worse in anything, and better in something or before it."""
    kept = np.ones(len(labels.cost), dtype=np.bool_)
    order = np.arange(len(labels.cost))
    for begin in range(0, len(labels.cost), _CHUNK):
        own = slice(begin, begin + _CHUNK)
        no_worse = (
            (labels.log_pas[:, None] >= labels.log_pas[own])
            & (labels.cost[:, None] <= labels.cost[own])
            & (labels.latency[:, None] <= labels.latency[own])
            & (labels.batch[:, None] <= labels.batch[own])
        )
        better = (
            (order[:, None] < order[own])
            | (labels.batch[:, None] < labels.batch[own])
            | (labels.cost[:, None] < labels.cost[own] - COST_TOLERANCE_CORES)
        )
        kept[own] = ~np.any(no_worse & better, axis=0)
    return labels.take(kept)


def _floor(known: _Labels) -> float:
    """The least log PAS that ties with the best of some known configurations; minus infinity where anything does."""
    tied = float(np.exp(known.log_pas.max())) - 2.0 * PAS_TOLERANCE
    return float(np.log(tied)) if tied > 0.0 else -np.inf


def _best(labels: _Labels) -> Configuration:
    pas = np.exp(labels.log_pas)
    labels = labels.take(pas >= pas.max() - PAS_TOLERANCE)
    labels = labels.take(labels.cost <= labels.cost.min() + COST_TOLERANCE_CORES)
    return Configuration(tuple(StageConfiguration(*choice) for choice in labels.chosen[labels.batch.argmin()].tolist()))
