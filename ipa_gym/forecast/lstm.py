"""`Lstm`: the paper's load predictor with trained weights, without torch.

The weights are a file: the shipped one (``agents/trained/forecaster.safetensors``) or the user's own, as
``ipa-gym train-forecaster`` writes it. Read once a process, when first used. The arithmetic: `lstm_kernel.py`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ipa_gym import catalog
from ipa_gym.errors import WeightsError
from ipa_gym.forecast.lstm_file import read_network
from ipa_gym.forecast.lstm_kernel import Network, predict_range


def shipped_weights() -> Path:
    """Where the weights lie that the forecast ``lstm`` uses."""
    return catalog.content_folder("agents") / "trained" / "forecaster.safetensors"


class Lstm:
    """The paper's predictor: an LSTM over the last 120 s as 12 maxima of 10 s.

    Args:
        network: its weights; None: the shipped ones.
    Raises: WeightsError naming file, field, value and what is expected.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or _read_once(shipped_weights())
        self._work = np.empty(6 * len(self._network.dense))

    def predict(self, history_rps: NDArray[np.float64], future_rps: NDArray[np.float64]) -> float:
        """Highest load of the next 20 s, requests/s; shapes as in `Forecast`."""
        return float(self.predict_many(history_rps[None, :])[0])

    def predict_many(self, histories_rps: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for many; shapes as in `ManyForecasts`."""
        predicted = np.empty(len(histories_rps))
        predict_range(self._network, np.ascontiguousarray(histories_rps), self._work, predicted)
        return predicted


def of_file(path: Path) -> Lstm:
    """The predictor with the weights of the user's own file. Raises: WeightsError."""
    return Lstm(_read_once(path))


def _read_once(path: Path) -> Network:
    """The weights in a file, read when first asked for and when the file has been written anew."""
    try:
        found = path.stat()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}; expected a file of weights") from error
    return _read(path.absolute(), (found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=16)
def _read(path: Path, stamp: tuple[int, int]) -> Network:  # the stamp is part of the key only
    return read_network(path)
