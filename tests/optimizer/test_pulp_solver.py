"""The integer program through PuLP against the Pareto search: same feasibility, objective and configuration."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ipa_gym.errors import UnknownNameError
from ipa_gym.optimizer import linear_product
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem
from ipa_gym.optimizer.pulp_backends import SolverName
from ipa_gym.optimizer.pulp_solver import solve_pulp
from ipa_gym.optimizer.synthetic import synthetic_problem
from tests.optimizer.optimizer_instances import random_problem


def assert_same_decision(problem: Problem, *, seed: int, solver: SolverName = "highs") -> bool:
    """Compare with the exact search; True if the problem was feasible."""
    found, expected = solve_pulp(problem, solver=solver), solve_exact(problem)
    assert found.feasible == expected.feasible, f"seed {seed}"
    if expected.feasible:
        assert found.objective == pytest.approx(expected.objective, abs=1e-9), f"seed {seed}"
    assert found.configuration == expected.configuration, f"seed {seed}"
    return expected.feasible


def assert_same_decisions(first: int, last: int, *, solver: SolverName = "highs") -> int:
    return sum(
        assert_same_decision(
            random_problem(np.random.default_rng(seed), largest=(4, 4, 3), caps=8), seed=seed, solver=solver
        )
        for seed in range(first, last)
    )


def test_highs_equals_the_search_on_hundreds_of_instances() -> None:
    assert assert_same_decisions(0, 500) > 250


def test_cbc_equals_the_search() -> None:
    assert assert_same_decisions(500, 530, solver="cbc") > 15


@pytest.mark.slow
def test_highs_equals_the_search_on_thousands_of_instances() -> None:
    assert assert_same_decisions(1000, 6000) > 2500


def test_products_through_the_chain_form_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no flow variables allowed every product takes the form that long pipelines take."""
    monkeypatch.setattr(linear_product, "PATH_VARIABLES", 0)
    assert assert_same_decisions(6000, 6100) > 50


@pytest.mark.parametrize("measure", ["product", "rank_sum", "rank_product"])
def test_video_sized_problems_with_a_binding_sla(measure: str) -> None:
    for seed in range(10):
        problem = synthetic_problem(
            np.random.default_rng(seed), n_stages=2, n_variants=5, n_batches=4, measure=measure, sla_factor=1.5
        )
        assert assert_same_decision(problem, seed=seed)


def test_ten_stages_of_ten_variants_by_rank_sum() -> None:
    problem = synthetic_problem(
        np.random.default_rng(0), n_stages=10, n_variants=10, n_batches=4, measure="rank_sum", sla_factor=1.0
    )
    assert assert_same_decision(problem, seed=0)


def test_a_tie_break_whose_only_solution_lies_on_the_solvers_tolerance_is_found() -> None:
    """HiGHS found no solution at a level of the tie-break, though the one before it keeps that level's floors."""
    sizes = {"n_stages": 10, "n_variants": 9, "n_batches": 7}
    problem = synthetic_problem(np.random.default_rng(4), **sizes, measure="product", sla_factor=0.9)
    assert assert_same_decision(problem, seed=4)


def test_unknown_solver_names_the_nearest() -> None:
    problem = random_problem(np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="Did you mean 'highs'"):
        solve_pulp(problem, solver="high")  # type: ignore[arg-type]  # a user's slip


def test_highs_used_elsewhere_with_other_threads_does_not_stop_us() -> None:
    """HiGHS has one scheduler a process and refuses another number of threads; ours is one."""
    code = """
import highspy
import numpy as np
from ipa_gym.optimizer.pulp_solver import solve_pulp
from ipa_gym.optimizer.synthetic import synthetic_problem
other = highspy.Highs()
other.setOptionValue("output_flag", False)
other.setOptionValue("threads", 2)
other.addCol(1.0, 0.0, 1.0, 0, [], [])
other.changeColIntegrality(0, highspy.HighsVarType.kInteger)
other.run()
problem = synthetic_problem(
    np.random.default_rng(0), n_stages=2, n_variants=5, n_batches=4, measure="product", sla_factor=3.0
)
print("feasible", solve_pulp(problem).feasible)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("feasible True")
