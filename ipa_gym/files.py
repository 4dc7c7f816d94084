"""Writes single files atomically: under a temporary name first, then renamed, so that none is ever half written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipa_gym.errors import OptionError

if TYPE_CHECKING:
    import polars as pl


def check_output_folder(folder: Path) -> None:
    """Before long work: can files be put into ``folder``, which need not exist yet? Nothing is made.

    Raises: OptionError if something that is no folder, or a folder without write permission, is in the way.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        fault = "cannot be written" if nearest.is_dir() else "is not a folder"
        raise OptionError(f"output folder {folder}: {nearest} {fault}; expected a folder that can be written or made")


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` write to a temporary name beside ``path``, then rename it. Nothing is left behind on an error.

    Raises: OSError naming ``path`` where ``write`` raises one without a name, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_frame(frame: pl.DataFrame, path: Path) -> Path:
    """Write a table as Parquet or CSV, by the path's suffix. Raises: as `write_atomically`."""
    content = BytesIO()  # polars itself has an error of its own for a full disk, which says nothing of it
    if path.suffix == ".parquet":
        frame.write_parquet(content)
    else:
        frame.write_csv(content)
    return write_atomically(path, lambda temporary: temporary.write_bytes(content.getbuffer()))


def write_text(text: str, path: Path) -> Path:
    """Write a text file."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(data: Any, path: Path) -> Path:  # Any: what JSON can hold
    """Write plain data as JSON, NaN as null."""
    return write_text(json.dumps(finite(data), indent=2, ensure_ascii=False) + "\n", path)


def finite(value: Any) -> Any:  # Any: what JSON can hold, at any depth
    """The same data with NaN as None: JSON has no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
