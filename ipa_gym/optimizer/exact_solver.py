"""Own exact search for IPA's integer program: the same optimum and tie-break as brute force, without a solver.

Stages are decided front to back. A label is a choice for the first s stages with what it has reached (accuracy
measure, PAS, cost, batch, latency). A label goes when the fastest rest of the pipeline misses the SLA, when its upper
bound (`dual_bound.py`) lies below a known feasible objective by more than the tie tolerance, or when another label
dominates it (the rule of `options.prune`, which keeps the tie-break's winner). Small problems are enumerated without
bounds. The labels are plain arrays in lexicographic order throughout, so a compiled version can replace the loops.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.dual_bound import DualBound, dual_bounds, neutral_accuracy
from ipa_gym.optimizer.options import BoolArray, FloatArray, IntArray, StageOptions, prune, stage_options
from ipa_gym.optimizer.problem import (
    COST_TOLERANCE_CORES,
    PAS_TOLERANCE,
    SLA_TOLERANCE_S,
    Problem,
    Solution,
    objective_tolerance,
)
from ipa_gym.pipeline import Configuration, Objective, Pipeline, StageConfiguration

_ENUMERATE_UP_TO = 4096  # combinations of pruned options that are tried without bounds
_BEAM_LABELS = 256  # labels a stage in the pass that looks for a good feasible objective
_PIVOTS = 256  # most promising labels that the others are compared with for dominance


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """Choices for the first s stages, in lexicographic order: arrays (n_labels,), choice (n_labels, s)."""

    choice: IntArray  # option index of each decided stage
    accuracy: FloatArray  # the objective's measure so far
    pas: FloatArray  # fraction
    cost: FloatArray  # cores
    batch: IntArray  # sum, requests
    latency: FloatArray  # seconds

    def take(self, kept: BoolArray | IntArray) -> _Labels:
        return _Labels(
            self.choice[kept],
            self.accuracy[kept],
            self.pas[kept],
            self.cost[kept],
            self.batch[kept],
            self.latency[kept],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What the search needs of one problem."""

    options: tuple[StageOptions, ...]
    objective: Objective
    sla_s: float
    bounds: tuple[DualBound, ...]  # empty: enumerate
    rest_s: tuple[float, ...]  # latency of the fastest choice of stages s, s + 1, ...


def solve_exact(problem: Problem) -> Solution:
    """Solve the integer program by the Pareto search.

    Returns: the optimum under the documented tie-break, or `largest_capacity` with ``feasible=False``.
    """
    started = time.perf_counter()
    pipeline = problem.pipeline
    options = prune(stage_options(problem), sla_s=pipeline.sla_s)
    if options is None:
        fallback = largest_capacity(problem)
        return Solution(fallback, math.nan, False, "exact", time.perf_counter() - started)
    configuration = _configuration(options, _winner(options, pipeline))
    objective = pipeline.objective_value(configuration)
    return Solution(configuration, objective, True, "exact", time.perf_counter() - started)


def _winner(options: tuple[StageOptions, ...], pipeline: Pipeline) -> IntArray:
    """Option index of each stage in the best configuration."""
    rest_s = [0.0]
    for last in reversed(options):
        rest_s.append(float(last.latency.min()) + rest_s[-1])
    bounds: tuple[DualBound, ...] = ()
    incumbent = -math.inf
    enumerated = math.prod(len(stage) for stage in options) <= _ENUMERATE_UP_TO
    if not enumerated:
        bounds, incumbent = dual_bounds(options, pipeline.objective, sla_s=pipeline.sla_s)
    search = _Search(options, pipeline.objective, pipeline.sla_s, bounds, tuple(reversed(rest_s)))
    if not enumerated:
        incumbent = max(incumbent, _beam_objective(search, incumbent))
    labels = _start(pipeline.objective)
    for stage in range(len(options)):
        labels = _advance(search, labels, stage)
        if not enumerated:
            labels, promise = _promising(search, labels, stage + 1, incumbent)
            labels = labels.take(~_dominated(labels, promise))
    return _best_label(labels, pipeline.objective)


def _start(objective: Objective) -> _Labels:
    return _Labels(
        choice=np.zeros((1, 0), dtype=np.int64),
        accuracy=np.array([neutral_accuracy(objective.accuracy_measure)]),
        pas=np.ones(1),
        cost=np.zeros(1),
        batch=np.zeros(1, dtype=np.int64),
        latency=np.zeros(1),
    )


