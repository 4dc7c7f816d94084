"""`train_to_file`: trains the paper's predictor, writes its weights, and scores it beside the other forecasts.

The file's header says what the weights were trained on and how, and their figures on the test days, so that a file can
be judged without this program. Needs torch. Next: `forecaster.py` (training), `forecast_scores.py` (figures).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ipa_gym import __version__
from ipa_gym.errors import OptionError
from ipa_gym.files import check_output_folder
from ipa_gym.forecast import FORECASTS, WEIGHTS_SUFFIX, Forecast, make_forecast
from ipa_gym.forecast.lstm import Lstm
from ipa_gym.forecast.lstm_file import write_network
from ipa_gym.training.forecast_examples import Range, trace_parts
from ipa_gym.training.forecast_scores import ForecastScore, score_forecasts
from ipa_gym.training.forecaster import (
    ForecasterSettings,
    OnProgress,
    TrainedForecaster,
    network_of,
    train_forecaster,
)
from ipa_gym.training.forecaster_network import UNITS
from ipa_gym.workload.trace import Trace

SCORED_PARTS = ("validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class ForecasterReport:
    """What was trained, and how well it and the others predict."""

    path: Path
    trace: str
    parts: Mapping[str, Range]  # seconds of the trace
    settings: ForecasterSettings
    trained: TrainedForecaster
    scores: Mapping[str, list[ForecastScore]]  # by part, of all forecasts

    def as_data(self) -> dict[str, Any]:  # Any: what JSON can hold
        """All but the weights, for JSON."""
        return {
            "trace": self.trace,
            "parts": {name: list(seconds) for name, seconds in self.parts.items()},
            **asdict(self.settings),
            "units": UNITS,
            "best_epoch": self.trained.best_epoch,
            "validation_rmse_rps": list(self.trained.validation_rmse_rps),
            "scores": {part: [asdict(score) for score in scores] for part, scores in self.scores.items()},
        }


def train_to_file(
    trace: Trace,
    path: Path,
    settings: ForecasterSettings | None = None,
    *,
    train_fraction: float | None = None,
    command: str = "",
    on_progress: OnProgress | None = None,
) -> ForecasterReport:
    """Train, score and write a file that can stand wherever a forecast's name can.

    Args:
        path: of the file; it ends with .safetensors.
        settings, train_fraction, on_progress: as in `train_forecaster`.
        command: that asked for it, for the file's header.
    Raises: OptionError for a path that cannot be written; TraceError as `train_forecaster`.
    """
    if path.suffix != WEIGHTS_SUFFIX:
        raise OptionError(f"--out is {str(path)!r}; expected a name that ends with {WEIGHTS_SUFFIX}")
    check_output_folder(path.parent)
    settings, parts = settings or ForecasterSettings(), trace_parts(trace, train_fraction=train_fraction)
    trained = train_forecaster(trace, settings, train_fraction=train_fraction, on_progress=on_progress)
    forecasts: dict[str, Forecast] = {name: make_forecast(name) for name in FORECASTS if name != "lstm"}
    forecasts["lstm"] = Lstm(network_of(trained.arrays))
    asked = {name: forecasts[name] for name in FORECASTS}
    scores = {part: score_forecasts(trace, parts[part], forecasts=asked, seed=settings.seed) for part in SCORED_PARTS}
    report = ForecasterReport(path, trace.name, parts, settings, trained, scores)
    write_network(path, trained.arrays, _about(report, command))
    return report


def _about(report: ForecasterReport, command: str) -> dict[str, Any]:  # Any: what JSON can hold
    """The file's header: everything but the others' scores."""
    own = {
        part: {score.arrivals: round(score.smape_percent, 3) for score in scores if score.forecast == "lstm"}
        for part, scores in report.scores.items()
    }
    data = {name: value for name, value in report.as_data().items() if name not in ("scores", "validation_rmse_rps")}
    return {
        "predicts": "highest requests/s of the next 20 s, from 12 maxima of 10 s as shares of their highest",
        **data,
        "smape_percent": own,
        "command": command,
        "ipa_gym": __version__,
    }
