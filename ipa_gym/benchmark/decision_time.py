"""How long one decision of IPA's program takes as pipelines grow: stages × variants, as in Fig. 13 of its paper.

Solves synthetic pipelines (`optimizer/synthetic.py`) of each size with each solver and keeps the times; wall times of
this machine, so no two runs give the same. Drawing them is the business of `ipa_gym/report/`; tables for the docs are
printed by ``benchmarks/solver_time.py``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.files import write_frame
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.optimizer.synthetic import synthetic_problem

if TYPE_CHECKING:
    import polars as pl

OnProgress = Callable[[int, int], None]  # (sizes done, sizes in all), over all solvers
DECISION_TIME_FILE = "decision_time.parquet"
GRID = (2, 4, 6, 8, 9, 10)  # stages, and variants a stage; the paper goes to 9 × 9


def _solve_exact(problem: Problem) -> object:
    return solve_exact(replace(problem))  # a copy: the problem's checks belong to a decision


def _solve_pulp(problem: Problem, *, solver: str) -> object:
    from ipa_gym.optimizer.pulp_solver import solve_pulp

    return solve_pulp(problem, solver=solver)  # type: ignore[arg-type]  # a name of SOLVERS


SOLVERS: Mapping[str, Callable[[Problem], object]] = {
    "exact": _solve_exact,
    "highs": partial(_solve_pulp, solver="highs"),
    "cbc": partial(_solve_pulp, solver="cbc"),
}


@dataclass(frozen=True, slots=True)
class DecisionTimeSettings:
    """What is measured: every number of stages with every number of variants, by every solver."""

    stages: tuple[int, ...] = GRID
    variants: tuple[int, ...] = GRID
    n_batches: int = 7  # batch sizes 1, 2, 4, ... 64
    n_problems: int = 5  # synthetic pipelines of each size
    repeats: int = 3  # solves of a problem; the fastest counts
    solvers: tuple[str, ...] = ("exact", "highs")
    measure: str = "product"
    sla_factor: float = 1.2  # of the stages' mean latency at batch 1: an SLA that binds
    limit_s: float = 60.0  # of each solver; the sizes that it does not reach are left out

    def __post_init__(self) -> None:
        for name in self.solvers:
            if name not in SOLVERS:
                raise unknown_name("solver", name, SOLVERS)
        if min(self.n_problems, self.repeats) < 1:
            raise OptionError(f"{self.n_problems} problems, {self.repeats} repeats; expected at least 1 of each")

    def sizes(self) -> list[tuple[int, int]]:
        """(stages, variants), the small ones first."""
        sizes = [(n_stages, n_variants) for n_stages in self.stages for n_variants in self.variants]
        return sorted(sizes, key=lambda size: (size[0] * size[1], size[0]))


@dataclass(frozen=True, slots=True)
class DecisionTime:
    """One size by one solver."""

    solver: str
    stages: int
    variants: int  # of each stage
    batches: int  # batch sizes of each variant
    problems: int  # pipelines solved; fewer than asked for where the time was used up
    best_ms: float
    median_ms: float
    worst_ms: float


def seconds_of(call: Callable[[], object], repeats: int) -> float:
    """Wall seconds of the fastest of several calls: what the call takes when nothing disturbs it."""
    best_s = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        best_s = min(best_s, time.perf_counter() - started)
    return best_s


def synthetic_problems(settings: DecisionTimeSettings, size: tuple[int, int]) -> list[Problem]:
    """The problems of one size (stages, variants): one a seed from 0, always the same."""
    return [
        synthetic_problem(
            np.random.default_rng(seed),
            n_stages=size[0],
            n_variants=size[1],
            n_batches=settings.n_batches,
            measure=settings.measure,
            sla_factor=settings.sla_factor,
        )
        for seed in range(settings.n_problems)
    ]


def decision_times(settings: DecisionTimeSettings, *, on_progress: OnProgress | None = None) -> pl.DataFrame:
    """Measure every size by every solver; each has solved a problem before its clock starts.

    Args:
        on_progress: called after each size of each solver.
    Returns: the fields of `DecisionTime`, a row a solver and size that was reached.
    """
    import polars as pl

    sizes, rows = settings.sizes(), []
    for number, solver in enumerate(settings.solvers):
        for done, row in enumerate(_solver_rows(settings, solver, sizes), start=1):
            if row is not None:
                rows.append(row)
            if on_progress is not None:
                on_progress(number * len(sizes) + done, len(settings.solvers) * len(sizes))
    types = {"str": pl.String, "int": pl.Int64, "float": pl.Float64}
    schema = {item.name: types[str(item.type)] for item in fields(DecisionTime)}
    return pl.DataFrame([{name: getattr(row, name) for name in schema} for row in rows], schema=schema)


def _solver_rows(
    settings: DecisionTimeSettings, solver: str, sizes: Sequence[tuple[int, int]]
) -> Iterator[DecisionTime | None]:
    solve = SOLVERS[solver]
    solve(synthetic_problems(replace(settings, n_problems=1), (1, 2))[0])  # imports and the compiled parts
    deadline = time.perf_counter() + settings.limit_s
    for size in sizes:
        times_s: list[float] = []
        for problem in synthetic_problems(settings, size):
            if time.perf_counter() > deadline:
                break
            solve(problem)  # a pipeline that was seen before, as in the middle of an episode
            times_s.append(seconds_of(partial(solve, problem), settings.repeats))
        yield _row(settings, solver, size, times_s) if times_s else None


def _row(settings: DecisionTimeSettings, solver: str, size: tuple[int, int], times_s: Sequence[float]) -> DecisionTime:
    return DecisionTime(
        solver=solver,
        stages=size[0],
        variants=size[1],
        batches=settings.n_batches,
        problems=len(times_s),
        best_ms=1e3 * min(times_s),
        median_ms=1e3 * statistics.median(times_s),
        worst_ms=1e3 * max(times_s),
    )


def write_decision_times(
    folder: Path, settings: DecisionTimeSettings | None = None, *, on_progress: OnProgress | None = None
) -> Path:
    """Measure, and write ``decision_time.parquet`` into the folder, which is made if need be; returns the file."""
    return write_frame(
        decision_times(settings or DecisionTimeSettings(), on_progress=on_progress), folder / DECISION_TIME_FILE
    )
