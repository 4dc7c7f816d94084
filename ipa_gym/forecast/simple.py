"""Forecasts without a model: the load now, the highest of the window, and the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LATEST_S = 10  # seconds that count as "now": one maximum of the observation


class Reactive:
    """The load goes on as it is: the maximum of the last 10 s."""

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Maximum of the last 10 s, requests/s."""
        return float(history_rps[-_LATEST_S:].max())


class WindowMaximum:
    """As high as it was lately: the maximum of the last 120 s."""

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Maximum of the history, requests/s."""
        return float(history_rps.max())


class Perfect:
    """The truth: the maximum of the next 20 s that are left of the window; after its end the last second's load."""

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Maximum of the future, requests/s."""
        return float(future_rps.max()) if future_rps.size else float(history_rps[-1])
