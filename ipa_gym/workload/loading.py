"""Loads a trace: a shipped one by name, anyone's own file or trace card by path.

A trace card (``traces/NAME.yaml``) names the file beside it that holds the counts, and the splits. Any other file
is read by `ipa_gym.workload.formats` and taken for counts per second or for a log of timestamps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from ipa_gym import catalog
from ipa_gym.errors import TraceError, UnknownNameError, unknown_name
from ipa_gym.workload.binning import EARLIEST_EPOCH_S, bin_timestamps, parse_iso_times, resample
from ipa_gym.workload.card import read_trace_card
from ipa_gym.workload.formats import TIMESTAMP_NAMES, RawColumn, read_column
from ipa_gym.workload.trace import IntArray, Trace, scaled, split_by_fraction

ContentKind = Literal["auto", "counts", "timestamps"]
CONTENT_KINDS = ("auto", "counts", "timestamps")
CARD_SUFFIXES = (".yaml", ".yml")


def load_trace(
    name_or_path: str | Path,
    *,
    scale: float = 1.0,
    key: str | None = None,
    column: str | None = None,
    kind: ContentKind = "auto",
) -> Trace:
    """Load a trace by the name of a shipped card, or by the path of a card or of a file of counts or timestamps.

    Args:
        name_or_path: ``bursty``; ``my/card.yaml``; or a .txt, .csv, .npz, .npy or .parquet file.
        scale: counts are multiplied by it and rounded down; 0.125 equals integer division by 8.
        key: array inside an .npz; by default the only one, or ``rps`` or ``count``.
        column: column of a .csv or .parquet; by default ``rps`` or ``count``, the only numeric one, or ``timestamp``.
        kind: ``counts`` (one per second), ``timestamps`` (one per request), or ``auto``: timestamps if the values are
            texts, dates, numbers in a column named timestamp, or numbers all beyond 10^8 (1973 in epoch seconds).
    Returns: the scaled trace; ``splits`` has ``train`` and ``test`` where the card gives them.
    Raises: TraceError for every fault in the file or an argument; CardError for a fault in a card;
        UnknownNameError for a name that no shipped card has.
    """
    if kind not in CONTENT_KINDS:
        raise unknown_name("kind of trace content", kind, CONTENT_KINDS)
    path = _find(name_or_path)
    if path.suffix.lower() not in CARD_SUFFIXES:
        counts = _counts(read_column(path, key=key, column=column), kind)
        return scaled(Trace(name=path.stem, counts=counts, source=str(path)), scale)
    if key is not None or column is not None:
        raise TraceError(f"{path}: key and column belong to a data file; a trace card names its own in 'key'")
    return scaled(_load_card(path, kind), scale)


def load_split_trace(name_or_path: str | Path, *, train_fraction: float, scale: float = 1.0) -> Trace:
    """Load a trace and give its first part to training, the rest to testing. Raises: as `load_trace`."""
    return split_by_fraction(load_trace(name_or_path, scale=scale), train_fraction)


def load_binned_trace(
    path: str | Path, *, bin_s: float, scale: float = 1.0, key: str | None = None, column: str | None = None
) -> Trace:
    """Load counts that the file gives for bins of ``bin_s`` seconds (60: per minute), spread to seconds.

    Raises: TraceError as `load_trace`, and for a width that `resample` cannot take.
    """
    file = _find(path)
    raw = read_column(file, key=key, column=column)
    counts = resample(raw.values, bin_s=bin_s, where=raw.where)
    return scaled(Trace(name=file.stem, counts=counts, source=f"{file}, bins of {bin_s:g} s"), scale)


def _find(name_or_path: str | Path) -> Path:
    try:
        return catalog.find("traces", name_or_path)
    except UnknownNameError as error:
        text = str(name_or_path)
        if Path(text).suffix or "/" in text:
            raise TraceError(str(error)) from error
        raise


def _load_card(path: Path, kind: ContentKind) -> Trace:
    card = read_trace_card(path)
    suffix = Path(card.data).suffix.lower()
    options = {"key": card.key} if suffix == ".npz" else {"column": card.key}
    counts = _counts(read_column(path.parent / card.data, **options), kind)
    trace = Trace(name=path.stem, counts=counts, source=card.title)
    return replace(trace, splits=dict(card.splits)) if card.splits else trace


def _counts(raw: RawColumn, kind: ContentKind) -> IntArray:
    """Counts per second from a raw column, deciding what ``auto`` means; `Trace` checks the values."""
    is_text = raw.values.dtype.kind in "US"
    if kind == "timestamps" or (kind == "auto" and (is_text or _looks_like_epoch(raw))):
        times = parse_iso_times(raw.values.tolist(), where=raw.where) if is_text else raw.values
        if times.ndim != 1 or times.dtype.kind not in "iuf":
            raise TraceError(f"{raw.where}: timestamps have shape {times.shape} and type {times.dtype}; expected a row")
        return bin_timestamps(times.astype(np.float64), where=raw.where)
    if is_text:
        row = next(i for i, text in enumerate(raw.values.tolist()) if not _is_number(text))
        raise TraceError(f"{raw.where}: row {row} is {str(raw.values[row])!r}; expected a whole number of requests")
    return resample(raw.values, bin_s=1.0, where=raw.where)


def _looks_like_epoch(raw: RawColumn) -> bool:
    values = raw.values
    if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "iuf":
        return False
    return raw.label in TIMESTAMP_NAMES or bool(np.all(values >= EARLIEST_EPOCH_S))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
