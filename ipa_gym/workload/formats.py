"""Reads one column of numbers or timestamps from a user's file: .txt, .csv, .npz, .npy or .parquet.

Knows file formats and nothing else: a reader returns raw values as they stand in the file, every fault is a
`TraceError` naming file, place, value and what is allowed. Files are not trusted: no pickles are opened. Whether the
values are counts or timestamps is decided in `ipa_gym.workload.loading`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import TraceError, unknown_name

if TYPE_CHECKING:
    import polars as pl

COUNT_NAMES = ("rps", "count", "counts", "requests")  # taken for the counts if no column or key was named
TIMESTAMP_NAMES = ("timestamp", "timestamps", "time", "datetime")


@dataclass(frozen=True, slots=True)
class RawColumn:
    """Values as a file has them.

    Attributes:
        values: (n,) numbers, or text where the file has text (one timestamp each).
        label: name of the column or key; empty in a file of bare lines.
        where: file and column, for messages.
    """

    values: NDArray[Any]  # numbers or str: decided by the file
    label: str
    where: str


Reader = Callable[[Path, str | None], RawColumn]


def read_column(path: Path, *, key: str | None = None, column: str | None = None) -> RawColumn:
    """Read the column ``column`` (.csv, .parquet) or array ``key`` (.npz) of a file; the obvious one if none is named.

    Raises: TraceError for a missing or unreadable file, an unknown suffix, key or column, or an ambiguous choice.
    """
    if not path.is_file():
        raise TraceError(f"{path}: no such file; expected a file that ends in {', '.join(READERS)}")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise TraceError(f"{path}: suffix is {path.suffix!r}; expected one of {', '.join(READERS)}")
    option, unused = (key, column) if suffix == ".npz" else (column, key)
    if unused is not None or (option is not None and suffix in (".txt", ".npy")):
        name = "column" if (column is not None) else "key"
        raise TraceError(
            f"{path}: {name} is {column if column is not None else key!r}, but a {suffix} file has none; "
            "expected key for .npz, column for .csv and .parquet, neither for .txt and .npy"
        )
    return READERS[suffix](path, option)


def _read_txt(path: Path, _: str | None) -> RawColumn:
    lines = [line.strip() for line in _text(path).splitlines()]
    values = [line for line in lines if line and not line.startswith("#")]
    if not values:
        raise TraceError(f"{path}: the file is empty; expected one number or timestamp a line")
    return RawColumn(_numbers_or_text(values), "", str(path))


def _read_csv(path: Path, column: str | None) -> RawColumn:
    import polars as pl

    try:
        frame = pl.read_csv(path, infer_schema_length=10_000, glob=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise TraceError(
            f"{path}: not readable as CSV ({_first_line(error)}); expected a header and columns"
        ) from error
    return _pick_column(path, frame, column)


def _read_parquet(path: Path, column: str | None) -> RawColumn:
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TraceError(f"{path}: not readable as Parquet ({_first_line(error)})") from error
    return _pick_column(path, frame, column)


def _read_npz(path: Path, key: str | None) -> RawColumn:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise TraceError(f"{path}: holds a single array; expected an .npz archive, or name the file .npy")
            label = _choose(str(path), "key", key, arrays.files, arrays.files)
            return RawColumn(arrays[label], label, f"{path}[{label}]")
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise TraceError(f"{path}: not readable as .npz ({_first_line(error)})") from error
    except ValueError as error:
        raise _numpy_fault(path, error) from error


def _read_npy(path: Path, _: str | None) -> RawColumn:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, EOFError) as error:
        raise TraceError(f"{path}: not readable as .npy ({_first_line(error)})") from error
    except ValueError as error:
        raise _numpy_fault(path, error) from error
    if not isinstance(array, np.ndarray):
        raise TraceError(f"{path}: holds several arrays; expected one, or name the file .npz")
    return RawColumn(array, "", str(path))


READERS: Mapping[str, Reader] = {
    ".txt": _read_txt,
    ".csv": _read_csv,
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".parquet": _read_parquet,
}


def _pick_column(path: Path, frame: pl.DataFrame, column: str | None) -> RawColumn:
    import polars as pl

    if frame.height == 0 or frame.width == 0:
        raise TraceError(f"{path}: the table is empty; expected at least one row")
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    label = _choose(str(path), "column", column, frame.columns, numeric)
    series = frame[label]
    where = f"{path}[{label}]"
    if series.null_count():
        row = int(series.is_null().arg_max() or 0)
        raise TraceError(f"{where}: row {row} is empty; expected a value in every row")
    if series.dtype == pl.String:
        return RawColumn(_numbers_or_text([text.strip() for text in series.to_list()]), label, where)
    if series.dtype.is_temporal():
        if series.dtype not in (pl.Datetime, pl.Date):
            raise TraceError(
                f"{where}: column has type {series.dtype}; expected numbers, dates with times, or ISO 8601"
            )
        return RawColumn(series.cast(pl.Datetime("us")).dt.epoch("us").to_numpy() / 1e6, "timestamp", where)
    if not series.dtype.is_numeric():
        raise TraceError(f"{where}: column has type {series.dtype}; expected numbers, dates with times, or ISO 8601")
    return RawColumn(series.to_numpy(), label, where)


def _choose(path: str, what: str, wanted: str | None, present: Sequence[str], numeric: Sequence[str]) -> str:
    """The wanted label, else the first well-known one for counts, the only numeric one, or the one of timestamps."""
    if wanted is not None:
        if wanted not in present:
            raise TraceError(f"{path}: {unknown_name(what, wanted, present)}")
        return wanted
    for name in (*(n for n in COUNT_NAMES if n in numeric), *(numeric if len(numeric) == 1 else ())):
        return name
    for name in (*(n for n in TIMESTAMP_NAMES if n in present), *(present if len(present) == 1 else ())):
        return name
    known = ", ".join(map(repr, present)) or "none"
    raise TraceError(f"{path}: cannot tell which {what} holds the load; name one with {what}=: {known}")


def _numbers_or_text(values: Sequence[str]) -> NDArray[Any]:
    try:
        return np.array([int(value) for value in values])
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return np.array(values)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: not readable as UTF-8 text ({_first_line(error)})") from error


def _numpy_fault(path: Path, error: ValueError) -> TraceError:
    if isinstance(error, TraceError):
        return error
    if "pickle" in str(error):
        return TraceError(
            f"{path}: holds Python objects, which are not opened for safety; expected an array of numbers"
        )
    return TraceError(f"{path}: not readable as NumPy data ({_first_line(error)})")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
