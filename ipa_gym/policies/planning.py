"""One decision of IPA by a solver of one's choice.

`SOLVERS` names the solvers, `plan` solves one problem and says how it went. Where no configuration is feasible, the
solver gives the one with most capacity, and the diagnostics say so. Nothing here remembers. The exact solver has a
faster way, `exact_planning.py`. Next: `ipa.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting

Solve = Callable[[Problem], Solution]


@dataclass(frozen=True, slots=True)
class Solver:
    """Where a solver lives and the option it is called with."""

    place: str  # "module:function"
    option: str | None = None  # value of its argument ``solver``


EXACT = "exact"
SOLVERS: Mapping[str, Solver] = {  # name in agent cards -> where it lives; PuLP is imported when one of its is used
    "highs": Solver("ipa_gym.optimizer.pulp_solver:solve_pulp", "highs"),
    "cbc": Solver("ipa_gym.optimizer.pulp_solver:solve_pulp", "cbc"),
    EXACT: Solver("ipa_gym.optimizer.exact_solver:solve_exact"),
}


def load_solver(name: str) -> Solve:
    """The solver called ``name``, a key of `SOLVERS`."""
    solver = SOLVERS[name]
    module, _, attribute = solver.place.partition(":")
    function: Callable[..., Solution] = getattr(import_module(module), attribute)
    return function if solver.option is None else partial(function, solver=solver.option)


def predicted_rate_rps(forecast_rps: float, load_factor: float) -> float:
    """The load to plan for: the observation's forecast times the margin, never negative.

    A forecast of zero is planned at the optimiser's floor (`MINIMUM_RATE_RPS`): one replica a stage, batch 1, since at
    such a rate no larger batch ever fills.
    Args:
        forecast_rps: highest load expected in the next 20 s, requests/s.
        load_factor: margin on it (the paper predicts 20 % more on some pipelines: 1.2).
    """
    return max(0.0, forecast_rps * load_factor)


def plan(
    setting: Setting, observation: ObservationArray, *, solve: Solve, load_factor: float
) -> tuple[ActionArray, dict[str, object]]:
    """Plan for the observation's forecast and encode the answer.

    Args:
        load_factor: margin on the forecast, see `predicted_rate_rps`.
    Returns: the action, and the diagnostics ``feasible`` (False: most capacity was taken instead), ``objective`` (NaN
        where infeasible), ``rate_rps`` (planned for), ``solver``, ``solve_s`` (seconds).
    """
    rate_rps = predicted_rate_rps(setting.layout.read(observation).forecast_rps, load_factor)
    problem = Problem(setting.pipeline, rate_rps)
    solution = solve(problem)
    diagnostics: dict[str, object] = {
        "feasible": solution.feasible,
        "objective": solution.objective,
        "rate_rps": problem.rate_rps,
        "solver": solution.solver,
        "solve_s": solution.solve_s,
    }
    return setting.actions.encode(solution.configuration), diagnostics
