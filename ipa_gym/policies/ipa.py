"""IPA: chooses variant, batch and replicas of every stage at once, by its integer program.

The program itself is `ipa_gym.optimizer`; here is only what is put into it and when.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.exact_planning import ExactPlanning
from ipa_gym.policies.parameters import Parameter, choice, number
from ipa_gym.policies.planning import EXACT, SOLVERS, load_solver, plan

LOAD_FACTOR = number(1.0, above=0, up_to=10, meaning="margin: the forecast is multiplied by it (a ratio)")


class IPAPolicy:
    """IPA's controller.

    Rule: at every decision, maximise α · A − β · cost − δ · Σ b over variant, batch and replicas of all stages, subject
    to Σ [l(b) + (b − 1) / λ] <= SLA and n · h(b) >= λ, with λ = the observation's forecast times ``load_factor``. Ties
    go to higher PAS, then lower cost, then smaller batches. Where nothing is feasible it takes the configuration with
    most capacity and reports ``feasible: False``.
    Agents: ``ipa`` (PuLP with HiGHS), ``ipa-exact`` (Pareto search, the same optimum), ``ipa-perfect`` (in an
    environment whose forecast is perfect).
    Source: IPA (arXiv 2308.12871v3), problem formulation (objective and constraints) and adapter.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "solver": choice("highs", tuple(SOLVERS), meaning="what solves the integer program"),
        "load_factor": LOAD_FACTOR,
    }

    def __init__(self, setting: Setting, *, solver: str = "highs", load_factor: float = 1.0) -> None:
        self._setting = setting
        self._exact = ExactPlanning(setting, load_factor=load_factor)
        self._solve = None if solver == EXACT else load_solver(solver)
        self._load_factor = load_factor
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the newest decision's diagnostics; IPA remembers nothing else."""
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Plan for the forecast. Shapes as in `Policy.act`."""
        if self._solve is None:
            action, self.diagnostics = self._exact.plan(observation)
        else:
            action, self.diagnostics = plan(
                self._setting, observation, solve=self._solve, load_factor=self._load_factor
            )
        return action

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments in one call, whichever the solver, by the exact one: the optimum is the same.

        Args:
            observations: float32 (n, layout.size), one an environment.
        Returns: int64 (n, 3 · n_stages). Diagnostics stay as they are.
        """
        return self._exact.plan_many(observations)
