"""Trains a load predictor for the command line: progress to stderr, the forecasts' figures to stdout."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.commands.forecast_views import forecast_tables
from ipa_gym.commands.terminal import note, print_json, progress_bar, show
from ipa_gym.training import ForecasterReport, ForecasterSettings, train_to_file
from ipa_gym.workload.loading import load_trace


@dataclass(frozen=True, slots=True)
class ForecasterRequest:
    """What the command line asks for, in its own words."""

    trace: str
    scale: float
    key: str | None
    column: str | None
    train_fraction: float | None
    epochs: int
    batch: int
    seed: int


def run_and_show(request: ForecasterRequest, out: Path, *, as_json: bool) -> None:
    """Train, write, print."""
    settings = ForecasterSettings(epochs=request.epochs, batch=request.batch, seed=request.seed)
    trace = load_trace(request.trace, scale=request.scale, key=request.key, column=request.column)
    with progress_bar("epochs") as on_progress:
        report = train_to_file(
            trace,
            out,
            settings,
            train_fraction=request.train_fraction,
            command=shlex.join(["ipa-gym", *sys.argv[1:]]),
            on_progress=on_progress,
        )
    if as_json:
        print_json({"file": str(out), **report.as_data()})
    else:
        show(*forecast_tables(report.trace, report.scores))
    note(_summary(report))


def _summary(report: ForecasterReport) -> str:
    epochs = f"epoch {report.trained.best_epoch} of {report.settings.epochs} was best on the validation part"
    return f"{epochs}; wrote {report.path}, use it with --forecast {report.path}"
