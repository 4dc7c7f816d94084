"""The paper's LSTM, compiled: from 12 maxima of 10 s to the maximum of the next 20 s.

Keras' arithmetic for ``LSTM(units, activation="relu")`` and a dense output, in float64 and in one fixed order, so that
one history alone and the same among thousands give the same floats. Trained by `ipa_gym/training/forecaster.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.compiling import compiled, released
from ipa_gym.forecast.compiled import highest

BIN_S = 10  # seconds that one maximum covers
BINS = 12  # maxima that the network sees


class Network(NamedTuple):
    """Weights; U units. Gates lie one after another as in Keras: input, forget, candidate, output."""

    input: NDArray[np.float64]  # (4U,) from the one input to the gates
    recurrent: NDArray[np.float64]  # (U, 4U) from the units' outputs to the gates
    bias: NDArray[np.float64]  # (4U,)
    dense: NDArray[np.float64]  # (U,)
    dense_bias: NDArray[np.float64]  # (1,)


@compiled
def _sigmoid(x: float) -> float:
    """The logistic function to 3e-15: exp(-x) is the series of exp(-x / 64), squared six times.

    Without a library's exp the compiler computes four at once, and every machine gives the same floats.
    """
    y = min(max(x, -40.0), 40.0) * (-1.0 / 64.0)
    rest = 1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (1 / 5040 + y * (1 / 40320))))
    power = 1.0 + y * (1.0 + y * (1 / 2 + y * (1 / 6 + y * rest)))
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    power *= power
    return 1.0 / (1.0 + power)


@compiled
def _advance(network: Network, value: float, gates: Any, hidden: Any, cell: Any) -> None:  # Any: float64 arrays
    """One step of the sequence: ``hidden`` and ``cell`` after they have seen ``value``."""
    units = network.dense.shape[0]
    for j in range(4 * units):
        gates[j] = network.bias[j] + value * network.input[j]
    for k in range(units):
        if hidden[k] != 0.0:  # after a ReLU many are; adding their zeros would change nothing
            for j in range(4 * units):
                gates[j] += hidden[k] * network.recurrent[k, j]
    for j in range(2 * units):
        gates[j] = _sigmoid(gates[j])
    for j in range(3 * units, 4 * units):
        gates[j] = _sigmoid(gates[j])
    for j in range(units):
        cell[j] = gates[units + j] * cell[j] + gates[j] * max(0.0, gates[2 * units + j])
        hidden[j] = gates[3 * units + j] * max(0.0, cell[j])


@compiled
def _predict(network: Network, history: Any, work: Any) -> float:  # Any: float64 arrays
    """Highest load of the next 20 s, never below zero; zero where nothing arrived for 120 s.

    The network works in shares of the highest load in sight, so that the load's scale does not matter.
    """
    units = network.dense.shape[0]
    gates, hidden, cell = work[: 4 * units], work[4 * units : 5 * units], work[5 * units : 6 * units]
    for j in range(units):
        hidden[j] = cell[j] = 0.0
    scale = highest(history, 0, BINS * BIN_S)
    if scale <= 0.0:
        return 0.0
    for first in range(0, BINS * BIN_S, BIN_S):
        _advance(network, highest(history, first, first + BIN_S) / scale, gates, hidden, cell)
    share = float(network.dense_bias[0])
    for k in range(units):
        share += hidden[k] * network.dense[k]
    return float(max(0.0, share * scale))


@released
def predict_range(
    network: Network,
    histories: Any,  # float64[n, 120]  in, requests in each of the last seconds, the newest last
    work: Any,  # float64[6U]      working space
    predicted_rps: Any,  # float64[n]       out
) -> None:
    """Predict for every history, one after another."""
    for i in range(histories.shape[0]):
        predicted_rps[i] = _predict(network, histories[i], work)
