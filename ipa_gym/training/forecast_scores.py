"""How well forecasts predict: SMAPE, RMSE, how often and how far they lie too low.

All are asked about the same examples. ``perfect`` stands in the table as the bound that it is: zero everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.forecast import FORECASTS, Forecast, ManyForecasts, make_forecast
from ipa_gym.training.forecast_examples import Examples, Range, cut_examples
from ipa_gym.workload.arrivals import ArrivalKind
from ipa_gym.workload.trace import Trace

SCORED_ARRIVALS: tuple[ArrivalKind, ...] = ("exact", "poisson")  # the trace's counts, and as the environment draws


@dataclass(frozen=True, slots=True)
class ForecastScore:
    """A forecast's errors over some seconds of a load."""

    forecast: str
    arrivals: ArrivalKind
    smape_percent: float  # see `smape_percent`
    rmse_rps: float
    too_low_percent: float  # of the examples: less was predicted than came
    shortfall_rps: float  # mean of what was missing, 0 where enough was predicted
    n_examples: int


def score_forecasts(
    trace: Trace, seconds: Range, *, forecasts: Mapping[str, Forecast] | None = None, seed: int = 0
) -> list[ForecastScore]:
    """Score forecasts on some seconds of a trace, under each of `SCORED_ARRIVALS`.

    Args:
        forecasts: by the name that the scores shall have; None: all of `FORECASTS`.
        seed: of the arrivals drawn.
    """
    asked = forecasts if forecasts is not None else {name: make_forecast(name) for name in FORECASTS}
    scores = []
    for kind in SCORED_ARRIVALS:
        examples = cut_examples(trace, seconds, arrivals=kind, seed=seed)
        scores += [score(name, kind, _predict_all(asked[name], examples), examples.targets_rps) for name in asked]
    return scores


def score(
    forecast: str, arrivals: ArrivalKind, predicted_rps: NDArray[np.float64], target_rps: NDArray[np.float64]
) -> ForecastScore:
    """Errors of predictions, float64 (n,), against what came."""
    error = predicted_rps - target_rps
    return ForecastScore(
        forecast=forecast,
        arrivals=arrivals,
        smape_percent=smape_percent(predicted_rps, target_rps),
        rmse_rps=float(np.sqrt(np.mean(error**2))),
        too_low_percent=100.0 * float(np.mean(error < 0)),
        shortfall_rps=float(np.mean(np.maximum(0.0, -error))),
        n_examples=len(error),
    )


def smape_percent(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Symmetric mean absolute percentage error, from 0 (all right) to 200.

    100 · the mean of |p − t| over the mean of |p| and |t|; 0 where both are 0.
    """
    size = (np.abs(predicted) + np.abs(target)) / 2
    relative = np.divide(np.abs(predicted - target), size, out=np.zeros_like(size), where=size > 0)
    return 100.0 * float(relative.mean())


def _predict_all(forecast: Forecast, examples: Examples) -> NDArray[np.float64]:
    if isinstance(forecast, ManyForecasts):
        return forecast.predict_many(examples.histories_rps)
    pairs = zip(examples.histories_rps, examples.futures_rps, strict=True)
    return np.array([forecast.predict(history, future) for history, future in pairs])
