"""RIM: fixed replicas; variants and batch by optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.baselines import generous_replicas
from ipa_gym.policies.exact_planning import ExactPlanning
from ipa_gym.policies.ipa import LOAD_FACTOR
from ipa_gym.policies.parameters import Parameter, word_or_list


class RIMPolicy:
    """RIM, as IPA's paper compares with it: model switching on replicas that are never scaled.

    Rule: the replicas never change (over-provisioned, so that they cost the most); variants and batch of every stage
    maximise IPA's objective among those that carry the forecast times ``load_factor`` within the SLA, solved exactly.
    Where none does: most capacity, ``feasible: False``.
    Agent: ``rim``: the card's replicas; without them as many as FA2-high's variants need at the card's full load.
    Source: IPA (arXiv 2308.12871v3), evaluation, baselines; RIM itself: Hu et al., IoTDI 2021.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "replicas": word_or_list("card", ("card",), int, meaning="replicas of every stage, for good"),
        "load_factor": LOAD_FACTOR,
    }

    def __init__(self, setting: Setting, *, replicas: str | Sequence[int] = "card", load_factor: float = 1.0) -> None:
        fixed = _replicas(setting.pipeline, replicas)
        self._exact = ExactPlanning(setting, load_factor=load_factor, replicas=fixed)
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the newest decision's diagnostics; the replicas stay."""
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Choose variants and batch for the forecast. Shapes as in `Policy.act`."""
        action, self.diagnostics = self._exact.plan(observation)
        return action

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments in one call: float32 (n, layout.size) to int64 (n, 3 · n_stages)."""
        return self._exact.plan_many(observations)


def _replicas(pipeline: Pipeline, given: str | Sequence[int]) -> tuple[int, ...]:
    if isinstance(given, str):
        return generous_replicas(pipeline)
    if len(given) != len(pipeline.stages) or not all(1 <= count <= pipeline.replica_cap for count in given):
        raise OptionError(
            f"replicas is {list(given)}; expected whole numbers from 1 to {pipeline.replica_cap}, "
            f"one for each of the {len(pipeline.stages)} stages of pipeline {pipeline.name}"
        )
    return tuple(given)
