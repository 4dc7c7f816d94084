"""Means with 95 % intervals over seeds. Pure functions of arrays and tables; no files, no formatting.

A mean over several loads is taken seed by seed first, so that the interval is over the seeds, which are independent,
and not over loads, which are chosen. So are means over the windows of a load and over an agent's training seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

ALL_TRACES = "all"  # the trace's name in rows that average over the traces


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds and the half-width of its confidence interval; NaN where there is none."""

    mean: float
    half_width: float  # NaN for fewer than two seeds
    n: int  # seeds that had a value


def mean_interval(values: NDArray[np.float64], *, confidence: float = 0.95) -> Interval:
    """Mean of ``values`` (n_seeds,) and its interval by Student's t, NaN left out.

    Half-width: t of (1 + confidence) / 2 at n − 1 degrees of freedom, times s / √n, s with n − 1 in the denominator.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    n = int(known.size)
    if n < 2:
        return Interval(float(known[0]) if n else math.nan, math.nan, n)
    from scipy.stats import t

    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(known.std(ddof=1)) / math.sqrt(n)
    return Interval(float(known.mean()), half, n)


def seed_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the tasks of each seed: (n_seeds, n_tasks) to (n_seeds,), NaN left out; NaN where all are."""
    table = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(table)
    counts = known.sum(axis=1)
    sums = np.where(known, table, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def summarise(episodes: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """Means and intervals of each agent on each pipeline, per trace and averaged over the traces (``all``).

    Args:
        episodes: a row an episode: pipeline, trace, window, agent, training_seed, seed and the metrics; every agent
            with the same seeds, and each seed with the same windows.
        metrics: columns to average.
    Returns: pipeline, trace, agent, metric, mean, half_width, n; in the episodes' order, ``all`` after the traces.
    """
    import polars as pl

    rows: list[dict[str, object]] = []
    for (pipeline, agent), group in episodes.group_by(["pipeline", "agent"], maintain_order=True):
        traces = group["trace"].unique(maintain_order=True).to_list()
        order = ["seed", "window", "training_seed"]
        ordered = [group.filter(pl.col("trace") == trace).sort(order) for trace in traces]
        for metric in metrics:
            table = np.column_stack([_of_each_seed(part, metric) for part in ordered])
            columns = [(trace, table[:, i]) for i, trace in enumerate(traces)] + [(ALL_TRACES, seed_means(table))]
            for trace, values in columns:
                found = mean_interval(values)
                rows.append(
                    {
                        "pipeline": pipeline,
                        "trace": trace,
                        "agent": agent,
                        "metric": metric,
                        "mean": found.mean,
                        "half_width": found.half_width,
                        "n": found.n,
                    }
                )
    return pl.DataFrame(rows)


def _of_each_seed(episodes: pl.DataFrame, metric: str) -> NDArray[np.float64]:
    """Means over the windows and training seeds of each seed, (n_seeds,); the episodes come sorted by seed."""
    import polars as pl

    values = episodes[metric].cast(pl.Float64).to_numpy()
    return seed_means(values.reshape(episodes["seed"].n_unique(), -1))
