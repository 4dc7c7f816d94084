"""How long IPA's decision takes over stages × variants, as in Fig. 13 of its paper: exact, many at once, and PuLP.

The synthetic pipelines are those of `solver_time.py`: 7 batch sizes, the product of accuracies, an SLA that binds.
Loads differ from decision to decision, so that nothing learns the answer. PuLP's part ends when its time is used up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import polars as pl

from benchmarks.solver_time import PULP, seconds_of, synthetic
from benchmarks.speed_cases import Floats
from benchmarks.speed_reference import Disagreement
from ipa_gym.cards import load_card
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem, objective_tolerance
from ipa_gym.pipeline import Pipeline

STAGES = range(2, 11)
VARIANTS = (2, 4, 6, 8, 10)
N_BATCHES = 7
SLA_FACTOR = 1.2  # of the mean latency of all stages at batch 1
EXACT, MANY, HIGHS = "exact", "exact, many at once", "PuLP (HiGHS)"
VIDEO = "video"
_RATES_RPS = (10.0, 30.0)  # loads of synthetic pipelines are drawn between these
_N_RATES = 32
_N_MANY = 1024
Row = dict[str, object]


def measure_decisions(*, n_pipelines: int, repeats: int, pulp_s: float) -> pl.DataFrame:
    """Times of one decision.

    Args:
        n_pipelines: synthetic pipelines of each size.
        repeats: decisions for each load, of which the fastest counts.
        pulp_s: seconds for PuLP.
    Returns: rows of pipeline, stages, variants, solver, n (decisions), median_s, best_s, worst_s.
    Raises: Disagreement if PuLP finds another optimum than the exact search.
    """
    rows = list(_exact_rows(VIDEO, [load_card("video").pipeline], _video_rates(), repeats=repeats))
    cells = {}
    for n_stages in STAGES:
        for n_variants in VARIANTS:
            size = (n_stages, n_variants)
            problems = synthetic(n_pipelines, size=size, n_batches=N_BATCHES, measure="product", sla_factor=SLA_FACTOR)
            cells[size] = [problem.pipeline for problem in problems]
            rows += _exact_rows("synthetic", cells[size], _synthetic_rates(), repeats=repeats)
    deadline_s = time.perf_counter() + pulp_s
    rows += _pulp_row(VIDEO, _pulp_times([(load_card("video").pipeline, rate) for rate in _video_rates()[::5]]))
    found: dict[tuple[int, int], list[float]] = {size: [] for size in cells}
    order = sorted(cells, key=lambda size: size[0] * size[1])
    for number in range(n_pipelines):  # one problem of each size, the small ones first, then the next of each
        for size in order:
            if time.perf_counter() < deadline_s:
                rate_rps = float(_synthetic_rates()[number])
                found[size] += _pulp_times([(cells[size][number], rate_rps)])
    for size in cells:
        rows += _pulp_row("synthetic", found[size], size)
    return pl.DataFrame(rows)


def _video_rates() -> Floats:
    return np.arange(1.0, 35.0)


def _synthetic_rates() -> Floats:
    return np.random.default_rng(0).uniform(*_RATES_RPS, _N_RATES)


def _exact_rows(name: str, pipelines: list[Pipeline], rates_rps: Floats, *, repeats: int) -> Iterator[Row]:
    size = (len(pipelines[0].stages), len(pipelines[0].stages[0].variants))
    low, high = float(rates_rps.min()), float(rates_rps.max())
    many_rps = np.random.default_rng(1).uniform(low, high, _N_MANY)
    alone_s: list[float] = []
    together_s: list[float] = []  # the mean over loads
    for pipeline in pipelines:
        planner = ExactPlanner(pipeline)
        planner.decide_many(many_rps)  # working memory grows
        alone_s += _decision_times(planner, rates_rps.tolist(), repeats)
        together_s.append(seconds_of(partial(planner.decide_many, many_rps), max(2, repeats // 2)) / _N_MANY)
    yield _row(name, EXACT, alone_s, size)
    yield _row(name, MANY, together_s, size)


def _decision_times(planner: ExactPlanner, rates_rps: list[float], repeats: int) -> list[float]:
    """The fastest decision for each load; the loads take turns."""
    best_s = [float("inf")] * len(rates_rps)
    decide = planner.decide
    for _ in range(repeats):
        for index, rate_rps in enumerate(rates_rps):
            started_s = time.perf_counter()
            decide(rate_rps)
            best_s[index] = min(best_s[index], time.perf_counter() - started_s)
    return best_s


def _pulp_times(problems: list[tuple[Pipeline, float]]) -> list[float]:
    times_s = []
    for pipeline, rate_rps in problems:
        problem = Problem(pipeline, rate_rps)
        started_s = time.perf_counter()
        found = PULP["HiGHS"](problem)
        times_s.append(time.perf_counter() - started_s)
        expected = ExactPlanner(pipeline).decide(rate_rps)
        apart = abs(found.objective - expected.objective)
        if found.feasible != expected.feasible or apart > objective_tolerance(expected.objective):
            raise Disagreement(
                f"{pipeline.name} at {rate_rps:g} requests/s: PuLP finds {found.objective}, the exact search "
                f"{expected.objective}"
            )
    return times_s


def _pulp_row(name: str, times_s: list[float], size: tuple[int, int] = (2, 5)) -> list[Row]:
    return [_row(name, HIGHS, times_s, size)] if times_s else []


def _row(name: str, solver: str, times_s: list[float], size: tuple[int, int]) -> Row:
    spread = {"median_s": float(np.median(times_s)), "best_s": min(times_s), "worst_s": max(times_s)}
    return {"pipeline": name, "stages": size[0], "variants": size[1], "solver": solver, "n": len(times_s), **spread}
