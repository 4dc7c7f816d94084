"""Loki: the most accurate variants as long as the cluster carries them, less accurate ones beyond.

`LokiChoice` decides for any load on a cluster of some cores, `LokiPolicy` for the forecast. The search for the most
accurate configuration is `loki_search.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import PAS_TOLERANCE, Problem
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.baselines import accurate_variants, fixed_variants
from ipa_gym.policies.ipa import LOAD_FACTOR
from ipa_gym.policies.loki_search import most_accurate
from ipa_gym.policies.parameters import Parameter, number
from ipa_gym.policies.planning import predicted_rate_rps

FULL_LOAD = "full-load"
HARDWARE, ACCURACY, OVERLOAD, INFEASIBLE = "hardware", "accuracy", "overload", "infeasible"
_MOST_CORES = 100_000
_CORES = number(1.0, above=0, up_to=_MOST_CORES, meaning="cores of the cluster")
_HALVINGS = 50  # of the search for the largest load that the cluster carries: to 1e-15 of the forecast
_KEPT = 4096  # decisions, one a load


@dataclass(frozen=True, slots=True)
class Chosen:
    """A decision of Loki."""

    configuration: Configuration
    scaling: str  # HARDWARE, ACCURACY, OVERLOAD or INFEASIBLE
    rate_rps: float  # that it carries


class LokiChoice:
    """Chooses for any load, on a cluster of some cores. Remembers its decisions; they depend on the load alone.

    Args:
        cores: of the cluster, > 0.
        slo_share: part of the SLA that service and the filling of batches may take; the rest is for waiting.
    """

    def __init__(self, pipeline: Pipeline, *, cores: float, slo_share: float) -> None:
        self.cores = cores
        self._pipeline = replace(pipeline, sla_s=slo_share * pipeline.sla_s)
        self._most_pas = math.prod(max(v.accuracy for v in stage.variants) / 100.0 for stage in pipeline.stages)
        self._known: dict[float, Chosen] = {}

    def decide(self, rate_rps: float) -> Chosen:
        """The decision for a load, requests/s. Raises: OptionError if it is no finite number."""
        if rate_rps not in self._known:
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[rate_rps] = self._decide(rate_rps)
        return self._known[rate_rps]

    def _decide(self, rate_rps: float) -> Chosen:
        best = self._best(rate_rps)
        if best is not None:
            pas = self._pipeline.pas([choice.variant for choice in best.stages])
            return Chosen(best, HARDWARE if pas >= self._most_pas - PAS_TOLERANCE else ACCURACY, rate_rps)
        best = self._best(0.0)
        if best is None:
            return Chosen(largest_capacity(Problem(self._pipeline, rate_rps)), INFEASIBLE, rate_rps)
        low, high = 0.0, rate_rps
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            found = self._best(middle)
            if found is None:
                high = middle
            else:
                low, best = middle, found
        return Chosen(best, OVERLOAD, low)

    def _best(self, rate_rps: float) -> Configuration | None:
        """The most accurate, then cheapest, configuration that carries a load in time and fits the cluster."""
        return most_accurate(self._pipeline, rate_rps, cores=self.cores)


class LokiPolicy:
    """Loki's resource manager: hardware scaling, and accuracy scaling once the cluster is full.

    Rule, for the forecast times ``load_factor``: hardware scaling takes the fewest cores that carry it with the most
    accurate variant of every stage. Where the cluster has not so many, accuracy scaling takes the configuration of
    highest PAS that carries it on the cluster; of equal ones the cheapest, then that of smallest batches. Service and
    the filling of batches may take ``slo_share`` of the SLA. Where nothing carries the load on the cluster, it takes
    the most accurate configuration for the largest load that the cluster carries (found by halving); where even no
    load is served in time, most capacity, ``feasible: False``. Otherwise solved exactly.

    Where the environment differs from the paper: a stage runs one variant at a time, so accuracy falls by a whole
    stage where Loki's MILP lets replicas of several variants share the requests, and neither its routing by accuracy
    nor its rerouting of late requests has a counterpart; the cluster is counted in cores, not in servers alike;
    batches wait to be full, so their filling counts; the load is the environment's forecast, not Loki's moving
    average.
    Agent: ``loki``: a cluster as large as what the card's accurate variants (FA2-high's) need at its full load.
    Source: Ahmad, Guan and Sitaraman, "Loki: a system for serving ML inference pipelines with hardware and accuracy
        scaling", HPDC 2024 (arXiv 2407.03583), resource manager; its published code for half the SLO.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "cores": Parameter(
            FULL_LOAD,
            f"{FULL_LOAD}, or {_CORES.allowed}",
            "the cluster's cores; full-load: what the card's accurate variants need at its full load",
            lambda value: value == FULL_LOAD or _CORES.accepts(value),
        ),
        "slo_share": number(
            0.5, above=0, up_to=1, meaning="part of the SLA for service and filling batches (fraction)"
        ),
        "load_factor": LOAD_FACTOR,
    }

    def __init__(
        self,
        setting: Setting,
        *,
        cores: str | float = FULL_LOAD,
        slo_share: float = 0.5,
        load_factor: float = 1.0,
    ) -> None:
        pipeline = setting.pipeline
        size = full_load_cores(pipeline) if isinstance(cores, str) else float(cores)
        self._choice = LokiChoice(pipeline, cores=size, slo_share=slo_share)
        self._setting = setting
        self._load_factor = load_factor
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the newest decision's diagnostics; Loki's resource manager remembers nothing else."""
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Choose for the forecast. Shapes as in `Policy.act`."""
        rate_rps = predicted_rate_rps(self._setting.layout.read(observation).forecast_rps, self._load_factor)
        chosen = self._choice.decide(rate_rps)
        self.diagnostics = {
            "feasible": chosen.scaling in (HARDWARE, ACCURACY),
            "scaling": chosen.scaling,
            "rate_rps": rate_rps,
            "carried_rps": chosen.rate_rps,
            "cluster_cores": self._choice.cores,
        }
        return self._setting.actions.encode(chosen.configuration)

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments in one call, each load once.

        Args:
            observations: float32 (n, layout.size).
        Returns: int64 (n, 3 · n_stages). Diagnostics stay as they are.
        Raises: OptionError if they have another shape.
        """
        layout = self._setting.layout
        if observations.ndim != 2 or observations.shape[1] != layout.size:
            raise OptionError(f"observation has shape {observations.shape[1:]}; expected ({layout.size},)")
        field = layout.field("forecast_rps")
        forecasts = observations[:, field.start].astype(np.float64) * field.scale
        loads, place = np.unique(forecasts, return_inverse=True)
        rates = [predicted_rate_rps(load, self._load_factor) for load in loads.tolist()]
        actions = [self._setting.actions.encode(self._choice.decide(rate).configuration) for rate in rates]
        return np.stack(actions)[place]


def full_load_cores(pipeline: Pipeline) -> float:
    """Cores that FA2-high's variants need to carry the card's full load, ``load_scale_rps``, within the SLA."""
    fixed = fixed_variants(accurate_variants(pipeline))
    solution = solve_exact(Problem(pipeline, pipeline.load_scale_rps, variants=fixed))
    return pipeline.cost_cores(solution.configuration)
