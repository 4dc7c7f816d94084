"""Puts a synthetic trace beside the real load that it stands for, statistic by statistic.

A trace card's ``reference`` says which seconds of the real counts it stands for, and its ``statistics`` keep the
outcome, so that the card can be read without the real counts. `measure` makes those figures; `compare` makes them
anew for both sides where the real counts are at hand. Stores nothing of the real counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ipa_gym import catalog
from ipa_gym.errors import CardError
from ipa_gym.workload.card import StatisticPair, TraceCard, read_trace_card
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.statistics import ACF_LAGS_S, TraceStatistics, trace_statistics
from ipa_gym.workload.trace import IntArray, window_counts

Figure = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts per second of a trace and of the real windows, with the same figures of both."""

    name: str
    counts: IntArray  # (n_seconds,) of the trace
    real_counts: IntArray  # (n_seconds,) of the real windows, scaled; never written anywhere
    statistics: dict[str, StatisticPair]


def measure(counts: IntArray) -> dict[str, Figure]:
    """The figures that a trace card shows of counts (n_seconds,), rounded as they are printed there."""
    found = trace_statistics(counts)
    figures: dict[str, Figure] = {
        "requests": found.requests,
        "mean_rps": round(found.mean_rps, 3),
        "sd_rps": round(found.sd_rps, 3),
        "min_rps": found.min_rps,
        "max_rps": found.max_rps,
    }
    for lag, value in zip(ACF_LAGS_S, found.acf, strict=True):
        if value is not None:
            figures[f"acf_{lag}_s"] = round(value, 3)
    if found.bursts.n_bursts:
        figures |= _burst_figures(found)
    if found.hourly_mean_rps is not None and found.daily_mean_sd_rps is not None:
        figures["daily_mean_sd_rps"] = round(found.daily_mean_sd_rps, 3)
        figures["hourly_mean_rps"] = tuple(round(value, 2) for value in found.hourly_mean_rps)
    return figures


def _burst_figures(found: TraceStatistics) -> dict[str, Figure]:
    return {
        "n_bursts": found.bursts.n_bursts,
        "burst_duration_mean_s": round(found.bursts.duration_mean_s, 1),
        "burst_duration_median_s": round(found.bursts.duration_median_s, 1),
        "burst_height_mean_rps": round(found.bursts.height_mean_rps, 2),
        "burst_height_sd_rps": round(found.bursts.height_sd_rps, 2),
        "burst_share_of_time": round(found.bursts.share_of_time, 4),
    }


def compare(name_or_path: str | Path, real_path: str | Path) -> Comparison:
    """Measure a trace and the real windows that its card names.

    Args:
        name_or_path: a trace card with a ``reference`` section.
        real_path: file of the real counts per second, unscaled.
    Raises: CardError if the card has no reference; TraceError if the real file is faulty or too short.
    """
    path = catalog.find("traces", name_or_path)
    card = read_trace_card(path)
    counts = load_trace(path).counts
    real = real_counts(card, real_path)
    ours, theirs = measure(counts), measure(real)
    pairs = {key: StatisticPair(trace=ours[key], real=theirs[key]) for key in ours if key in theirs}
    return Comparison(name=path.stem, counts=np.asarray(counts), real_counts=real, statistics=pairs)


def real_counts(card: TraceCard, real_path: str | Path) -> IntArray:
    """Counts (n_seconds,) of the windows that a card's ``reference`` names. Raises: as `compare`."""
    if card.reference is None:
        raise CardError(f"trace card {card.title!r}: no 'reference' section; there is no real load to compare with")
    return window_counts(load_trace(real_path, scale=card.reference.scale), card.reference.windows)
