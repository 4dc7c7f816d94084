"""The forecasts by name, and the protocol that they share.

A forecast predicts the highest per-second load of the next 20 s from the last 120 s. ``perfect`` alone may look at
what will come. Wherever a name is taken, a file of the user's own weights for ``lstm`` is taken too. Next: `simple.py`,
`lstm.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import UnknownNameError, unknown_name

HORIZON_S = 20  # seconds ahead whose maximum is predicted (IPA's predictor)
PEEKING = "perfect"  # the one that looks at what will come
WEIGHTS_SUFFIX = ".safetensors"  # of a file of weights given in place of a name


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


@runtime_checkable
class ManyForecasts(Protocol):
    """What a forecast that does not look ahead may have besides: an answer for many environments in one call."""

    def predict_many(self, histories_rps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Highest load of the next 20 s for each history, the same floats as from `Forecast.predict`.

        Args:
            histories_rps: float64 (n, 120), requests in each of the last 120 s, the newest last.
        Returns: float64 (n,), requests/s.
        """
        ...


FORECASTS: Mapping[str, str] = {  # name in cards and options -> where it lives
    "reactive": "ipa_gym.forecast.simple:Reactive",
    "max": "ipa_gym.forecast.simple:WindowMaximum",
    "holt": "ipa_gym.forecast.simple:Holt",
    "lstm": "ipa_gym.forecast.lstm:Lstm",
    PEEKING: "ipa_gym.forecast.simple:Perfect",
}
_OF_FILE = "ipa_gym.forecast.lstm:of_file"


def forecast_name(name_or_path: str | Path, *, folder: Path | None = None) -> str:
    """The one name by which a forecast is known everywhere: as given, or the full path of a file of weights.

    Args:
        name_or_path: a key of `FORECASTS`, or a .safetensors file.
        folder: that a relative path starts from; None: the working folder.
    Raises: UnknownNameError if it is neither, suggesting the nearest name.
    """
    text = str(name_or_path)
    if text in FORECASTS:
        return text
    if not text.endswith(WEIGHTS_SUFFIX):
        error = unknown_name("forecast", text, FORECASTS)
        raise UnknownNameError(f"{error} A file of weights ({WEIGHTS_SUFFIX}) may stand in place of a name.")
    path = (folder or Path()) / Path(text).expanduser()
    if not path.is_file():
        raise UnknownNameError(f"forecast: no file {str(path)!r}; give a path to a file or one of {known_forecasts()}")
    return str(path.resolve())


def honest_forecasts() -> tuple[str, ...]:
    """The names of those that do not look ahead."""
    return tuple(name for name in FORECASTS if name != PEEKING)


def known_forecasts() -> str:
    """The names, for messages."""
    return ", ".join(FORECASTS)


def make_forecast(name_or_path: str | Path) -> Forecast:
    """Build a forecast: one of `FORECASTS`, or the paper's LSTM with the weights of a file.

    Raises: UnknownNameError as `forecast_name`; WeightsError for a file that does not hold such weights.
    """
    name = forecast_name(name_or_path)
    module, _, attribute = FORECASTS.get(name, _OF_FILE).partition(":")
    build = getattr(import_module(module), attribute)
    forecast: Forecast = build() if name in FORECASTS else build(Path(name))
    return forecast
