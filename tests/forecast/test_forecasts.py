"""Forecasts against numbers worked by hand."""

import numpy as np
import pytest

from ipa_gym.errors import UnknownNameError
from ipa_gym.forecast import FORECASTS, make_forecast
from ipa_gym.forecast.compiled import SMOOTHING_LEVEL, SMOOTHING_TREND

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


@pytest.mark.parametrize("seed", range(30))
def test_holt_equals_statsmodels(seed: int) -> None:
    from statsmodels.tsa.holtwinters import Holt

    rng = np.random.default_rng(seed)
    history = rng.poisson(rng.choice([0.1, 3.0, 50.0]) * rng.uniform(0, 2, 12).repeat(10)).astype(float)
    maxima = history.reshape(12, 10).max(axis=1)
    model = Holt(maxima, initialization_method="known", initial_level=maxima[0], initial_trend=0.0)
    with np.errstate(divide="ignore"):  # a perfect fit has no finite information criterion, which nobody reads
        steps = model.fit(smoothing_level=0.8, smoothing_trend=0.2, optimized=False).forecast(2)
    expected = max(0.0, float(steps.max()))
    assert make_forecast("holt").predict(history, FUTURE) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_holt_leads_a_rise_and_a_fall_by_its_trend() -> None:
    rising = np.repeat(np.arange(12.0) * 10, 10)
    assert make_forecast("holt").predict(rising, FUTURE) > 110.0 + 10
    assert make_forecast("holt").predict(rising[::-1].copy() + 200, FUTURE) < 200.0


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
