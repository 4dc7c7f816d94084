"""`LoadMargins`: IPA's optimiser behind a few numbers: whoever learns them starts as IPA, which is all of them at zero.

They correct the forecast, give each stage's load a margin, and say how reluctant to be to change variants, for which
IPA's program counts no cost. The numbers come from elsewhere: a network's outputs, or a test. Next:
`exact_planning.py`, `learned.py`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.policies.base import Setting
from ipa_gym.policies.exact_planning import ExactPlanning

Outputs = NDArray[np.floating]
_RELUCTANCE_PART = 0.1  # of rho: by rho's rule the smallest bill of an interval that carries the mean load


class LoadMargins:
    """Turns 2 + n_stages numbers, each cut to [-1, 1], into a decision.

    Stage s is planned for forecast · span^correction · span^margin_s. Where the last number, the reluctance, is above
    zero, the variants of the newest decision stay, unless the optimum's objective leads by more than
    reluctance · ρ / 10.

    Args:
        span: the largest factor of the correction and of a margin, above 1; the smallest is its inverse.
    Raises: OptionError.
    """

    def __init__(self, setting: Setting, *, span: float) -> None:
        if not 1.0 < span < math.inf:
            raise OptionError(f"span is {span!r}; expected a number above 1")
        self._setting = setting
        self._planning = ExactPlanning(setting, load_factor=1.0)
        self._staying: dict[tuple[int, ...], ExactPlanning] = {}  # with the variants as they are
        self._log_span = float(np.log(span))
        self._most_reluctance = _RELUCTANCE_PART * setting.pipeline.objective.rho
        targets = [setting.layout.field("target_variant", stage) for stage in range(setting.layout.n_stages)]
        self._targets = [field.slice for field in targets]
        self.n_outputs = 2 + setting.layout.n_stages

    def rates_rps(self, observations: NDArray[np.float32], outputs: Outputs) -> NDArray[np.float64]:
        """What each stage is planned for.

        Args:
            observations: float32 (n, layout.size).
            outputs: floats (n, 2 + n_stages): the correction, each stage's margin, the reluctance.
        Returns: float64 (n, n_stages), requests/s.
        """
        levers = np.clip(np.asarray(outputs, dtype=np.float64), -1.0, 1.0)
        factors: NDArray[np.float64] = np.exp(self._log_span * (levers[:, :1] + levers[:, 1:-1]))
        return self._planning.forecast_rps(observations)[:, None] * factors

    def act_many(self, observations: NDArray[np.float32], outputs: Outputs) -> NDArray[np.int64]:
        """The decisions: int64 (n, 3 · n_stages); arguments as in `rates_rps`."""
        rates_rps = self.rates_rps(observations, outputs)
        actions, objective = self._planning.plan_rates(rates_rps)
        margin = np.clip(np.asarray(outputs[:, -1], dtype=np.float64), 0.0, 1.0) * self._most_reluctance
        variants = np.stack([observations[:, part].argmax(axis=1) for part in self._targets], axis=1)
        asked = (margin > 0.0) & (actions[:, ::3] != variants).any(axis=1)
        for chosen in {tuple(row) for row in variants[asked].tolist()}:
            rows = np.flatnonzero(asked & (variants == chosen).all(axis=1))
            kept, kept_objective = self._planning_of(chosen).plan_rates(rates_rps[rows])
            stays = kept_objective >= objective[rows] - margin[rows]  # False where nothing is feasible
            actions[rows[stays]] = kept[stays]
        return actions

    def _planning_of(self, variants: tuple[int, ...]) -> ExactPlanning:
        if variants not in self._staying:
            fixed = tuple((variant,) for variant in variants)
            self._staying[variants] = ExactPlanning(self._setting, load_factor=1.0, variants=fixed)
        return self._staying[variants]
