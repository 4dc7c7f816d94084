"""A load trace: requests in each second, and the ranges of seconds that training and testing may use.

Holds the value `Trace` and what can be taken from it: scaled counts, joined windows, the history before a window,
splits by fraction. Reads no files: that is `ipa_gym.workload.loading`. What happens inside a second is the business
of `ipa_gym.workload.arrivals`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import TraceError, unknown_name

IntArray = NDArray[np.int64]
HISTORY_S = 120  # seconds of load that the observation covers (IPA's predictor input)
MAX_COUNT_RPS = 10**9  # a larger count in one second is taken for a fault in the file


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests per second of a load.

    Attributes:
        name: how it is called in tables.
        counts: int64 (n_seconds,), requests in each second; read-only.
        splits: name -> [from, to) in seconds; ``all`` is always there, ``train`` and ``test`` where they were given.
        source: where the counts come from, for reports.
    Raises: TraceError if counts are not whole, not negative and at least one, or a split lies outside them.
    """

    name: str
    counts: IntArray
    splits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        counts = checked_counts(self.counts, where=self.source or self.name)
        counts.flags.writeable = False
        splits = {"all": (0, len(counts))} | {name: (int(a), int(b)) for name, (a, b) in self.splits.items()}
        if splits["all"] != (0, len(counts)):
            raise TraceError(
                f"{self.name}: split 'all' is {splits['all']}; expected (0, {len(counts)}), the whole trace"
            )
        for name, (start, stop) in splits.items():
            _check_range(f"{self.name}: split {name!r}", start, stop, len(counts))
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "splits", MappingProxyType(splits))

    def __reduce__(self) -> tuple[type[Trace], tuple[str, IntArray, dict[str, tuple[int, int]], str]]:
        return Trace, (self.name, self.counts, dict(self.splits), self.source)

    def __deepcopy__(self, memo: Mapping[int, object]) -> Trace:
        return self  # nothing in it can change, and counts of weeks are megabytes

    @property
    def n_seconds(self) -> int:
        """Length of the trace in seconds."""
        return len(self.counts)

    def split_range(self, split: str) -> tuple[int, int]:
        """Range [from, to) of a split, in seconds. Raises: UnknownNameError if the trace has no such split."""
        if split not in self.splits:
            raise unknown_name(f"split of trace {self.name!r}", split, self.splits)
        return self.splits[split]


def checked_counts(values: NDArray[np.generic], *, where: str) -> IntArray:
    """Per-second counts as a fresh int64 array (n_seconds,).

    Raises: TraceError naming ``where``, the second and the value if any is missing, negative, fractional or huge.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise TraceError(f"{where}: counts have shape {array.shape}; expected one row of at least one second")
    if array.dtype.kind not in "iufb":
        raise TraceError(f"{where}: counts have type {array.dtype}; expected whole numbers")
    numbers = array.astype(np.float64)
    faults = (
        ("a finite number of requests", ~np.isfinite(numbers)),
        ("a number of requests, at least 0", numbers < 0),
        ("a whole number of requests", numbers != np.floor(numbers)),
        (f"at most {MAX_COUNT_RPS} requests in a second", numbers > MAX_COUNT_RPS),
    )
    for allowed, wrong in faults:
        if wrong.any():
            second = int(np.argmax(wrong))
            raise TraceError(f"{where}: counts[{second}] is {array[second]}; expected {allowed}")
    return array.astype(np.int64)


def scale_counts(counts: IntArray, scale: float) -> IntArray:
    """Counts multiplied by ``scale`` and rounded down, in whole-number arithmetic.

    The scale is read as the simplest fraction that it stands for (0.125 is 1/8, 0.29 is 29/100, 1/3 is 1/3), so that
    no rounding of the product turns 29 into 28 and a scale of 1/n equals integer division by n.
    Raises: TraceError if the scale is not a finite number above 0, or a scaled count is beyond 10^9.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise TraceError(f"scale is {scale!r}; expected a finite number above 0")
    if int(counts.max()) * scale > MAX_COUNT_RPS:
        raise TraceError(f"scale is {scale!r}: the busiest second would have over {MAX_COUNT_RPS} requests; use less")
    ratio = Fraction(scale).limit_denominator(1_000_000)
    if abs(float(ratio) - scale) > 1e-9 * scale or int(counts.max()) * ratio.numerator >= 2**63:
        rounded: IntArray = np.floor(counts * scale).astype(np.int64)
        return rounded
    scaled_counts: IntArray = np.asarray(counts, dtype=np.int64) * ratio.numerator // ratio.denominator
    return scaled_counts


def scaled(trace: Trace, scale: float) -> Trace:
    """The same trace with its counts multiplied by ``scale`` and rounded down."""
    return trace if scale == 1 else replace(trace, counts=scale_counts(trace.counts, scale))


def window_counts(trace: Trace, windows: Sequence[Sequence[int]]) -> IntArray:
    """Counts of one or more windows [from, to), joined in the order given; the same window may come twice.

    Returns: int64 (sum of lengths,), requests in each second.
    Raises: TraceError if there is no window or one is empty or reaches outside the trace.
    """
    if len(windows) == 0:
        raise TraceError(f"{trace.name}: no windows; expected at least one pair (from, to) of seconds")
    for index, window in enumerate(windows):
        if len(window) != 2:
            raise TraceError(f"{trace.name}: windows[{index}] is {window!r}; expected a pair (from, to) of seconds")
        _check_range(f"{trace.name}: windows[{index}]", window[0], window[1], trace.n_seconds)
    return np.concatenate([trace.counts[int(start) : int(stop)] for start, stop in windows])


def history_counts(trace: Trace, start: int, *, seconds: int = HISTORY_S) -> IntArray:
    """Counts of the ``seconds`` before second ``start``; where the trace has none, the count of second ``start``.

    Returns: int64 (seconds,), requests in each second, the latest last.
    Raises: TraceError if ``start`` is no second of the trace.
    """
    if not 0 <= start < trace.n_seconds:
        raise TraceError(f"{trace.name}: start is {start}; expected a second from 0 to {trace.n_seconds - 1}")
    if seconds < 0:
        raise TraceError(f"{trace.name}: seconds is {seconds}; expected a length of at least 0")
    known = trace.counts[max(0, start - seconds) : start]
    return np.concatenate([np.full(seconds - len(known), trace.counts[start]), known]).astype(np.int64)


def split_by_fraction(trace: Trace, train_fraction: float) -> Trace:
    """The same trace with the first part for training and the rest for testing.

    Raises: TraceError if the fraction is not inside (0, 1) or leaves a part without a second.
    """
    cut = int(trace.n_seconds * train_fraction) if 0 < train_fraction < 1 else 0
    if not 0 < cut < trace.n_seconds:
        raise TraceError(
            f"{trace.name}: train_fraction is {train_fraction!r}; expected a number between 0 and 1 that leaves at "
            f"least a second of {trace.n_seconds} on each side"
        )
    return replace(trace, splits={"train": (0, cut), "test": (cut, trace.n_seconds)})


def _check_range(where: str, start: float, stop: float, n_seconds: int) -> None:
    if start != int(start) or stop != int(stop):
        raise TraceError(f"{where} is ({start}, {stop}); expected whole seconds")
    if not 0 <= start < stop <= n_seconds:
        raise TraceError(f"{where} is ({start}, {stop}); expected 0 <= from < to <= {n_seconds} seconds")
