"""Holt's double exponential smoothing of the load, by statsmodels.

The 120 s of history become 12 maxima of 10 s; level and trend are smoothed over them with fixed weights and carried
two steps (20 s) ahead. Source: Holt (1957), as in `statsmodels.tsa.holtwinters.Holt`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BIN_S = 10
_STEPS = 2  # 20 s ahead
SMOOTHING_LEVEL = 0.8  # chosen: follows a burst within two maxima
SMOOTHING_TREND = 0.2  # chosen: a single noisy maximum must not become a trend


class Holt:
    """Double exponential smoothing of 10 s maxima, the higher of the next two, never below zero."""

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Predicted maximum of the next 20 s, requests/s."""
        from statsmodels.tsa.holtwinters import Holt as HoltModel

        maxima = history_rps.reshape(-1, _BIN_S).max(axis=1)
        model = HoltModel(maxima, initialization_method="known", initial_level=maxima[0], initial_trend=0.0)
        with np.errstate(divide="ignore"):  # a perfect fit has no finite information criterion, which nobody reads
            fitted = model.fit(smoothing_level=SMOOTHING_LEVEL, smoothing_trend=SMOOTHING_TREND, optimized=False)
            forecast_rps = fitted.forecast(_STEPS)
        return max(0.0, float(np.max(forecast_rps)))
