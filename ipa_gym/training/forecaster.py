"""`train_forecaster`: fits the paper's load predictor to a trace's training days and scores it on its test days.

Adam on the mean squared error in requests/s. After every epoch the network is scored on the validation part, and the
best epoch's weights are kept. The same arguments give the same weights. Next: `forecaster_report.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ipa_gym.errors import OptionError
from ipa_gym.forecast.lstm_file import ARRAYS
from ipa_gym.forecast.lstm_kernel import BIN_S, BINS, Network
from ipa_gym.training.forecast_examples import Examples, mixed_examples, trace_parts
from ipa_gym.training.forecaster_network import ForecasterNetwork
from ipa_gym.training.torch_thread import one_torch_thread
from ipa_gym.workload.trace import Trace

LEARNING_RATE = 0.001  # Adam's default
_UNIT_RPS = 8.0  # errors are counted in it, so that squares are near 1 under loads like the shipped ones

OnProgress = Callable[[int, int], None]  # epochs done, of how many


@dataclass(frozen=True, slots=True)
class ForecasterSettings:
    """How to train.

    Raises: OptionError for a number that is out of its range.
    """

    epochs: int = 30  # the paper's
    batch: int = 64  # the paper's
    seed: int = 0  # of the initial weights, the order of examples and the arrivals drawn

    def __post_init__(self) -> None:
        for name, lowest in (("epochs", 1), ("batch", 1), ("seed", 0)):
            found: Any = getattr(self, name)  # Any: whatever the user gave
            if isinstance(found, bool) or not isinstance(found, int) or found < lowest:
                raise OptionError(f"{name} is {found!r}; expected a whole number of at least {lowest}")


@dataclass(frozen=True, slots=True, eq=False)
class TrainedForecaster:
    """What training gives."""

    arrays: Mapping[str, NDArray[np.float32]]  # weights, by the names of `ipa_gym.forecast.lstm_file`
    validation_rmse_rps: tuple[float, ...]  # after each epoch
    best_epoch: int  # from 1: the one whose weights these are


@dataclass(frozen=True, slots=True, eq=False)
class _Tensors:
    """Examples as the network sees them: n rows, in shares of each one's scale."""

    shares: Tensor  # float32 (n, 12)
    target: Tensor  # float32 (n,)
    scale: Tensor  # float32 (n,), requests/s, the highest of the history


def train_forecaster(
    trace: Trace,
    settings: ForecasterSettings | None = None,
    *,
    train_fraction: float | None = None,
    on_progress: OnProgress | None = None,
) -> TrainedForecaster:
    """Train on the first part of the trace's training days, choose the epoch on their last part.

    Args:
        train_fraction: what goes to training of a trace without splits; None: two thirds.
        on_progress: told after each epoch.
    Raises: TraceError if the trace is too short to be parted.
    """
    settings, parts = settings or ForecasterSettings(), trace_parts(trace, train_fraction=train_fraction)
    fit, validation = (
        _tensors(mixed_examples(trace, parts[name], seed=settings.seed)) for name in ("fit", "validation")
    )
    generator = torch.Generator().manual_seed(settings.seed)
    network = ForecasterNetwork(generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    errors: list[float] = []
    best = network.arrays()
    with one_torch_thread():
        for epoch in range(settings.epochs):
            _learn_epoch(network, optimiser, fit, batch=settings.batch, generator=generator)
            error_rps = _rmse_rps(network, validation)
            if error_rps < min(errors, default=np.inf):
                best = network.arrays()
            errors.append(error_rps)
            if on_progress is not None:
                on_progress(epoch + 1, settings.epochs)
    return TrainedForecaster(best, tuple(errors), 1 + int(np.argmin(errors)))


def network_of(arrays: Mapping[str, NDArray[np.float32]]) -> Network:
    """Weights by name as the kernel takes them."""
    return Network(*(np.ascontiguousarray(arrays[name], dtype=np.float64) for name in ARRAYS))


def _learn_epoch(
    network: ForecasterNetwork,
    optimiser: torch.optim.Optimizer,
    examples: _Tensors,
    *,
    batch: int,
    generator: torch.Generator,
) -> None:
    """Go through all examples once, in random order."""
    for chosen in torch.split(torch.randperm(len(examples.target), generator=generator), batch):
        error = network(examples.shares[chosen]) - examples.target[chosen]
        loss = (error * examples.scale[chosen]).square().mean() / _UNIT_RPS**2
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
        optimiser.step()


def _rmse_rps(network: ForecasterNetwork, examples: _Tensors) -> float:
    with torch.no_grad():
        error = (torch.relu(network(examples.shares)) - examples.target) * examples.scale
    return float(error.double().square().mean().sqrt())


def _tensors(examples: Examples) -> _Tensors:
    """The 12 maxima of 10 s and what followed, as shares of the highest of them; where that is 0, they do not count."""
    maxima = examples.histories_rps.reshape(-1, BINS, BIN_S).max(axis=2)
    scale = maxima.max(axis=1)
    divisor = np.where(scale > 0, scale, 1.0)
    numbers = (maxima / divisor[:, None], examples.targets_rps / divisor, scale)
    return _Tensors(*(torch.tensor(array, dtype=torch.float32) for array in numbers))