def _advance(search: _Search, labels: _Labels, stage: int) -> _Labels:
    """All labels with one more stage decided that can still meet the SLA; lexicographic order is kept."""
    options = search.options[stage]
    latency = np.add.outer(labels.latency, options.latency)
    # the last stage compares with the SLA's tolerance exactly; before it, rounding of the sums gets some more
    slack = SLA_TOLERANCE_S if stage + 1 == len(search.options) else 2.0 * SLA_TOLERANCE_S
    parent, option = np.nonzero(latency + search.rest_s[stage + 1] <= search.sla_s + slack)
    gained = options.measured(search.objective.accuracy_measure)[option]
    adds = search.objective.accuracy_measure == "rank_sum"
    before = labels.accuracy[parent]
    return _Labels(
        choice=np.concatenate((labels.choice[parent], option[:, None]), axis=1),
        accuracy=before + gained if adds else before * gained,
        pas=labels.pas[parent] * options.accuracy[option],
        cost=labels.cost[parent] + options.cost[option],
        batch=labels.batch[parent] + options.batch[option],
        latency=latency[parent, option],
    )


def _promising(search: _Search, labels: _Labels, stage: int, incumbent: float) -> tuple[_Labels, FloatArray]:
    """Labels whose upper bound reaches the incumbent or ties with it, and their bounds."""
    weights = search.objective
    spent = weights.beta * labels.cost + weights.delta * labels.batch
    slack_s = search.sla_s - labels.latency
    upper = np.full(len(spent), np.inf)
    for bound in search.bounds:
        more = bound.upper(stage, labels.accuracy, alpha=weights.alpha, slack_s=slack_s)
        np.minimum(upper, more - spent, out=upper)
    if not math.isfinite(incumbent):
        return labels, upper
    kept = upper >= incumbent - 2.0 * objective_tolerance(incumbent)
    return labels.take(kept), upper[kept]


def _dominated(labels: _Labels, promise: FloatArray) -> BoolArray:
    """Which labels one of the most promising ones dominates (see `options.prune`), bool (n_labels,)."""
    count = len(promise)
    pivots = np.arange(count) if count <= _PIVOTS else np.argpartition(-promise, _PIVOTS)[:_PIVOTS]
    order = np.arange(count)
    dominated = np.zeros(count, dtype=np.bool_)
    for pivot in pivots:
        wins = (
            (order > pivot)
            | (labels.batch[pivot] < labels.batch)
            | (labels.cost[pivot] < labels.cost - COST_TOLERANCE_CORES)
        )
        wins &= labels.cost[pivot] <= labels.cost
        wins &= labels.batch[pivot] <= labels.batch
        wins &= labels.latency[pivot] <= labels.latency
        wins &= labels.accuracy[pivot] >= labels.accuracy
        wins &= labels.pas[pivot] >= labels.pas
        dominated |= wins
    return dominated


def _beam_objective(search: _Search, incumbent: float) -> float:
    """A good feasible objective: the search with only the most promising labels of each stage; -inf if none ends."""
    labels = _start(search.objective)
    for stage in range(len(search.options)):
        labels, upper = _promising(search, _advance(search, labels, stage), stage + 1, incumbent)
        if len(upper) > _BEAM_LABELS:
            labels = labels.take(np.sort(np.argpartition(-upper, _BEAM_LABELS)[:_BEAM_LABELS]))
    return float(_objectives(labels, search.objective).max(initial=-math.inf))


def _objectives(labels: _Labels, weights: Objective) -> FloatArray:
    return np.asarray(weights.alpha * labels.accuracy - weights.beta * labels.cost - weights.delta * labels.batch)


def _best_label(labels: _Labels, weights: Objective) -> IntArray:
    """The tie-break of `tie_break.best` over complete labels; being in lexicographic order, the first left wins."""
    objectives = _objectives(labels, weights)
    top = float(objectives.max())
    labels = labels.take(objectives >= top - objective_tolerance(top))
    if len(labels.batch) > 1:
        labels = labels.take(labels.pas >= labels.pas.max() - PAS_TOLERANCE)
        labels = labels.take(labels.cost <= labels.cost.min() + COST_TOLERANCE_CORES)
        labels = labels.take(labels.batch == labels.batch.min())
    winner: IntArray = labels.choice[0]
    return winner


def _configuration(options: Sequence[StageOptions], choice: IntArray) -> Configuration:
    return Configuration(
        tuple(
            StageConfiguration(int(stage.variant[index]), int(stage.batch[index]), int(stage.replicas[index]))
            for stage, index in zip(options, choice, strict=True)
        )
    )
