"""Load predictors: what the next seconds will bring, from the load so far. See `base.py` for the table."""

from ipa_gym.forecast.base import (
    FORECASTS,
    HORIZON_S,
    PEEKING,
    WEIGHTS_SUFFIX,
    Forecast,
    ManyForecasts,
    forecast_name,
    honest_forecasts,
    known_forecasts,
    make_forecast,
)

__all__ = [
    "FORECASTS",
    "HORIZON_S",
    "PEEKING",
    "WEIGHTS_SUFFIX",
    "Forecast",
    "ManyForecasts",
    "forecast_name",
    "honest_forecasts",
    "known_forecasts",
    "make_forecast",
]
