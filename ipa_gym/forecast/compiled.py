"""The forecasts that the step kernel knows by a code, compiled; `simple.py` wraps them for Python.

History and future are counts per second. Any other forecast is `EXTERNAL`: the environment asks it after the kernel.
"""

from __future__ import annotations

from typing import Any

from ipa_gym.compiling import compiled

EXTERNAL, REACTIVE, MAXIMUM, HOLT, PERFECT = -1, 0, 1, 2, 3
_BIN_S = 10  # seconds that one maximum covers
SMOOTHING_LEVEL = 0.8  # chosen: follows a burst within two maxima
SMOOTHING_TREND = 0.2  # chosen: a single noisy maximum must not become a trend


@compiled
def highest(counts: Any, first: int, end: int) -> float:  # Any: int64 or float64 (n,)
    """The highest of ``counts[first:end]``, which is not empty, as a float."""
    found = counts[first]
    for place in range(first + 1, end):
        found = max(found, counts[place])
    return float(found)


@compiled
def holt(history: Any) -> float:
    """Holt's double exponential smoothing of the maxima of 10 s, the higher of the next two, never below zero.

    It starts at the first maximum with no trend. Source: Holt (1957).
    """
    level, trend = highest(history, 0, _BIN_S), 0.0
    for first in range(0, len(history), _BIN_S):
        previous = level
        level = SMOOTHING_LEVEL * highest(history, first, first + _BIN_S) + (1.0 - SMOOTHING_LEVEL) * (level + trend)
        trend = SMOOTHING_TREND * (level - previous) + (1.0 - SMOOTHING_TREND) * trend
    return max(0.0, level + trend, level + 2.0 * trend)


@compiled
def forecast_rps(code: int, history: Any, future: Any) -> float:
    """The forecast of a code: highest load of the next 20 s, requests/s.

    Args:
        code: REACTIVE, MAXIMUM, HOLT or PERFECT.
        history: int64 or float64 (120,), requests in each of the last seconds, the newest last.
        future: int64 or float64 (<= 20,), requests in each of the next seconds; only PERFECT looks.
    """
    if code == MAXIMUM:
        return highest(history, 0, len(history))
    if code == HOLT:
        return holt(history)
    if code == PERFECT:
        return highest(future, 0, len(future)) if len(future) > 0 else float(history[-1])
    return highest(history, len(history) - _BIN_S, len(history))
