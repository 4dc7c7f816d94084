"""From other time bases to requests per second: logs of timestamps, and counts in wider or narrower bins.

Totals are exact: every request of the input is in one second of the output. Reads no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import TraceError
from ipa_gym.workload.trace import IntArray, checked_counts

MAX_SPAN_S = 400 * 86_400  # a log longer than that is taken for a fault in its timestamps
EARLIEST_EPOCH_S = 1e8  # March 1973: smaller numbers are not taken for epoch seconds
LATEST_EPOCH_S = 1e11  # larger ones are milliseconds


def resample(counts: NDArray[np.generic], *, bin_s: float, where: str = "counts") -> IntArray:
    """Requests per second from counts of bins of another width, with the exact total.

    Bins wider than a second are spread evenly: second i of a bin of w seconds with c requests gets
    floor((i + 1) c / w) - floor(i c / w). Narrower ones are summed, the last second from the bins that are left.
    Args:
        counts: whole numbers (n_bins,), requests in each bin.
        bin_s: width of a bin: whole seconds, or 1/k seconds with a whole k.
        where: what to name in messages.
    Returns: int64 (n_seconds,), requests.
    Raises: TraceError on faulty counts or a width that is neither.
    """
    bins = checked_counts(counts, where=where)
    width = round(bin_s) if np.isfinite(bin_s) and bin_s > 0 else 0
    if width >= 1 and width == bin_s:
        if len(bins) * width > MAX_SPAN_S:
            raise TraceError(f"{where}: {len(bins)} bins of {width} s are over {MAX_SPAN_S} s; expected less")
        edges = bins[:, None] * np.arange(width + 1) // width
        return np.diff(edges, axis=1).reshape(-1)
    per_second = round(1.0 / bin_s) if np.isfinite(bin_s) and bin_s > 0 else 0
    if per_second < 2 or abs(per_second * bin_s - 1.0) > 1e-9:
        raise TraceError(f"{where}: bin_s is {bin_s!r}; expected whole seconds, or 1/k seconds with a whole k")
    padded = np.zeros(-(-len(bins) // per_second) * per_second, dtype=np.int64)
    padded[: len(bins)] = bins
    sums: IntArray = padded.reshape(-1, per_second).sum(axis=1)
    return sums


def bin_timestamps(time_s: NDArray[np.float64], *, where: str) -> IntArray:
    """Requests in each second from epoch seconds in any order; second 0 holds the earliest.

    Args:
        time_s: float64 (n_requests,), seconds since 1970.
        where: what to name in messages.
    Returns: int64 (n_seconds,), from the whole second of the first request to that of the last.
    Raises: TraceError if a time is missing, looks like milliseconds, or the log spans over 400 days.
    """
    times = np.asarray(time_s, dtype=np.float64)
    if times.size == 0:
        raise TraceError(f"{where}: no timestamps; expected at least one")
    if not np.isfinite(times).all():
        row = int(np.argmax(~np.isfinite(times)))
        raise TraceError(f"{where}: timestamps[{row}] is {times[row]}; expected epoch seconds or ISO 8601")
    if np.abs(times).max() >= LATEST_EPOCH_S:
        row = int(np.argmax(np.abs(times)))
        raise TraceError(f"{where}: timestamps[{row}] is {times[row]:.0f}; expected seconds, not milliseconds")
    seconds = np.floor(times).astype(np.int64)
    seconds -= seconds.min()
    if seconds.max() >= MAX_SPAN_S:
        raise TraceError(f"{where}: timestamps span {int(seconds.max())} s; expected at most {MAX_SPAN_S} s")
    return np.bincount(seconds).astype(np.int64)


def parse_iso_times(texts: Sequence[str], *, where: str) -> NDArray[np.float64]:
    """Epoch seconds of ISO 8601 texts; a time without a zone is read as UTC.

    Raises: TraceError naming the first text that is none.
    """
    seconds = np.empty(len(texts), dtype=np.float64)
    for row, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError as error:
            raise TraceError(
                f"{where}: row {row} is {str(text)!r}; expected a number, or a time like 2024-05-01T12:00:00Z"
            ) from error
        seconds[row] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds
