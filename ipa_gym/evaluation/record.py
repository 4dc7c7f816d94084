"""`WindowRecord`: keeps what happens in the windows, interval by interval, and sums it up as `WindowResults`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import METRICS
from ipa_gym.evaluation.results import WindowResults
from ipa_gym.stepping.arrays import Outputs

COLUMN = {name: place for place, name in enumerate(METRICS)}


class WindowRecord:
    """Room for all intervals of all windows.

    Args:
        n_intervals: of a window.
        initial_actions: int64 (n_windows, 3 · n_stages), what serves at the start.
    """

    def __init__(self, n_intervals: int, initial_actions: NDArray[np.int64]) -> None:
        shape = (n_intervals, len(initial_actions))
        self._rewards, self._decision_s = np.empty(shape), np.empty(shape)
        self._metrics = np.empty((*shape, len(METRICS)))
        self._latency_s: list[list[NDArray[np.float64]]] = []  # interval by interval, window by window
        self._before = initial_actions
        self._changes = np.zeros(len(initial_actions))

    def add(
        self,
        actions: NDArray[np.int64],
        outputs: Outputs,
        *,
        latency_s: list[NDArray[np.float64]],
        decision_s: NDArray[np.float64],
    ) -> None:
        """Keep the next interval.

        Args:
            actions: int64 (n_windows, 3 · n_stages), what was decided.
            outputs: what came of it, copied.
            latency_s: of each window, the latencies of its completed requests.
            decision_s: float64 (n_windows,), how long each decision took.
        """
        index = len(self._latency_s)
        self._rewards[index], self._metrics[index] = outputs.reward, outputs.metrics
        self._latency_s.append(latency_s)
        self._decision_s[index] = decision_s
        self._changes += (actions != self._before).any(axis=1)
        self._before = actions.copy()

    def results(self, starts: NDArray[np.int64]) -> WindowResults:
        """Sum up the windows, which begin at these seconds, after their last interval."""
        arrivals = self._total("arrivals")
        latencies = [np.concatenate(parts) for parts in zip(*self._latency_s, strict=True)]
        return WindowResults(
            starts=np.array(starts, dtype=np.int64),
            reward_mean=_means(self._rewards),
            pas=_means(self._metrics[:, :, COLUMN["pas"]]),
            cost_cores=_means(self._metrics[:, :, COLUMN["cost_cores"]]),
            violations_percent=100 * self._total("violations") / np.maximum(arrivals, 1),
            drops_percent=100 * self._total("dropped") / np.maximum(arrivals, 1),
            latency_mean_s=np.array([values.mean() if values.size else math.nan for values in latencies]),
            latency_p99_s=np.array([np.percentile(values, 99) if values.size else math.nan for values in latencies]),
            reconfigurations=self._changes,
            decision_ms=1000 * self._decision_s.mean(axis=0),
            arrivals=arrivals.astype(np.int64),
        )

    def _total(self, name: str) -> NDArray[np.float64]:
        summed: NDArray[np.float64] = self._metrics[:, :, COLUMN[name]].sum(axis=0)
        return summed


def _means(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over the intervals, each sum rounded once: (n_intervals, n_windows) to (n_windows,)."""
    return np.array([math.fsum(column) / len(column) for column in table.T.tolist()])
