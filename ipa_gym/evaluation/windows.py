"""`evaluation_starts`: which windows of a split are played to judge an agent. Always the same ones, nothing is drawn.

The split is cut into as many equal parts as windows are wanted, one window in each. Where inside its part a window lies
goes by the golden ratio from part to part, so that a load that repeats by the hour or the day is met at all its phases.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.workload.trace import Trace

DEFAULT_N_WINDOWS = 40
_GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples, modulo 1, lie as evenly as can be


def evaluation_starts(trace: Trace, split: str, n_windows: int, episode_s: int) -> NDArray[np.int64]:
    """First seconds of the windows, in order of time.

    Windows do not overlap where the split is as long as all of them together; else they overlap evenly.

    Args:
        split: a split of the trace, such as ``test``.
        n_windows: how many, at least 1.
        episode_s: length of a window in seconds.
    Returns: int64 (n_windows,), seconds of the trace, no two alike.
    Raises: UnknownNameError if there is no such split; OptionError if it is too short for that many different windows.
    """
    if n_windows < 1 or episode_s < 1:
        raise OptionError(f"{n_windows} windows of {episode_s} s; expected at least one window of at least 1 s")
    first, end = trace.split_range(split)
    room = end - first - episode_s  # seconds that the last possible start lies after the first
    if room < n_windows - 1:
        raise OptionError(
            f"split {split!r} of trace {trace.name} has {end - first} s; {n_windows} windows of {episode_s} s need at "
            f"least {episode_s + n_windows - 1} s: expected fewer or shorter windows, or a longer trace"
        )
    index = np.arange(n_windows)
    if overlapping(trace, split, n_windows, episode_s):
        places = index * room / max(1, n_windows - 1)
    else:
        part_s = (end - first) / n_windows
        places = index * part_s + np.modf((index + 0.5) * _GOLDEN)[0] * (part_s - episode_s)
    starts: NDArray[np.int64] = first + np.floor(places).astype(np.int64)
    return starts


def default_n_windows(trace: Trace, split: str, episode_s: int) -> int:
    """40, or as many as fit into the split without overlap."""
    first, end = trace.split_range(split)
    return max(1, min(DEFAULT_N_WINDOWS, (end - first) // max(1, episode_s)))


def overlapping(trace: Trace, split: str, n_windows: int, episode_s: int) -> bool:
    """Whether that many windows of the split cannot but overlap: then they are not independent of each other."""
    first, end = trace.split_range(split)
    return n_windows * episode_s > end - first
