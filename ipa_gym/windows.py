"""Which seconds of a trace the episodes play: `EpisodeWindows`, a fixed list or a draw from the split.

The window of an episode and the seed of its arrivals depend on (seed, number of the episode) alone, never on what
happened in the episodes before. The load itself is drawn in `stepping/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ipa_gym import options as checks
from ipa_gym.errors import OptionError
from ipa_gym.workload.trace import Trace, window_counts

Window = tuple[int, int]  # seconds of the trace, from (included) to (excluded)
_SEED_BITS = 63


@dataclass(frozen=True, slots=True)
class EpisodeWindows:
    """Where episodes come from: every one of the same length."""

    split_range: tuple[int, int]  # seconds of the trace that windows are drawn from
    episode_s: int
    fixed: tuple[Window, ...] | None  # played in every episode; None: a window is drawn

    def draw(self, seed: int, episode: int, options: Mapping[str, Any] | None = None) -> tuple[tuple[Window, ...], int]:
        """Windows and seed of an episode.

        Args:
            seed: of the sequence of episodes, >= 0.
            episode: its number in the sequence, from 0.
            options: of ``reset``: ``{"start": second}``, the window's first second in the trace.
        Returns: (from, to) seconds of the trace; a seed of 63 bits for arrivals and service.
        Raises: OptionError for an unknown option or a start outside the split.
        """
        rng = np.random.default_rng([seed, episode])
        first, end = self.split_range
        drawn = int(rng.integers(first, end - self.episode_s + 1)) if self.fixed is None else 0
        episode_seed = int(rng.integers(1 << _SEED_BITS))
        return self._chosen(drawn, options or {}), episode_seed

    def _chosen(self, drawn: int, options: Mapping[str, Any]) -> tuple[Window, ...]:
        for name in options:
            checks.choice("reset option", name, ("start",))
        start = options.get("start", drawn)
        if self.fixed is not None:
            if "start" in options:
                raise OptionError(f"start is {start!r} beside fixed windows; expected one or the other")
            return self.fixed
        first, end = self.split_range
        if (
            isinstance(start, bool)
            or not isinstance(start, int | np.integer)
            or not first <= start <= end - self.episode_s
        ):
            raise OptionError(f"start is {start!r}; expected a whole second from {first} to {end - self.episode_s}")
        return ((int(start), int(start) + self.episode_s),)


def episode_windows(
    trace: Trace, split: str | None, *, windows: Sequence[Sequence[int]] | None, episode_s: Any
) -> EpisodeWindows:
    """Check the arguments that say which seconds are played.

    Args:
        split: see `options.split_range`.
        windows: (from, to) seconds, joined into one fixed episode; None: windows of ``episode_s`` seconds are drawn.
    Raises: TraceError for a window that cannot be played; OptionError for a length that does not fit.
    """
    start, end = checks.split_range(trace, split)
    if windows is not None:
        window_counts(trace, windows)  # raises for a window that cannot be played
        fixed = tuple((int(window[0]), int(window[1])) for window in windows)
        return EpisodeWindows((start, end), sum(b - a for a, b in fixed), fixed)
    if (
        isinstance(episode_s, bool)
        or not isinstance(episode_s, int | np.integer)
        or not 1 <= episode_s <= trace.counts.size
    ):
        raise OptionError(
            f"episode_s is {episode_s!r}; expected whole seconds from 1 to {trace.counts.size}, "
            f"the length of trace {trace.name}"
        )
    if end - start < episode_s:
        raise OptionError(
            f"episode_s is {episode_s}; expected at most {end - start}, the length of the split of trace {trace.name}"
        )
    return EpisodeWindows((start, end), int(episode_s), None)
