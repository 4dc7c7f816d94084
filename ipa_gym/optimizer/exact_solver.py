"""`solve_exact`: the integer program by our own search, the same optimum and tie-break as brute force.

The search is compiled: `planner.py` is its face, `search.py` the way through it. Planners are kept for the pipelines
seen last, so that a policy that asks again and again pays for the tables once.
"""

from __future__ import annotations

import time

from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem, Solution

_KEPT = 64  # planners
_Key = tuple[int, tuple[tuple[int, ...], ...] | None, tuple[int, ...] | None]
_planners: dict[_Key, ExactPlanner] = {}  # oldest first; a planner holds its pipeline, so no other can have its id


def solve_exact(problem: Problem) -> Solution:
    """Solve the integer program.

    Returns: the optimum under the documented tie-break, or `largest_capacity` with ``feasible=False``.
    """
    started = time.perf_counter()
    return _planner(problem).decide(problem.rate_rps, started_s=started)


def _planner(problem: Problem) -> ExactPlanner:
    key = (id(problem.pipeline), problem.variants, problem.replicas)
    found = _planners.get(key)
    if found is None:
        while len(_planners) >= _KEPT:
            _planners.pop(next(iter(_planners)), None)
        found = _planners[key] = ExactPlanner(problem.pipeline, problem.variants, problem.replicas)
    return found
