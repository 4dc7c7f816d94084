"""IPA's integer program through PuLP: HiGHS by default, CBC when asked; linear, exact, with the documented tie-break.

Sets and data. Stages s = 1..S. Options o of stage s: (variant m, batch b, replicas n), n the fewest replicas that carry
the rate λ (fixed ones if the problem fixes them), n <= cap. Leaving n out of the variables is exact, as accuracy and
latency do not depend on n and cost grows with it; it spares integers with a big-M. Options that cannot be part of the
winner are left out (`options.prune`). Each has cost c_o = n · R_m, latency t_o = l_m(b) + (b − 1)/λ, batch b_o, and
a_o, what its variant brings to the accuracy measure.

Variables. x_{s,o} ∈ {0, 1}: stage s runs option o.

    maximise    α · A − β · Σ c_o x_{s,o} − δ · Σ b_o x_{s,o}
    subject to  Σ_o x_{s,o} = 1                      each stage: one variant and one batch size
                Σ_{s,o} t_o x_{s,o} <= SLA           end to end

The accuracy A.
    rank_sum      A = Σ a_o x_{s,o}: linear as it is.
    product, rank_product   A = Π_s Σ_o a_o x_{s,o}, made linear without approximation. Nodes after stage s are the
        distinct prefix products P; flows f_{s,P,k} >= 0 go from P through stage s's k-th distinct accuracy value a_k:
            Σ_P f_{s,P,k} = Σ of the x_{s,o} of value k,    Σ_k f_{s,P,k} = flow into P,
            A = Σ_{P,k} P · a_k · f_{S,P,k}.
        With binary x the flow is a single path, so A is its product. Where the nodes would grow too many (long chains
        of stages), the prefix products become continuous variables instead, equally exact: see `linear_product.py`.

Tie-break (`tie_break.py`). Among solutions whose objective is within tolerance of the best: highest PAS, least cost,
least sum of batches, lexicographically smallest options. First the optimum is found; then the same program without
that choice (a cut Σ x <= S − 1) must reach the optimum less the tolerance: mostly it cannot, and the optimum is alone.
Otherwise one solve a level follows, each keeping the levels before as constraints. Weighted sums of levels are not
used: their weights would fall below the solvers' tolerances.

Precision. δ = 1e-6 lies near the solvers' tolerances, so objectives and their constraints are multiplied by 1e4, gaps
are zero and tolerances 1e-9. Every answer is rounded to binaries and checked in plain arithmetic; one that breaks a
constraint by more than its documented tolerance is cut off and the program solved again.

Source: IPA (arXiv 2308.12871v3), optimisation problem.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ipa_gym.errors import unknown_name
from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.linear_product import product_expression, weighted
from ipa_gym.optimizer.options import FloatArray, StageOptions, prune, stage_options
from ipa_gym.optimizer.problem import (
    COST_TOLERANCE_CORES,
    PAS_TOLERANCE,
    SLA_TOLERANCE_S,
    Problem,
    Solution,
    objective_tolerance,
)
from ipa_gym.optimizer.pulp_backends import BACKENDS, SolverName, solve_model
from ipa_gym.pipeline import Configuration, Objective, StageConfiguration

Choice = tuple[int, ...]  # option index of each stage

_FLOOR_SLACK = 1e-5  # what solvers may miss a scaled floor by; what keeps only the slack is found out by `_holds`
_SCALE = 1e4  # of objectives and of the constraints that hold them
_INTEGRAL = 1e-7  # a relaxation's binaries this near to 1 count as 1


@dataclass(frozen=True, slots=True)
class _Goal:
    """A linear quantity to be maximised: its value for a choice, and its expression over the model's variables."""

    value: Callable[[Choice], float]
    express: Callable[[_Model], Any]  # Any: PuLP has no type hints


@dataclass(frozen=True, slots=True)
class _Floor:
    """An earlier level of the tie-break: the goal must stay at least this high."""

    goal: _Goal
    least: float


@dataclass(frozen=True, slots=True)
class _Program:
    """The data of one integer program."""

    options: tuple[StageOptions, ...]
    objective: Objective
    sla_s: float
    solver: SolverName


