"""`Key`: what makes a row of the store the same row. Two rows of one key differ in their timings at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from ipa_gym.store.columns import KEY_COLUMNS, schema

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Key:
    """The columns `KEY`, in their order; see `columns.KEY_COLUMNS`."""

    pipeline: str
    trace: str
    window: str
    agent: str
    training_seed: str
    seed: int
    version: str
    settings_hash: str


def key_frame(keys: Iterable[Key]) -> pl.DataFrame:
    """A row a key, in their order."""
    import polars as pl

    return pl.DataFrame([astuple(key) for key in keys], schema=schema(KEY_COLUMNS), orient="row")
