"""Finds and reads what a report is made of: the rows of a store, the settings of a benchmark, measured decision times.

Takes the folder of a benchmark (``results/``) or of a store. Which of the rows are compared is decided in `choice.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.decision_time import DECISION_TIME_FILE
from ipa_gym.benchmark.writing import SETTINGS_FILE, STORE_FOLDER, read_results, read_settings
from ipa_gym.errors import OptionError
from ipa_gym.store import FLAT, KEY, Store

if TYPE_CHECKING:
    import polars as pl

_EXPECTED = "expected the folder that `ipa-gym benchmark --out FOLDER` wrote, or the store in it"


@dataclass(frozen=True, slots=True)
class Source:
    """What was found in the folder."""

    folder: Path  # as given
    home: Path  # the benchmark's folder: that, or the one around the store
    store: Store
    rows: pl.DataFrame  # all of the store, the columns `FLAT`
    asked: pl.DataFrame | None  # keys of the rows that the folder's last complete benchmark asked for
    settings: dict[str, Any]  # of that benchmark; empty where there is none
    decision_times: pl.DataFrame | None  # the fields of `DecisionTime`


def read_source(folder: Path) -> Source:
    """Read a benchmark's folder or a store.

    Raises: OptionError if there is no row in it; StoreError for a file that is no part of a store.
    """
    if not folder.is_dir():
        fault = "is no folder" if folder.exists() else "does not exist"
        raise OptionError(f"{folder}: {fault}; {_EXPECTED}")
    inner = folder / STORE_FOLDER
    store = Store(inner if inner.is_dir() else folder)
    home = folder if inner.is_dir() or folder.name != STORE_FOLDER else folder.parent
    if not inner.is_dir() and _is_a_benchmark_of_old(folder):
        raise OptionError(f"{folder}: results without a store, of an older ipa-gym; run the benchmark into it again")
    rows = store.read(FLAT)
    if rows.height == 0:
        raise OptionError(f"{folder}: no results in it; {_EXPECTED}")
    settings = _read_settings(home / SETTINGS_FILE)
    return Source(
        folder=folder,
        home=home,
        store=store,
        rows=rows,
        asked=_asked_keys(home, settings),
        settings=settings,
        decision_times=_read_table(home / DECISION_TIME_FILE),
    )


def _is_a_benchmark_of_old(folder: Path) -> bool:
    return (folder / SETTINGS_FILE).is_file() and bool(list(folder.glob("episodes.*")))


def _read_settings(path: Path) -> dict[str, Any]:
    return read_settings(path) if path.is_file() else {}


def _asked_keys(home: Path, settings: dict[str, Any]) -> pl.DataFrame | None:
    import polars as pl

    if not settings:
        return None
    try:
        episodes = read_results(home).episodes
    except (OSError, pl.exceptions.PolarsError) as error:
        fault = str(error).splitlines()[0]
        raise OptionError(
            f"{home}: its episodes, series or summary cannot be read ({fault}); run the benchmark again"
        ) from error
    return episodes.select(KEY) if set(KEY) <= set(episodes.columns) and episodes.height else None


def _read_table(path: Path) -> pl.DataFrame | None:
    import polars as pl

    if not path.is_file():
        return None
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        fault = str(error).splitlines()[0]
        raise OptionError(f"{path}: cannot be read as Parquet ({fault}); delete it, or measure again") from error
