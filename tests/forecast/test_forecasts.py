"""Forecasts against numbers worked by hand."""

import numpy as np
import pytest

from ipa_gym.errors import UnknownNameError
from ipa_gym.forecast import FORECASTS, make_forecast
from ipa_gym.forecast.smoothing import SMOOTHING_LEVEL, SMOOTHING_TREND

HISTORY = np.concatenate([np.full(60, 9.0), np.full(50, 4.0), np.array([5.0] * 9 + [6.0])])
FUTURE = np.array([3.0, 8.0, 2.0])


@pytest.mark.parametrize(("name", "expected"), [("reactive", 6.0), ("max", 9.0), ("perfect", 8.0)])
def test_simple_forecasts(name: str, expected: float) -> None:
    assert make_forecast(name).predict(HISTORY, FUTURE) == expected


def test_perfect_at_the_end_of_the_trace_keeps_the_last_second() -> None:
    assert make_forecast("perfect").predict(HISTORY, np.array([])) == 6.0


def holt_by_hand(maxima: np.ndarray) -> float:
    """Holt's recursions written out: level and trend, then the higher of one and two steps ahead."""
    level, trend = maxima[0], 0.0
    for value in maxima:
        previous = level
        level = SMOOTHING_LEVEL * value + (1 - SMOOTHING_LEVEL) * (level + trend)
        trend = SMOOTHING_TREND * (level - previous) + (1 - SMOOTHING_TREND) * trend
    return max(0.0, level + trend, level + 2 * trend)


@pytest.mark.parametrize("history", [HISTORY, np.arange(120.0), np.arange(120.0)[::-1], np.zeros(120)])
def test_holt_follows_its_recursions(history: np.ndarray) -> None:
    expected = holt_by_hand(history.reshape(12, 10).max(axis=1))
    assert make_forecast("holt").predict(history, np.array([])) == pytest.approx(expected, abs=1e-9)


def test_holt_never_predicts_below_zero() -> None:
    falling = np.repeat(np.array([100.0, 80, 60, 40, 20, 10, 5, 2, 0, 0, 0, 0]), 10)
    assert make_forecast("holt").predict(falling, np.array([])) >= 0.0


def test_only_perfect_sees_the_future() -> None:
    for name in FORECASTS:
        here, there = (make_forecast(name).predict(HISTORY, future) for future in (FUTURE, FUTURE + 50))
        assert (here != there) == (name == "perfect"), name


def test_unknown_forecast_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'reactive'"):
        make_forecast("reactiv")
