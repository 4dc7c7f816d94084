"""How long one decision takes: the exact search, one rate or many in a call, and the integer program (HiGHS and CBC).

First the shipped cards over their own range of loads, then synthetic pipelines: stages × variants as in Fig. 13 of
IPA's paper, all solvers at some sizes, and the hardest kinds at 10 stages × 10 variants × 7 batch sizes. Prints
Markdown tables; docs/optimizer.md holds what it printed. Run:

    python benchmarks/solver_time.py [--repeats 5] [--seconds 10] [--seeds 20] [--only cards|grid|solvers|hard]
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from ipa_gym.benchmark.decision_time import GRID, DecisionTimeSettings, decision_times, seconds_of
from ipa_gym.cards import load_card
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.optimizer.pulp_solver import solve_pulp
from ipa_gym.optimizer.synthetic import synthetic_problem

PULP: Mapping[str, Callable[[Problem], Solution]] = {"HiGHS": solve_pulp, "CBC": partial(solve_pulp, solver="cbc")}
CARDS = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
MEASURES = ("product", "rank_product", "rank_sum")
SIZES = ((2, 5), (3, 5), (4, 6), (6, 6), (9, 9), (10, 10))  # stages, variants a stage
SLA_FACTORS = (0.6, 0.9, 1.2, 3.0)  # of the mean latency of all stages at batch 1
ACCURACY_WEIGHTS = (0.1, 1.0, 10.0, 200.0 / 3.0)  # times the usual alpha; the last is 20,000 for the product


def exact_times_s(problems: list[Problem], repeats: int) -> list[float]:
    """Time of the whole call, the problem's checks included, for pipelines that were seen before."""
    for problem in problems:
        solve_exact(problem)
    return [seconds_of(lambda p=problem: solve_exact(replace(p)), repeats) for problem in problems]  # type: ignore[misc]


def pulp_cell(problems: list[Problem], solver: str, *, repeats: int, seconds: float) -> str:
    """Median and maximum in ms; 'over S s' when the time is used up."""
    deadline = time.perf_counter() + seconds
    times_s = []
    for problem in problems:
        times_s.append(seconds_of(lambda p=problem: PULP[solver](p), min(repeats, 3)))  # type: ignore[misc]
        if time.perf_counter() > deadline:
            return f"over {seconds:.0f} s for {len(problems)}"
    return f"{1e3 * statistics.median(times_s):.2f} / {1e3 * max(times_s):.2f}"


