"""What windows gave: `WindowResults`, a number a window and metric, and `METRICS`, how each metric is shown.

Counts and means are those of the benchmark's episodes (`ipa_gym/benchmark/episode.py`), float for float.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]  # (n_windows,)


@dataclass(frozen=True, slots=True, eq=False)
class WindowResults:
    """One agent on all windows; every array is (n_windows,). Means are over a window's intervals or requests."""

    starts: NDArray[np.int64]  # first second of each window in the trace
    reward_mean: Floats  # per interval
    pas: Floats  # fraction
    cost_cores: Floats
    violations_percent: Floats  # of the window's arrivals; 0 where none came
    drops_percent: Floats  # of the window's arrivals
    latency_mean_s: Floats  # over the completed requests; NaN: none completed
    latency_p99_s: Floats  # the 99th percentile of all completed requests; NaN: none completed
    reconfigurations: Floats  # decisions that differ from the one before; the first, from what served at the start
    decision_ms: Floats  # wall time of one decision; of a decision for all windows at once, its share
    arrivals: NDArray[np.int64]  # requests

    @property
    def n_windows(self) -> int:
        """How many windows."""
        return len(self.starts)

    def metric(self, name: str) -> Floats:
        """The numbers (n_windows,) of one of `METRICS`."""
        values: Floats = getattr(self, name)
        return values


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the table."""

    name: str  # field of `WindowResults`
    header: str
    digits: int
    factor: float = 1.0  # shown = factor x value


METRICS: tuple[Metric, ...] = (
    Metric("reward_mean", "reward", 2),
    Metric("pas", "PAS %", 2, factor=100.0),
    Metric("cost_cores", "cost cores", 2),
    Metric("violations_percent", "SLA viol. %", 2),
    Metric("drops_percent", "drops %", 2),
    Metric("latency_mean_s", "latency mean s", 2),
    Metric("latency_p99_s", "latency p99 s", 2),
    Metric("reconfigurations", "reconf.", 1),
    Metric("decision_ms", "decision ms", 3),
)
