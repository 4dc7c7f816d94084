"""FA2: fixed variants; batch and replicas by optimisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ipa_gym.pipeline import Pipeline
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.baselines import accurate_variants, fixed_variants, least_accurate_variants, named_variants
from ipa_gym.policies.exact_planning import ExactPlanning
from ipa_gym.policies.ipa import LOAD_FACTOR
from ipa_gym.policies.parameters import Parameter, word_or_list

VARIANT_RULES: Mapping[str, Callable[[Pipeline], tuple[int, ...]]] = {
    "least-accurate": least_accurate_variants,
    "accurate": accurate_variants,
}


class FA2Policy:
    """FA2, as IPA's paper compares with it: scaling and batching without switching models.

    Rule: the variants never change; batch and replicas of every stage maximise IPA's objective under its constraints,
    solved exactly, for the forecast times ``load_factor``. Where that is not feasible: most capacity, ``feasible:
    False``.
    Agents: ``fa2-low`` (the least accurate variant of every stage) and ``fa2-high`` (the card's accurate combination;
    without one the combination of highest PAS that meets the SLA at the card's full load).
    Source: IPA (arXiv 2308.12871v3), evaluation, baselines; FA2 itself: Razavi et al., RTAS 2022.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "variants": word_or_list(
            "least-accurate", tuple(VARIANT_RULES), str, meaning="what every stage runs, for good"
        ),
        "load_factor": LOAD_FACTOR,
    }

    def __init__(
        self, setting: Setting, *, variants: str | Sequence[str] = "least-accurate", load_factor: float = 1.0
    ) -> None:
        pipeline = setting.pipeline
        chosen = VARIANT_RULES[variants](pipeline) if isinstance(variants, str) else named_variants(pipeline, variants)
        self._exact = ExactPlanning(setting, load_factor=load_factor, variants=fixed_variants(chosen))
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the newest decision's diagnostics; the variants stay."""
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Plan batch and replicas for the forecast. Shapes as in `Policy.act`."""
        action, self.diagnostics = self._exact.plan(observation)
        return action

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments in one call: float32 (n, layout.size) to int64 (n, 3 · n_stages)."""
        return self._exact.plan_many(observations)
