"""`DecisionCounts`: how often each variant, batch size and replica count was decided, stage by stage.

Counted from the environments' own actions, so it shows what was decided whatever wrappers made of a learner's output.
Nothing here logs. Next: `metrics_callback.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout

PARTS = ("variant", "batch", "replicas")


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each value was decided."""

    tag: str  # ``1-detect/batch``: stage and part
    values: NDArray[np.int64]  # (k,) rising: index of the variant, requests of a batch, replicas
    counts: NDArray[np.int64]  # (k,)

    def buckets(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """One bucket a whole number from the lowest to the highest value that was decided.

        Returns: edges, float64 (n + 1,), the first is the left end; counts, int64 (n,).
        """
        seen = np.flatnonzero(self.counts)
        lowest, highest = int(self.values[seen[0]]), int(self.values[seen[-1]])
        counts = np.zeros(highest - lowest + 1, dtype=np.int64)
        counts[self.values[seen] - lowest] = self.counts[seen]
        return np.arange(lowest, highest + 2, dtype=np.float64) - 0.5, counts


class DecisionCounts:
    """Counts of one pipeline's decisions since the newest `clear`."""

    def __init__(self, actions: ActionLayout) -> None:
        sizes = actions.nvec.tolist()
        self._ends = np.cumsum(sizes)
        self._offsets = self._ends - actions.nvec
        self._counts = np.zeros(int(self._ends[-1]), dtype=np.int64)
        self._tags = [
            f"{s}-{stage.name}/{part}" for s, stage in enumerate(actions.pipeline.stages, 1) for part in PARTS
        ]
        batches, replicas = np.array(actions.batch_sizes), np.arange(1, actions.pipeline.replica_cap + 1)
        of_part = {"batch": batches, "replicas": replicas}
        self._values = [
            of_part.get(tag.rpartition("/")[2], np.arange(n)) for tag, n in zip(self._tags, sizes, strict=True)
        ]

    def add(self, actions: NDArray[np.int64]) -> None:
        """Count decisions, integers (n, 3 · n_stages)."""
        self._counts += np.bincount((actions + self._offsets).ravel(), minlength=self._counts.size)

    def clear(self) -> None:
        """Forget what was counted."""
        self._counts[:] = 0

    def histograms(self) -> Iterator[Histogram]:
        """A histogram for each number of the action, in its order."""
        parts = np.split(self._counts, self._ends[:-1])
        for tag, values, counts in zip(self._tags, self._values, parts, strict=True):
            yield Histogram(tag, values, counts.copy())
