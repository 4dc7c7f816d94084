"""Chooses which rows of a store are compared: one version, and in each pipeline one set of settings, one row a run.

A store may hold rows of several versions, of studies that vary weights or forecasts, and of cards that have changed
since. `choose` keeps what belongs together and says in plain sentences what it left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipa_gym.benchmark.identity import program_version
from ipa_gym.benchmark.styles import in_table_order
from ipa_gym.report.source import Source
from ipa_gym.store import KEY

if TYPE_CHECKING:
    import polars as pl

SETTINGS = ("interval_s", "alpha", "beta", "options")  # alike within a pipeline
RUN = ("pipeline", "trace", "window", "agent", "training_seed", "seed")  # one row each


@dataclass(frozen=True, slots=True)
class Choice:
    """The rows of the report."""

    main: pl.DataFrame  # what is compared: a row a run, pipelines by name, agents in table order
    rows: pl.DataFrame  # all of the same version, studies included
    version: str
    notes: tuple[str, ...]  # what was left out, and why


def choose(source: Source) -> Choice:
    """The rows that the folder's benchmark asked for; where none is complete, those of the commonest settings."""
    import polars as pl

    asked = source.rows
    if source.asked is not None:
        found = source.rows.join(source.asked, on=KEY, how="semi", maintain_order="left")
        asked = found if found.height else asked
    version = _version(asked)
    rows = source.rows.filter(pl.col("version") == version)
    main = _in_order(_one_row_a_run(_alike(asked.filter(pl.col("version") == version))))
    return Choice(main, rows, version, tuple(_notes(source.rows, rows, main)))


def _notes(everything: pl.DataFrame, rows: pl.DataFrame, main: pl.DataFrame) -> list[str]:
    notes = []
    if rows.height < everything.height:
        others = sorted(set(everything["version"]) - set(rows["version"]))
        n = everything.height - rows.height
        notes.append(f"{n:,} rows of other versions ({', '.join(others)}) are in the store and not used.")
    if main.height < rows.height:
        n = rows.height - main.height
        notes.append(f"{n:,} rows of other settings are in the store; sections on weights and forecasts use them.")
    return notes


def _version(rows: pl.DataFrame) -> str:
    """The version that runs now where it has rows, else the one with most; of several, the last by name."""
    counts = rows.group_by("version").len().sort("len", "version", descending=True)
    found = [str(name) for name in counts["version"]]
    return program_version() if program_version() in found else found[0]


def _alike(rows: pl.DataFrame) -> pl.DataFrame:
    """In each pipeline the rows of the commonest settings, and of each agent those of its commonest forecast.

    Where several are equally common: standard options before others; of forecasts, what most rows of the pipeline saw.
    """
    import polars as pl

    parts = []
    for _, part in rows.group_by("pipeline", maintain_order=True):
        settings = part.group_by(SETTINGS, maintain_order=True).len()
        settings = settings.with_columns(standard=pl.col("options") == "{}")
        best = settings.sort("len", "standard", descending=True, maintain_order=True).head(1)
        alike = part.join(best, on=SETTINGS, how="semi", maintain_order="left")
        usual = alike.group_by("forecast").len("usual")
        seen = alike.group_by("agent", "forecast", maintain_order=True).len().join(usual, on="forecast")
        order = seen.sort("len", "usual", "forecast", descending=True)
        chosen = order.unique("agent", keep="first", maintain_order=True)
        parts.append(alike.join(chosen, on=["agent", "forecast"], how="semi", maintain_order="left"))
    return pl.concat(parts)


def _one_row_a_run(rows: pl.DataFrame) -> pl.DataFrame:
    """Of runs with several settings hashes (a card was edited meanwhile) the last in the store."""
    return rows.unique(RUN, keep="last", maintain_order=True)


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Sorted by pipeline, agent (as in tables) and seeds; loads stay as they come in the store."""
    import polars as pl

    agents = in_table_order(rows["agent"].unique(maintain_order=True).to_list())
    place = pl.col("agent").replace_strict({name: place for place, name in enumerate(agents)}, return_dtype=pl.Int64)
    return rows.sort(pl.col("pipeline"), place, "training_seed", "seed", maintain_order=True)