def print_cards(arguments: argparse.Namespace) -> None:
    """One row a card: loads of 1 to 34 rps (the range of the paper's windows)."""
    print("| card, 1 to 34 rps | exact, µs: mean / median / max | 4,096 at once, µs each | HiGHS, ms | CBC, ms |")
    print("|---|---|---|---|---|")
    for name in CARDS:
        pipeline = load_card(name).pipeline
        problems = [Problem(pipeline, float(rate_rps)) for rate_rps in range(1, 35)]
        times_us = [1e6 * time_s for time_s in exact_times_s(problems, 40 * arguments.repeats)]
        planner = ExactPlanner(pipeline)
        rates_rps = np.random.default_rng(0).uniform(1.0, 34.0, 4096)
        many_us = 1e6 / 4096 * seconds_of(partial(planner.decide_many, rates_rps), 4 * arguments.repeats)
        cells = [
            f"{statistics.mean(times_us):.0f} / {statistics.median(times_us):.0f} / {max(times_us):.0f}",
            f"{many_us:.2f}",
            *(pulp_cell(problems[::3], s, repeats=arguments.repeats, seconds=arguments.seconds) for s in PULP),
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def synthetic(seeds: int, *, size: tuple[int, int], n_batches: int, measure: str, sla_factor: float) -> list[Problem]:
    """One problem a seed."""
    return [
        synthetic_problem(
            np.random.default_rng(seed),
            n_stages=size[0],
            n_variants=size[1],
            n_batches=n_batches,
            measure=measure,
            sla_factor=sla_factor,
        )
        for seed in range(seeds)
    ]


def print_grid(arguments: argparse.Namespace) -> None:
    """The exact search over stages × variants with 7 batch sizes, the product measure, an SLA that binds."""
    settings = DecisionTimeSettings(
        n_problems=arguments.seeds, repeats=arguments.repeats, solvers=("exact",), sla_factor=0.9, limit_s=math.inf
    )
    found = {(row["stages"], row["variants"]): row for row in decision_times(settings).to_dicts()}
    print(f"| stages \\ variants | {' | '.join(map(str, GRID))} |\n|---|{'---|' * len(GRID)}")
    for n_stages in GRID:
        rows = [found[n_stages, n_variants] for n_variants in GRID]
        cells = [f"{1e3 * row['median_ms']:.0f} / {1e3 * row['worst_ms']:.0f}" for row in rows]
        print(f"| {n_stages} | {' | '.join(cells)} |", flush=True)


def print_solvers(arguments: argparse.Namespace) -> None:
    """One row a size and measure; CBC only up to four stages, where starting its process still dominates."""
    print("| measure | stages × variants | exact, ms | HiGHS, ms | CBC, ms |\n|---|---|---|---|---|")
    for measure in MEASURES:
        for size in SIZES:
            problems = synthetic(5, size=size, n_batches=4, measure=measure, sla_factor=1.2)
            times_ms = [1e3 * time_s for time_s in exact_times_s(problems, arguments.repeats)]
            cells = [f"{statistics.median(times_ms):.2f} / {max(times_ms):.2f}"]
            for solver in PULP:
                run = size[0] <= 4 or solver != "CBC"
                limits = {"repeats": arguments.repeats, "seconds": arguments.seconds}
                cells.append(pulp_cell(problems, solver, **limits) if run else "–")
            print(f"| {measure} | {size[0]} × {size[1]} | {' | '.join(cells)} |", flush=True)


def print_hard(arguments: argparse.Namespace) -> None:
    """10 × 10 × 7 over tight to loose SLAs and small to huge weights of the accuracy."""
    print("| measure | α, times the usual | median, ms | 90 % | max | over 2 ms |\n|---|---|---|---|---|---|")
    for measure in MEASURES:
        for factor in ACCURACY_WEIGHTS:
            times_ms = []
            for sla_factor in SLA_FACTORS:
                usual = synthetic(arguments.seeds, size=(10, 10), n_batches=7, measure=measure, sla_factor=sla_factor)
                problems = [replace(p, pipeline=_weighted(p, factor)) for p in usual]
                times_ms += [1e3 * time_s for time_s in exact_times_s(problems, arguments.repeats)]
            slow = sum(time_ms > 2.0 for time_ms in times_ms)
            tail = np.quantile(times_ms, 0.9)
            cells = f"{statistics.median(times_ms):.2f} | {tail:.2f} | {max(times_ms):.2f} | {slow} of {len(times_ms)}"
            print(f"| {measure} | {factor:.3g} | {cells} |", flush=True)


def _weighted(problem: Problem, factor: float):  # type: ignore[no-untyped-def]
    objective = problem.pipeline.objective
    return replace(problem.pipeline, objective=replace(objective, alpha=factor * objective.alpha))


PARTS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "cards": print_cards,
    "grid": print_grid,
    "solvers": print_solvers,
    "hard": print_hard,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="solves of each problem; the best counts")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for one cell of HiGHS or CBC")
    parser.add_argument("--seeds", type=int, default=20, help="synthetic problems of each kind for the exact search")
    parser.add_argument("--only", choices=PARTS, help="one part")
    arguments = parser.parse_args()
    warm = Problem(load_card("video").pipeline, 10.0)
    for solve in (solve_exact, *PULP.values()):
        solve(warm)  # imports and the compiled parts
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(f"Whole calls, the best of {arguments.repeats} or more. {machine}.")
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            print()
            part(arguments)


if __name__ == "__main__":
    main()
