"""How PuLP's solvers are called: exact gaps, tight tolerances, one thread, silent.

The tolerances are 1e-9 because IPA's batch weight (1e-6) lies at the solvers' defaults. Small programs gain nothing
from threads or from heuristics that look for a first solution; both cost milliseconds a call. The program is built in
`pulp_solver.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ipa_gym.optimizer.highs_banner import silence_banner

SolverName = Literal["highs", "cbc"]

_TOLERANCE = 1e-9


def solve_model(problem: Any, solver: SolverName, *, with_integers: bool) -> int:
    """Solve a PuLP problem in place.

    HiGHS refuses to run where the process has used it with another number of threads; it is then reset and run again.
    Args:
        problem: the LpProblem.
        solver: a key of `BACKENDS`.
        with_integers: False solves the linear relaxation.
    Returns: PuLP's status.
    """
    import pulp

    status = int(problem.solve(BACKENDS[solver](with_integers)))
    if status == pulp.LpStatusNotSolved and solver == "highs":
        import highspy

        highspy.Highs.resetGlobalScheduler(True)
        status = int(problem.solve(BACKENDS[solver](with_integers)))
    return status


def _highs(with_integers: bool) -> Any:
    import pulp

    silence_banner()
    return pulp.HiGHS(
        mip=with_integers,
        msg=False,
        gapRel=0.0,
        gapAbs=0.0,
        threads=1,
        mip_feasibility_tolerance=_TOLERANCE,
        primal_feasibility_tolerance=_TOLERANCE,
        dual_feasibility_tolerance=_TOLERANCE,
        **_HIGHS_HEURISTICS,
    )


def _cbc(with_integers: bool) -> Any:
    import pulp

    options = [f"primalT {_TOLERANCE}", f"dualT {_TOLERANCE}", f"integerT {_TOLERANCE}", f"increment {_TOLERANCE}"]
    with warnings.catch_warnings():  # PuLP 3.3 announces that version 4 will ship CBC apart
        warnings.simplefilter("ignore", DeprecationWarning)
        return pulp.PULP_CBC_CMD(mip=with_integers, msg=False, gapRel=0.0, gapAbs=0.0, options=options)


_HIGHS_HEURISTICS: Mapping[str, bool] = {  # set-up time that programs of this size never earn back
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
BACKENDS: Mapping[str, Callable[[bool], Any]] = {"highs": _highs, "cbc": _cbc}
