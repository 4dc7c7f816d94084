"""The forecasts by name, and the protocol that they share.

A forecast predicts the highest per-second load of the next 20 s from the last 120 s. ``perfect`` alone may look at
what will come. Next: `simple.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import unknown_name

HORIZON_S = 20  # seconds ahead whose maximum is predicted (IPA's predictor)


class Forecast(Protocol):
    """Predicts the load.

    One with an attribute ``code`` is computed inside the step kernel; any other is asked after each interval.
    """

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Highest load of the next 20 s, requests/s.

        Args:
            history_rps: float64 (120,), requests in each of the last 120 s, the newest last.
            future_rps: float64 (<= 20,), requests in each of the next seconds of the window; only ``perfect`` uses it.
        """
        ...


FORECASTS: Mapping[str, str] = {  # name in cards and options -> where it lives
    "reactive": "ipa_gym.forecast.simple:Reactive",
    "max": "ipa_gym.forecast.simple:WindowMaximum",
    "holt": "ipa_gym.forecast.simple:Holt",
    "perfect": "ipa_gym.forecast.simple:Perfect",
}


def make_forecast(name: str) -> Forecast:
    """Build the forecast called ``name``. Raises: UnknownNameError."""
    if name not in FORECASTS:
        raise unknown_name("forecast", name, FORECASTS)
    module, _, attribute = FORECASTS[name].partition(":")
    forecast: Forecast = getattr(import_module(module), attribute)()
    return forecast
