"""Forecasts without training: the load now, the highest of the window, Holt's smoothing, and the truth.

Each is one of the step kernel's own (`compiled.py`); the classes are their face in Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ipa_gym.forecast import compiled


class _Known:
    """A forecast that the step kernel knows by its ``code``."""

    code: int

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Highest load of the next 20 s, requests/s; shapes as in `Forecast`."""
        return compiled.forecast_rps(self.code, history_rps, future_rps)


class Reactive(_Known):
    """The load goes on as it is: the maximum of the last 10 s."""

    code = compiled.REACTIVE


class WindowMaximum(_Known):
    """As high as it was lately: the maximum of the last 120 s."""

    code = compiled.MAXIMUM


class Holt(_Known):
    """Holt's smoothing with trend of the 12 maxima of 10 s, fixed weights, carried two steps (20 s) ahead."""

    code = compiled.HOLT


class Perfect(_Known):
    """The truth: the maximum of the next 20 s that are left of the trace; after its end the last second's load."""

    code = compiled.PERFECT
