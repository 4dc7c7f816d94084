"""The load of one episode: its window, realised counts, arrival times, and what a monitor has seen of them.

Joins `ipa_gym.workload` (traces, arrival processes) to an episode. Arrivals depend on the episode's seed and the trace
alone, never on what a policy does. Next: `env.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.forecast import HORIZON_S
from ipa_gym.observation import HISTORY_BIN_S
from ipa_gym.workload.arrivals import ArrivalKind, arrival_times, realised_counts
from ipa_gym.workload.trace import HISTORY_S, Trace, history_counts, window_counts

Window = tuple[int, int]  # seconds of the trace, from (included) to (excluded)


@dataclass(frozen=True, slots=True)
class EpisodeLoad:
    """Everything that arrives in an episode, drawn once at its start."""

    windows: tuple[Window, ...]
    counts: NDArray[np.int64]  # (n_seconds,) the trace's requests in each second of the window
    seen_rps: NDArray[
        np.int64
    ]  # (120 + n_seconds + <= 20,) history, then realised counts, then those just after the window
    arrival_s: NDArray[np.float64]  # (n_requests,) sorted, seconds since the episode's start

    def history_rps(self, now_s: float) -> NDArray[np.float64]:
        """Requests in each of the last 120 whole seconds before ``now_s``, the newest last."""
        second = int(now_s)
        return self.seen_rps[second : second + HISTORY_S].astype(np.float64)

    def history_maxima(self, now_s: float) -> NDArray[np.float64]:
        """The last 120 s as 12 maxima of 10 s, the oldest first."""
        maxima: NDArray[np.float64] = self.history_rps(now_s).reshape(-1, HISTORY_BIN_S).max(axis=1)
        return maxima

    def future_rps(self, now_s: float) -> NDArray[np.float64]:
        """Requests in each of the next 20 s, fewer where the trace ends."""
        first = HISTORY_S + int(now_s)
        return self.seen_rps[first : first + HORIZON_S].astype(np.float64)

    def arrivals_between(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """Arrival times in [start_s, end_s), sorted."""
        first, last = np.searchsorted(self.arrival_s, (start_s, end_s), side="left")
        return self.arrival_s[first:last]


def draw_load(trace: Trace, windows: Sequence[Window], *, seed: int, kind: ArrivalKind) -> EpisodeLoad:
    """Draw an episode's arrivals.

    The seconds right after the last window, where the trace goes on, are realised too: a perfect forecast at the
    window's end looks at them.

    Args:
        windows: (from, to) seconds of the trace, played one after another.
        seed: the episode's seed, a 63-bit integer.
        kind: arrival process within a second.
    Raises: TraceError for a window that is empty or outside the trace.
    """
    counts = window_counts(trace, windows)
    end = windows[-1][1]
    beyond = trace.counts[end : end + HORIZON_S].astype(np.int64)
    realised = realised_counts(np.concatenate([counts, beyond]), seed=seed, kind=kind)
    return EpisodeLoad(
        windows=tuple(windows),
        counts=counts,
        seen_rps=np.concatenate([history_counts(trace, windows[0][0]), realised]),
        arrival_s=arrival_times(realised[: counts.size], first_second=0, seed=seed, kind=kind),
    )