@dataclass(frozen=True, slots=True)
class _Model:
    """A PuLP problem under construction. Any: PuLP has no type hints."""

    problem: Any
    chosen: tuple[list[Any], ...]  # x_{s,o}
    names: Iterator[str]  # for further variables
    expressions: dict[int, Any]  # by the goal's identity, so that a goal's variables are added once

    def expression(self, goal: _Goal) -> Any:
        """The goal over this model's variables, scaled."""
        if id(goal) not in self.expressions:
            self.expressions[id(goal)] = _SCALE * goal.express(self)
        return self.expressions[id(goal)]


def solve_pulp(problem: Problem, *, solver: SolverName = "highs") -> Solution:
    """Solve the integer program with PuLP.

    Args:
        problem: pipeline, rate, and what is fixed.
        solver: "highs" (in this process) or "cbc" (the program that PuLP ships).
    Returns: the optimum under the documented tie-break, or `largest_capacity` with ``feasible=False``.
    Raises: UnknownNameError for another solver; RuntimeError if the solver stops without an answer.
    """
    started = time.perf_counter()
    if solver not in BACKENDS:
        raise unknown_name("solver", solver, BACKENDS)
    pipeline = problem.pipeline
    options = prune(stage_options(problem), sla_s=pipeline.sla_s)
    choice = None
    if options is not None:
        choice = _winner(_Program(options, pipeline.objective, pipeline.sla_s, solver))
    if options is None or choice is None:
        fallback = largest_capacity(problem)
        return Solution(fallback, math.nan, False, f"pulp-{solver}", time.perf_counter() - started)
    configuration = _configuration(options, choice)
    objective = pipeline.objective_value(configuration)
    return Solution(configuration, objective, True, f"pulp-{solver}", time.perf_counter() - started)


def _winner(program: _Program) -> Choice | None:
    goal = _objective_goal(program)
    best = _solve(program, goal)
    if best is None or all(len(stage) == 1 for stage in program.options):
        return best
    top = goal.value(best)
    while True:
        level = _Floor(goal, top - objective_tolerance(top))
        other = _solve(program, goal, floors=(level,), banned=(best,))
        if other is None:
            return best
        if goal.value(other) <= level.least + 2.0 * objective_tolerance(top):
            return _break_tie(program, goal, max(top, goal.value(other)))
        best, top = other, goal.value(other)  # the first answer was not the optimum


def _break_tie(program: _Program, objective: _Goal, top: float) -> Choice | None:
    """The winner among several solutions within the tolerance of the best objective ``top``."""
    floors = [_Floor(objective, top - objective_tolerance(top))]
    choice: Choice | None = None
    for goal, tolerance in _tie_levels(program):
        choice = _solve(program, goal, floors=tuple(floors))
        if choice is None:
            raise RuntimeError(f"{program.solver} found no solution at a level of the tie-break though one is known")
        floors.append(_Floor(goal, goal.value(choice) - tolerance))
    return choice


def _tie_levels(program: _Program) -> list[tuple[_Goal, float]]:
    """The levels below the objective, each to be maximised, and their tolerances."""
    accuracies = [stage.accuracy for stage in program.options]
    levels = [
        (_product_goal(accuracies), PAS_TOLERANCE),
        (_linear_goal([-stage.cost for stage in program.options]), COST_TOLERANCE_CORES),
        (_linear_goal([-stage.batch.astype(float) for stage in program.options]), 0.5),
    ]
    for position, stage in enumerate(program.options):
        ranks = [[0.0] * len(other) for other in program.options]
        ranks[position] = [-float(index) for index in range(len(stage))]
        levels.append((_linear_goal(ranks), 0.5))
    return levels


def _linear_goal(values: Sequence[Sequence[float] | FloatArray]) -> _Goal:
    """Σ of one value an option: the sum over stages of values[s][o]."""
    table = [[float(value) for value in stage] for stage in values]
    return _Goal(
        value=lambda choice: sum(stage[option] for stage, option in zip(table, choice, strict=True)),
        express=lambda model: weighted(
            (variable, value)
            for stage, variables in zip(table, model.chosen, strict=True)
            for variable, value in zip(variables, stage, strict=True)
            if value
        ),
    )


