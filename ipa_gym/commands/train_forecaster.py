"""``ipa-gym train-forecaster``: the paper's load predictor, trained on a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

TraceName = Annotated[str, typer.Option("--trace", "-t", help="Trace: a name or a path.")]
TrainFraction = Annotated[
    float | None,
    typer.Option(help="Part of a trace without splits that is for training; by default two thirds."),
]
Epochs = Annotated[int, typer.Option(help="Times that every example is seen.")]
Batch = Annotated[int, typer.Option(help="Examples in one step of the optimiser.")]
Seed = Annotated[int, typer.Option(help="Seed of the initial weights and of the order of examples.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the weights go; ends with .safetensors.")]


def train_forecaster(
    trace: TraceName = "twitter-like",
    epochs: Epochs = 30,
    batch: Batch = 64,
    seed: Seed = 0,
    out: Out = Path("forecaster.safetensors"),
    as_json: o.AsJson = False,
    scale: o.Scale = 1.0,
    key: o.Key = None,
    column: o.Column = None,
    train_fraction: TrainFraction = None,
) -> None:
    """Train the paper's LSTM on a load's training days, and compare it with the other forecasts on its test days.

    The file that it writes can stand wherever a forecast's name can. Takes some minutes; needs the extra `train`.

    [b]Examples[/b]

      ipa-gym train-forecaster
      ipa-gym train-forecaster --trace counts.csv --train-fraction 0.7 --out mine.safetensors
      ipa-gym evaluate --forecast mine.safetensors
    """
    from ipa_gym.commands.train_forecaster_run import ForecasterRequest, run_and_show

    request = ForecasterRequest(trace, scale, key, column, train_fraction, epochs, batch, seed)
    run_and_show(request, out, as_json=as_json)
