"""Puts a benchmark's results on disk and reads them back: tables, settings, Markdown, figures.

All of them are computed from the rows of the asked settings; the rows themselves are in the folder's store, with those
of earlier runs. ``settings.json`` is written last: a folder without it is not complete.
Files of an earlier benchmark in the same folder that the new one does not replace are removed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ipa_gym.benchmark.league import League, league
from ipa_gym.benchmark.league_views import league_markdown
from ipa_gym.benchmark.runner import BenchmarkRun
from ipa_gym.benchmark.statistics import summarise
from ipa_gym.benchmark.table import METRICS, markdown
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.files import write_frame, write_json, write_text
from ipa_gym.store import Store, schema
from ipa_gym.store.columns import COLUMNS, INTERVAL_COLUMNS

if TYPE_CHECKING:
    import polars as pl

Format = Literal["parquet", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
SETTINGS_FILE, STORE_FOLDER = "settings.json", "store"
_TABLES = ("episodes", "series", "summary")


@dataclass(frozen=True, slots=True)
class Results:
    """A benchmark's results as read from disk."""

    episodes: pl.DataFrame
    series: pl.DataFrame
    summary: pl.DataFrame
    settings: dict[str, Any]
    store: Store  # all rows, also of other settings, with latencies and intervals


def write_results(
    run: BenchmarkRun,
    folder: Path,
    *,
    provenance: dict[str, Any],
    found: League | None = None,
    file_format: str = "parquet",
    figures: bool = True,
) -> list[Path]:
    """Write everything into ``folder``, which is made if need be.

    Args:
        provenance: what `provenance.provenance` gave.
        found: the league of the run's episodes; None: it is computed.
        file_format: ``parquet`` or ``csv``.
        figures: whether to draw them.
    Returns: the files, in the order in which they were written.
    """
    check_format(file_format)
    folder.mkdir(parents=True, exist_ok=True)
    old = _listed_files(folder)
    (folder / SETTINGS_FILE).unlink(missing_ok=True)
    summary = summarise(run.episodes, METRICS)
    frames = dict(zip(_TABLES, (run.episodes, run.series, summary), strict=True))
    written = [write_frame(frame, folder / f"{name}.{file_format}") for name, frame in frames.items()]
    written.append(write_text(markdown(summary), folder / "table.md"))
    written.append(write_text(league_markdown(found or league(run.episodes)), folder / "league.md"))
    if figures:
        from ipa_gym.benchmark.figures import write_figures

        written += write_figures(run.series, summary, folder / "figures")
    names = [str(path.relative_to(folder).as_posix()) for path in written]
    for name in set(old) - set(names):
        (folder / name).unlink(missing_ok=True)
    written.append(write_json({**provenance, "files": names}, folder / SETTINGS_FILE))
    return written


def read_results(folder: Path) -> Results:
    """Read what `write_results` wrote, in either format. Raises: OptionError if the folder holds no complete result."""
    import polars as pl

    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise OptionError(f"{folder}: no {SETTINGS_FILE}; expected the folder of a complete benchmark")
    settings = read_settings(path)

    def table(name: str) -> pl.DataFrame:
        parquet = folder / f"{name}.parquet"
        return pl.read_parquet(parquet) if parquet.is_file() else _read_csv(folder / f"{name}.csv")

    return Results(table("episodes"), table("series"), table("summary"), settings, Store(folder / STORE_FOLDER))


def read_settings(path: Path) -> dict[str, Any]:  # Any: what JSON can hold
    """Read a ``settings.json``. Raises: OptionError for what is no JSON, or something else than settings."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(f"{path}: cannot be read as JSON ({error}); delete it, or run the benchmark again") from error
    if not isinstance(found, dict):
        raise OptionError(f"{path}: holds a {type(found).__name__}; expected the settings of a benchmark")
    return found


def _read_csv(path: Path) -> pl.DataFrame:
    """A table with the store's types: a hash of digits alone stays a text, an empty text is no missing value."""
    import polars as pl

    known = schema((*COLUMNS, *INTERVAL_COLUMNS))
    names = pl.read_csv(path, n_rows=0).columns
    types = {name: known[name] for name in names if name in known}
    texts = [name for name, kind in types.items() if kind == pl.String]
    return pl.read_csv(path, schema_overrides=types).with_columns(pl.col(texts).fill_null(""))


def check_format(file_format: str) -> None:
    """Raises: UnknownNameError if it is none of `FORMATS`."""
    if file_format not in FORMATS:
        raise unknown_name("format", file_format, FORMATS)


def _listed_files(folder: Path) -> list[str]:
    """Files that the folder's last complete benchmark listed; only those that a benchmark writes into the folder.

    The list may have been edited: what is elsewhere, a folder, or a part of the store is not for us to remove.
    """
    path = folder / SETTINGS_FILE
    try:
        names = json.loads(path.read_text(encoding="utf-8")).get("files", [])
    except (OSError, ValueError, AttributeError):
        return []
    inside, store = folder.resolve(), (folder / STORE_FOLDER).resolve()

    def ours(name: object) -> bool:
        file = (folder / name).resolve() if isinstance(name, str) else inside
        return file.is_file() and file.is_relative_to(inside) and not file.is_relative_to(store)

    return [name for name in names if ours(name)] if isinstance(names, list) else []
