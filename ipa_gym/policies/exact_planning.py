"""`ExactPlanning`: decisions by the compiled optimiser, for one observation or for many in one call.

IPA (with the exact solver), FA2 and RIM are this with nothing, the variants, or the replicas fixed. What the program is
and how ties are broken: `ipa_gym/optimizer/`. Remembers nothing. Next: `ipa.py`, `fa2.py`, `rim.py`.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.planner import Decisions, ExactPlanner
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting


class ExactPlanning:
    """Plans for the observation's forecast times a margin.

    Args:
        load_factor: margin on the forecast, see `planning.predicted_rate_rps`.
        variants, replicas: what is fixed, as in `Problem`.
    Raises: OptionError as `Problem` does.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        load_factor: float,
        variants: tuple[tuple[int, ...], ...] | None = None,
        replicas: tuple[int, ...] | None = None,
    ) -> None:
        self._planner = ExactPlanner(setting.pipeline, variants, replicas)
        field = setting.layout.field("forecast_rps")
        self._size, self._place, self._factor = setting.layout.size, field.start, load_factor
        self._scale = field.scale
        self._actions = setting.actions

    def plan(self, observation: ObservationArray) -> tuple[ActionArray, dict[str, object]]:
        """One decision, and its diagnostics as `planning.plan` gives them."""
        started = time.perf_counter()
        rates, decisions = self._decide(np.asarray(observation).reshape(1, -1))
        feasible = bool(decisions.feasible[0])
        diagnostics: dict[str, object] = {
            "feasible": feasible,
            "objective": float(decisions.objective[0]) if feasible else math.nan,
            "rate_rps": float(rates[0]),
            "solver": "exact",
            "solve_s": time.perf_counter() - started,
        }
        return self._actions.encode_many(decisions.chosen)[0], diagnostics

    def plan_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """The decision for each of many observations, the same as one by one.

        Args:
            observations: float32 (n, layout.size).
        Returns: int64 (n, 3 · n_stages), an action each.
        Raises: OptionError if they have another shape.
        """
        return self._actions.encode_many(self._decide(np.asarray(observations))[1].chosen)

    def plan_rates(self, rates_rps: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The decision for each of many loads, float64 (n,), or (n, n_stages): a load of its own for each stage.

        Returns: int64 (n, 3 · n_stages), an action each; float64 (n,), its objective, NaN where nothing is feasible.
        """
        decisions = self._planner.decide_many(rates_rps)
        return self._actions.encode_many(decisions.chosen), decisions.objective

    def forecast_rps(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """The forecasts in observations, float32 (n, layout.size), as float64 (n,), requests/s.

        Raises: OptionError if they have another shape.
        """
        if observations.ndim != 2 or observations.shape[1] != self._size:
            raise OptionError(f"observation has shape {observations.shape[1:]}; expected ({self._size},)")
        found: NDArray[np.float64] = observations[:, self._place].astype(np.float64) * self._scale
        return found

    def _decide(self, observations: NDArray[np.float32]) -> tuple[NDArray[np.float64], Decisions]:
        rates: NDArray[np.float64] = np.maximum(0.0, self.forecast_rps(observations) * self._factor)
        return rates, self._planner.decide_many(rates)