def _product_goal(values: Sequence[FloatArray]) -> _Goal:
    """The product over stages of values[s][o], linearised by `linear_product`."""
    table = [[float(value) for value in stage] for stage in values]
    return _Goal(
        value=lambda choice: math.prod(stage[option] for stage, option in zip(table, choice, strict=True)),
        express=lambda model: product_expression(model.problem, model.chosen, table, names=model.names),
    )


def _objective_goal(program: _Program) -> _Goal:
    weights = program.objective
    spent = _linear_goal([-weights.beta * stage.cost - weights.delta * stage.batch for stage in program.options])
    measured = [stage.measured(weights.accuracy_measure) for stage in program.options]
    gained = _linear_goal(measured) if weights.accuracy_measure == "rank_sum" else _product_goal(measured)
    if weights.alpha == 0.0:
        return spent
    return _Goal(
        value=lambda choice: weights.alpha * gained.value(choice) + spent.value(choice),
        express=lambda model: weights.alpha * gained.express(model) + spent.express(model),
    )


def _solve(
    program: _Program, goal: _Goal, *, floors: tuple[_Floor, ...] = (), banned: tuple[Choice, ...] = ()
) -> Choice | None:
    """Maximise a goal over the feasible choices that keep the floors and are not banned; None if there is none."""
    while True:
        model = _build(program)
        for floor in floors:
            model.problem.addConstraint(model.expression(floor.goal) >= _SCALE * floor.least - _FLOOR_SLACK)
        for choice in banned:
            cut = weighted((model.chosen[stage][option], 1.0) for stage, option in enumerate(choice))
            model.problem.addConstraint(cut <= len(choice) - 1)
        model.problem.setObjective(model.expression(goal))
        found = _run(model, program.solver)
        if found is None or _holds(program, floors, found):
            return found
        banned = (*banned, found)  # within the solver's tolerance but not within ours


def _build(program: _Program) -> _Model:
    import pulp

    problem = pulp.LpProblem("ipa", pulp.LpMaximize)
    chosen = tuple(
        [problem.add_variable(f"x{stage}_{option}", cat=pulp.LpBinary) for option in range(len(options))]
        for stage, options in enumerate(program.options)
    )
    for variables in chosen:
        problem.addConstraint(weighted((variable, 1.0) for variable in variables) == 1.0)
    model = _Model(problem, chosen, map("p{}".format, itertools.count()), {})
    latency_s = _linear_goal([stage.latency for stage in program.options]).express(model)
    problem.addConstraint(latency_s <= program.sla_s + SLA_TOLERANCE_S)
    return model


def _holds(program: _Program, floors: Sequence[_Floor], choice: Choice) -> bool:
    latency_s = sum(float(stage.latency[option]) for stage, option in zip(program.options, choice, strict=True))
    in_time = latency_s <= program.sla_s + SLA_TOLERANCE_S
    return in_time and all(floor.goal.value(choice) >= floor.least for floor in floors)


def _run(model: _Model, solver: SolverName) -> Choice | None:
    """Optimum of a built model: its linear relaxation's if that is integral or infeasible, else by branch and bound."""
    import pulp

    for with_integers in (False, True):
        status = solve_model(model.problem, solver, with_integers=with_integers)
        if status == pulp.LpStatusInfeasible:
            return None
        if status != pulp.LpStatusOptimal:
            raise RuntimeError(f"{solver} stopped with status {pulp.LpStatus[status]!r} on an integer program of IPA")
        values = [[variable.varValue or 0.0 for variable in variables] for variables in model.chosen]
        if with_integers or all(max(stage) > 1.0 - _INTEGRAL for stage in values):
            break
    return tuple(stage.index(max(stage)) for stage in values)


def _configuration(options: Sequence[StageOptions], choice: Choice) -> Configuration:
    return Configuration(
        tuple(
            StageConfiguration(int(stage.variant[index]), int(stage.batch[index]), int(stage.replicas[index]))
            for stage, index in zip(options, choice, strict=True)
        )
    )
