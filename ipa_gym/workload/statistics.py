"""What a load looks like, as data: level, spread, memory, daily shape and bursts of counts per second.

Pure functions over int64 (n_seconds,) arrays. Used by the trace cards, which put a trace's figures beside the real
load's, and by `ipa_gym.workload.figures`. Nothing is printed or drawn here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import TraceError
from ipa_gym.workload.trace import IntArray

FloatArray = NDArray[np.float64]
DAY_S = 86_400
HOUR_S = 3_600
ACF_LAGS_S = (1, 10, 30, 60, 120, 300)
BURST_BIN_S = 10  # bursts are found in means of ten seconds
BURST_FACTOR = 1.5  # a burst is where they exceed the usual level by this factor ...
BURST_SHORTEST_S = 30  # ... for at least so long,
BURST_GAP_S = 60  # shorter breaks bridged
USUAL_LEVEL_S = 3_600  # the usual level is the lower quartile of blocks of this length


@dataclass(frozen=True, slots=True)
class BurstStatistics:
    """Bursts of a load: stretches of 30 s or more above 1.5 times the lower quartile of the hour.

    Durations in seconds; heights in requests/s above the usual level, upper quartile within each burst.
    """

    n_bursts: int
    duration_mean_s: float
    duration_median_s: float
    height_mean_rps: float
    height_sd_rps: float
    share_of_time: float


@dataclass(frozen=True, slots=True)
class TraceStatistics:
    """Figures of a load in requests per second; ``None`` where the load is too short for them.

    Attributes:
        n_seconds: length, seconds.
        requests: total.
        mean_rps, sd_rps, min_rps, max_rps: of the counts per second; sd divides by n.
        peak_to_mean: max / mean.
        dispersion: variance / mean of the counts; 1 for a Poisson process of constant rate.
        acf: autocorrelation at each of `ACF_LAGS_S`; None beyond half the length, or for constant counts.
        hourly_mean_rps: 24 means by hour of the day, from whole days; two days at least.
        daily_mean_sd_rps: standard deviation of the whole days' means; two days at least.
        bursts: stretches far above the usual level.
    """

    n_seconds: int
    requests: int
    mean_rps: float
    sd_rps: float
    min_rps: int
    max_rps: int
    peak_to_mean: float
    dispersion: float
    acf: tuple[float | None, ...]
    hourly_mean_rps: tuple[float, ...] | None
    daily_mean_sd_rps: float | None
    bursts: BurstStatistics

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return asdict(self)


def trace_statistics(counts: IntArray) -> TraceStatistics:
    """Statistics of counts per second: int64 (n_seconds,). Raises: TraceError if there are none."""
    if counts.ndim != 1 or counts.size == 0:
        raise TraceError(f"counts have shape {counts.shape}; expected one row of at least one second")
    mean = float(counts.mean())
    days = whole_days(counts)
    return TraceStatistics(
        n_seconds=len(counts),
        requests=int(counts.sum()),
        mean_rps=mean,
        sd_rps=float(counts.std()),
        min_rps=int(counts.min()),
        max_rps=int(counts.max()),
        peak_to_mean=float(counts.max()) / mean if mean else 0.0,
        dispersion=float(counts.var()) / mean if mean else 0.0,
        acf=tuple(autocorrelation(counts, lag) for lag in ACF_LAGS_S),
        hourly_mean_rps=None if days is None else hourly_profile(days),
        daily_mean_sd_rps=None if days is None else float(days.mean(axis=1).std()),
        bursts=burst_statistics(counts),
    )


def autocorrelation(counts: IntArray, lag_s: int) -> float | None:
    """Autocorrelation at one lag: mean product of deviations ``lag_s`` apart, over the variance.

    Returns: None if the lag exceeds half the length or the counts are constant.
    """
    deviation = counts - counts.mean()
    variance = float(np.mean(deviation * deviation))
    if variance == 0.0 or not 0 < lag_s <= len(counts) // 2:
        return None
    return float(np.mean(deviation[:-lag_s] * deviation[lag_s:])) / variance


def whole_days(counts: IntArray) -> IntArray | None:
    """Counts of the whole days from the first second: int64 (n_days, 86400); None if fewer than two."""
    n_days = len(counts) // DAY_S
    return counts[: n_days * DAY_S].reshape(n_days, DAY_S) if n_days >= 2 else None


def hourly_profile(days: IntArray) -> tuple[float, ...]:
    """Mean by hour of the day, requests/s, of whole days (n_days, 86400)."""
    return tuple(float(x) for x in days.reshape(len(days), 24, HOUR_S).mean(axis=(0, 2)))


def burst_statistics(counts: IntArray) -> BurstStatistics:
    """Find the bursts of counts (n_seconds,) and sum them up; zeros where there are none."""
    level, usual = _levels(counts)
    spans = _burst_spans(level > BURST_FACTOR * usual)
    if not spans:
        return BurstStatistics(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    durations = np.array([(stop - start) * BURST_BIN_S for start, stop in spans], dtype=np.float64)
    heights = np.array([np.percentile(level[a:b], 75) - usual[a] for a, b in spans])
    return BurstStatistics(
        n_bursts=len(spans),
        duration_mean_s=float(durations.mean()),
        duration_median_s=float(np.median(durations)),
        height_mean_rps=float(heights.mean()),
        height_sd_rps=float(heights.std()),
        share_of_time=float(durations.sum() / len(counts)),
    )


def _levels(counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Means of ten seconds, and the usual level (lower quartile of the hour, silence apart) at each of them."""
    n_bins = len(counts) // BURST_BIN_S
    level = counts[: n_bins * BURST_BIN_S].reshape(n_bins, BURST_BIN_S).mean(axis=1)
    usual = np.full(n_bins, np.inf)
    block = USUAL_LEVEL_S // BURST_BIN_S
    for start in range(0, n_bins, block):
        part = level[start : start + block]
        if (part > 0).any():
            usual[start : start + block] = np.percentile(part[part > 0], 25)
    return level, usual


def _burst_spans(above: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True as [from, to) bins, short breaks bridged, short runs left out."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(np.int8), [0]]))).reshape(-1, 2)
    spans: list[tuple[int, int]] = []
    for start, stop in edges.tolist():
        if spans and (start - spans[-1][1]) * BURST_BIN_S <= BURST_GAP_S:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return [(a, b) for a, b in spans if (b - a) * BURST_BIN_S >= BURST_SHORTEST_S]
