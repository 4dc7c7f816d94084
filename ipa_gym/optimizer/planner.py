"""`ExactPlanner`: IPA's decisions for one pipeline at any rate, by the compiled search; one rate or many in one call.

What does not depend on the rate is checked and laid out once. Inside compiled code call `search.decide_rates` with the
planner's ``tables`` and working memory of `make_work`. Importing this compiles nothing; the first decision does, or
loads what an earlier process compiled.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.labels import NO_WINNER
from ipa_gym.optimizer.problem import MINIMUM_RATE_RPS, Problem, Solution
from ipa_gym.optimizer.search import decide_rates
from ipa_gym.optimizer.tables import BoolArray, Effort, FloatArray, IntArray, make_tables, make_work
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration

_ROOM = 4096  # labels that the working memory holds at first
_DEFAULT_EFFORT = Effort()


class Decisions(NamedTuple):
    """One decision for each of n rates."""

    chosen: IntArray  # (n, n_stages, 3): variant index, batch in requests, replicas
    feasible: BoolArray  # (n,); where false, `chosen` is the configuration with most capacity
    objective: FloatArray  # (n,); NaN where infeasible


class ExactPlanner:
    """Decides for one pipeline, with variants or replicas fixed or free (as in `Problem`)."""

    def __init__(
        self,
        pipeline: Pipeline,
        variants: tuple[tuple[int, ...], ...] | None = None,
        replicas: tuple[int, ...] | None = None,
        *,
        effort: Effort = _DEFAULT_EFFORT,
    ) -> None:
        """Raises: OptionError as `Problem` does."""
        self.pipeline = pipeline
        self.tables = make_tables(Problem(pipeline, 1.0, variants=variants, replicas=replicas))
        self._effort = effort
        self._room = _ROOM
        self._work = make_work(self.tables, effort, _ROOM)

    def decide(self, rate_rps: float, *, started_s: float | None = None) -> Solution:
        """The optimum at one rate, or the configuration with most capacity where nothing is feasible.

        Args:
            started_s: when the work began, by `time.perf_counter`, for the solution's ``solve_s``; None: now.
        Raises: OptionError if the rate is no finite number.
        """
        started = time.perf_counter() if started_s is None else started_s
        chosen, feasible, _ = self.decide_many((rate_rps,))
        configuration = Configuration(tuple([StageConfiguration(*stage) for stage in chosen[0].tolist()]))
        found = bool(feasible[0])
        objective = self.pipeline.objective_value(configuration) if found else math.nan
        return Solution(configuration, objective, found, "exact", time.perf_counter() - started)

    def decide_many(self, rates_rps: ArrayLike) -> Decisions:
        """The same for each of many rates, without a Python loop over them.

        Args:
            rates_rps: float64 (n,), requests per second; or (n, n_stages), what each stage is to carry.
        Raises: OptionError if a rate is no finite number, they have another shape, or the pipeline's weights
            give objectives that floats cannot compare.
        """
        rates = np.asarray(rates_rps, dtype=np.float64)
        n_stages = len(self.tables.fixed)
        if rates.ndim not in (1, 2) or (rates.ndim == 2 and rates.shape[1] != n_stages):
            raise OptionError(f"rates_rps has the shape {rates.shape}; expected (n,) or (n, {n_stages})")
        n_rates = len(rates)
        if not np.isfinite(rates).all():
            found = rates[~np.isfinite(rates)][0]
            raise OptionError(f"rate_rps is {found}; expected a finite number of requests per second")
        rates = np.maximum(rates if rates.ndim == 2 else np.repeat(rates[:, None], n_stages, axis=1), MINIMUM_RATE_RPS)
        rates = np.ascontiguousarray(rates)
        decisions = Decisions(
            np.empty((n_rates, n_stages, 3), dtype=np.int64),
            np.empty(n_rates, dtype=np.bool_),
            np.empty(n_rates),
        )
        done = self._decided(rates, decisions)
        while done < n_rates:  # the working memory was too small for the next one
            self._room *= 4
            self._work = make_work(self.tables, self._effort, self._room)
            chosen, feasible, objective = decisions
            done += self._decided(rates[done:], Decisions(chosen[done:], feasible[done:], objective[done:]))
        return decisions

    def _decided(self, rates_rps: FloatArray, decisions: Decisions) -> int:
        done = decide_rates(self.tables, self._effort, self._work, rates_rps, *decisions)
        if done == NO_WINNER:
            raise OptionError(
                f"pipeline {self.pipeline.name}: the objective's weights {self.pipeline.objective} are too large to "
                "compare configurations by; scale them down"
            )
        return done
