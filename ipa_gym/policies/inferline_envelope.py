"""Traffic envelopes of InferLine's tuner, in what an observation shows of the load: pure functions.

A traffic envelope is the highest rate in any window of a length, for lengths that double. The observation tells of each
10 s the busiest second alone, so a window here is some of these 10 s, and its rate is the mean of their busiest
seconds. The envelope of the planning sample is made in the same way, so that like is compared with like. What to do
about an excess: `inferline.py`.
Source: Crankshaw et al., InferLine (SoCC 2020, arXiv 1812.01776), high-frequency tuning; windows double up to 60 s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ipa_gym.observation import HISTORY_BIN_S

WINDOW_BINS = (1, 2, 4, 6)  # 10, 20, 40 s, and the 60 s at which InferLine's doubling ends
SCALE_DOWN_BINS = 3  # the last 30 s, whose highest rate is what is left to carry
_CEILING_TOLERANCE = 1e-9  # replicas: float noise in a ratio must not start another one

FloatArray = NDArray[np.float64]


def busiest_seconds(counts: NDArray[np.int64]) -> FloatArray:
    """The busiest second of the last 10 s, as an observation at each second would show it.

    Args:
        counts: int64 (n,), requests of each second; n >= 10.
    Returns: float64 (n - 9,), requests/s.
    """
    windows = np.lib.stride_tricks.sliding_window_view(counts, HISTORY_BIN_S)
    highest: FloatArray = windows.max(axis=1).astype(np.float64)
    return highest


def sample_envelope(counts: NDArray[np.int64]) -> tuple[float, ...]:
    """The envelope of a load: for each window of `WINDOW_BINS` the highest rate that an observation could show.

    Args:
        counts: int64 (n,), requests of each second; n >= 60.
    Returns: requests/s, one a window.
    """
    shown = busiest_seconds(counts)
    found = []
    for bins in WINDOW_BINS:
        places = len(shown) - (bins - 1) * HISTORY_BIN_S
        rates = sum(shown[i * HISTORY_BIN_S : i * HISTORY_BIN_S + places] for i in range(bins)) / bins
        found.append(float(np.max(rates)))
    return tuple(found)


def observed_envelope(load_history_rps: Sequence[float] | FloatArray) -> tuple[float, ...]:
    """The rates of the newest window of each length: the mean of the newest bins of an observation's load history."""
    newest_first = [float(value) for value in load_history_rps][::-1]
    return tuple(sum(newest_first[:bins]) / bins for bins in WINDOW_BINS)


def excess_rps(observed: Sequence[float], planned: Sequence[float]) -> float | None:
    """The highest observed rate among the windows that exceed the plan's; None where none does."""
    return max((rate for rate, limit in zip(observed, planned, strict=True) if rate > limit), default=None)


def replicas_for(rate_rps: float, throughput_rps: float, ratio: float) -> int:
    """ceil(rate / (μ · ρ)), at least 1.

    Args:
        rate_rps: to carry.
        throughput_rps: μ, of one replica.
        ratio: ρ, how much of its throughput the plan gives a replica to do, > 0.
    """
    return max(1, math.ceil(rate_rps / (throughput_rps * ratio) - _CEILING_TOLERANCE))
