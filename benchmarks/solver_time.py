"""How long one decision takes: the exact search and the integer program through HiGHS and CBC.

First the shipped cards over their own range of loads, then synthetic pipelines of growing stages and variants (batches
1 to 8, an SLA that binds). Prints Markdown tables; docs/optimizer.md holds what it printed. Run:

    python benchmarks/solver_time.py [--repeats 3] [--seconds 20]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ipa_gym.cards import load_card
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.optimizer.pulp_solver import solve_pulp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.optimizer.optimizer_instances import synthetic_problem

SOLVERS: Mapping[str, Callable[[Problem], Solution]] = {
    "exact": solve_exact,
    "HiGHS": solve_pulp,
    "CBC": partial(solve_pulp, solver="cbc"),
}
CARDS = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
SIZES = ((2, 5), (3, 5), (4, 6), (6, 6), (9, 9), (10, 10))  # stages, variants a stage


def decision_ms(problems: list[Problem], solver: str, *, repeats: int, seconds: float) -> str:
    """Median and maximum over the problems, each the best of ``repeats``; 'over S s' when the time is used up."""
    deadline = time.perf_counter() + seconds
    times_ms = []
    for problem in problems:
        times_ms.append(1e3 * min(SOLVERS[solver](problem).solve_s for _ in range(repeats)))
        if time.perf_counter() > deadline:
            return f"over {seconds:.0f} s for {len(problems)}"
    return f"{statistics.median(times_ms):.2f} / {max(times_ms):.2f}"


def card_rows(repeats: int, seconds: float) -> list[str]:
    """One row a card: loads of 1 to 34 rps (the range of the paper's windows)."""
    rows = []
    for name in CARDS:
        pipeline = load_card(name).pipeline
        problems = [Problem(pipeline, float(rate_rps)) for rate_rps in range(1, 35, 3)]
        cells = [decision_ms(problems, solver, repeats=repeats, seconds=seconds) for solver in SOLVERS]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def growth_rows(repeats: int, seconds: float) -> list[str]:
    """One row a size and measure; CBC only up to four stages, where starting its process still dominates."""
    rows = []
    for measure in ("product", "rank_product", "rank_sum"):
        for n_stages, n_variants in SIZES:
            problems = [
                synthetic_problem(
                    np.random.default_rng(seed),
                    n_stages=n_stages,
                    n_variants=n_variants,
                    n_batches=4,
                    measure=measure,
                    sla_factor=1.2,
                )
                for seed in range(5)
            ]
            solvers = SOLVERS if n_stages <= 4 else ("exact", "HiGHS")
            cells = [decision_ms(problems, solver, repeats=repeats, seconds=seconds) for solver in solvers]
            cells += ["–"] * (len(SOLVERS) - len(cells))
            rows.append(f"| {measure} | {n_stages} × {n_variants} | {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="solves of each problem; the best counts")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for one cell of the tables")
    arguments = parser.parse_args()
    warm = Problem(load_card("video").pipeline, 10.0)
    for solve in SOLVERS.values():
        solve(warm)  # imports and the compiled parts
    print(f"Milliseconds a decision, median / maximum. {platform.machine()}, Python {platform.python_version()}.\n")
    print(f"| card, 1 to 34 rps | {' | '.join(SOLVERS)} |\n|---|---|---|---|")
    for row in card_rows(arguments.repeats, arguments.seconds):
        print(row, flush=True)
    print(f"\n| measure | stages × variants | {' | '.join(SOLVERS)} |\n|---|---|---|---|---|")
    for row in growth_rows(arguments.repeats, arguments.seconds):
        print(row, flush=True)


if __name__ == "__main__":
    main()
