"""What a load predictor learns from: the last 120 s of a load beside the maximum of the next 20 s.

A trace's training days are cut in two: most of them to fit, the last (two of fourteen) to validate; its test days are
for the final figures alone. Examples never reach across such a border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import TraceError
from ipa_gym.forecast import HORIZON_S
from ipa_gym.workload.arrivals import ArrivalKind, realised_counts
from ipa_gym.workload.trace import HISTORY_S, Trace, split_by_fraction
from ipa_gym.workload.validation import with_validation

EVERY_S = 10  # seconds from one example to the next: the paper's time between decisions
TRAIN_FRACTION = 14 / 21  # of a trace without splits: as much as of the shipped one
PARTS = ("fit", "validation", "test")
_FEWEST = 10  # examples in each part

Range = tuple[int, int]  # seconds of the trace, from (included) to (excluded)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Histories and what followed."""

    histories_rps: NDArray[np.float64]  # (n, 120), requests in each second, the newest last; may be a view
    futures_rps: NDArray[np.float64]  # (n, 20), requests in each of the next seconds; likewise

    @property
    def targets_rps(self) -> NDArray[np.float64]:
        """Float64 (n,), the highest of the next 20 s."""
        highest: NDArray[np.float64] = self.futures_rps.max(axis=1)
        return highest


def trace_parts(trace: Trace, *, train_fraction: float | None = None) -> Mapping[str, Range]:
    """The seconds of ``fit``, ``validation`` and ``test``.

    Args:
        train_fraction: what goes to training of a trace without splits; None: two thirds.
    Raises: TraceError if a part is too short, or a fraction is given beside a trace's own splits.
    """
    has_splits = {"train", "test"} <= set(trace.splits)
    if has_splits and train_fraction is not None:
        raise TraceError(f"{trace.name}: train_fraction is {train_fraction!r} beside its own splits; expected none")
    if not has_splits:
        trace = split_by_fraction(trace, TRAIN_FRACTION if train_fraction is None else train_fraction)
    parted = with_validation(trace)
    parts = {name: parted.split_range(name) for name in PARTS}
    fewest_s = HISTORY_S + HORIZON_S + EVERY_S * (_FEWEST - 1)
    for name, (start, stop) in parts.items():
        if stop - start < fewest_s:
            raise TraceError(
                f"{trace.name}: its part {name!r} has {stop - start} s (seconds {start} to {stop}); expected at "
                f"least {fewest_s} s, which are {_FEWEST} examples"
            )
    return parts


def cut_examples(trace: Trace, seconds: Range, *, arrivals: ArrivalKind, seed: int = 0) -> Examples:
    """Every example inside a range of seconds, ten seconds apart.

    Args:
        arrivals: what arrives in each second, as in the environment: ``poisson`` draws it with the count as mean.
        seed: of that draw.
    """
    start, stop = seconds
    arrived = realised_counts(trace.counts[start:stop], seed=seed, kind=arrivals, first_second=start)
    rows = np.lib.stride_tricks.sliding_window_view(arrived.astype(np.float64), HISTORY_S + HORIZON_S)[::EVERY_S]
    return Examples(rows[:, :HISTORY_S], rows[:, HISTORY_S:])


def mixed_examples(trace: Trace, seconds: Range, *, seed: int) -> Examples:
    """What the environment shows: by turns the trace's counts as they are, and Poisson arrivals around them.

    Arrivals are drawn by default, but the history before an episode is the trace's own.
    """
    plain, drawn = (cut_examples(trace, seconds, arrivals=kind, seed=seed) for kind in ("exact", "poisson"))
    histories, futures = plain.histories_rps.copy(), plain.futures_rps.copy()
    histories[1::2], futures[1::2] = drawn.histories_rps[1::2], drawn.futures_rps[1::2]
    return Examples(histories, futures)
