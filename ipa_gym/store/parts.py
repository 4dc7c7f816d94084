"""The files of a store: how they are named, listed, written, read, and which of them is to blame for a fault.

A part is a Parquet file with some rows. It gets its final name when it is whole and is never changed afterwards; what a
kill leaves half-written keeps a hidden name, which nobody reads. Next: `store.py`.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.errors import StoreError
from ipa_gym.store.columns import KEY, KEY_COLUMNS, schema

if TYPE_CHECKING:
    import polars as pl

SUFFIX, _HIDDEN = ".parquet", ".new"
_FORGOTTEN_AFTER_S = 86_400.0  # a hidden file that nobody has written to for so long is left of a kill


def list_parts(folder: Path) -> list[Path]:
    """All parts, oldest first; of a folder that changes meanwhile, such that no row is missed.

    A merge writes the large part before it removes the small ones, but a single walk over the folder may see neither:
    it passed the large one's place too early and the small ones' too late. Two walks that see the same cannot.

    Raises: StoreError for a folder, or a link to nothing, that is called like a part.
    """
    seen: list[str] | None = None
    while True:
        found = sorted(_names(folder))
        if found == seen:
            return [folder / name for name in found]
        seen = found


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [_checked(entry).name for entry in entries if entry.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []


def _checked(entry: os.DirEntry[str]) -> os.DirEntry[str]:
    """Neither asks the file system again but for links: listing stays as fast as the names alone."""
    fault = "is a folder" if entry.is_dir() else "is a link to nothing"
    if entry.is_dir() or (entry.is_symlink() and not os.path.exists(entry.path)):
        raise StoreError(f"{entry.path}: {fault}; expected results of ipa-gym in this folder: move it elsewhere")
    return entry


def write_part(rows: pl.DataFrame, folder: Path, *, durable: bool = False) -> Path:
    """Write rows as a new part; it is there as a whole or not at all.

    Args:
        durable: wait until it is on the disk, not only with the operating system: before the only other copy goes.
    Raises: OSError, as on a full disk; polars' own error for that would say nothing of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{time.time_ns():020d}-{secrets.token_hex(4)}{SUFFIX}"
    hidden = path.with_name(f".{path.name}{_HIDDEN}")  # no name that a glob for Parquet files finds
    content = BytesIO()
    rows.write_parquet(content)
    try:
        with hidden.open("wb") as file:
            file.write(content.getbuffer())
            if durable:
                file.flush()
                os.fsync(file.fileno())
        hidden.rename(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        hidden.unlink(missing_ok=True)
    return path


def scan_parts(parts: Sequence[Path], *, strict: bool = True) -> pl.LazyFrame:
    """The rows of some parts, one after the other.

    Args:
        strict: a column that is missing in a part is a fault; else it is null, as where an older program wrote it.
    """
    import polars as pl

    return pl.scan_parquet(
        list(parts), schema=schema(), missing_columns="raise" if strict else "insert", extra_columns="ignore",
        hive_partitioning=False, glob=False,
    )  # fmt: skip


def check_parts(parts: Sequence[Path]) -> None:
    """Read each part by itself; nothing happens if all are well, or gone meanwhile.

    Raises: StoreError naming the first file that cannot be read as a part, and why.
    """
    import polars as pl

    for part in parts:
        try:
            keys = scan_parts([part], strict=False).collect().select(KEY)
        except FileNotFoundError:
            continue
        except pl.exceptions.PolarsError as error:
            reason = str(error).strip().split("\n")[0]
            raise StoreError(f"{part}: cannot be read ({reason}); expected results of ipa-gym: remove it") from error
        if sum(keys.null_count().row(0)):
            names = ", ".join(column.name for column in KEY_COLUMNS if keys[column.name].null_count())
            raise StoreError(f"{part}: {names} missing; expected results of ipa-gym in this folder: move it elsewhere")


def remove_forgotten(folder: Path) -> None:
    """Remove what kills have left half-written; only files that have not changed for a day."""
    for path in folder.glob(f".part-*{SUFFIX}{_HIDDEN}"):
        try:
            if time.time() - path.stat().st_mtime > _FORGOTTEN_AFTER_S:
                path.unlink()
        except FileNotFoundError:
            continue
