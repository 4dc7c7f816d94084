"""Made-up rows of a store, told apart by their seed."""

from __future__ import annotations

import polars as pl

from ipa_gym.store import COLUMNS, Key, schema
from ipa_gym.store.columns import INTERVAL_COLUMNS, Column

PLAIN = {"text": "x", "integer": 1, "number": 1.5, "texts": ["a", "b"], "integers": [1, 2]}


def key(seed: int) -> Key:
    return Key("x", "x", "0:1200", "x", "", seed, "1", "h")


def rows(*seeds: int, **values: object) -> pl.DataFrame:
    """A row a seed; ``values`` in place of the made-up ones."""
    return pl.DataFrame([_row(seed, values) for seed in seeds], schema=schema())


def _row(seed: int, values: dict[str, object]) -> dict[str, object]:
    interval = {column.name: PLAIN[column.kind] for column in INTERVAL_COLUMNS}
    made_up = {column.name: _value(column) for column in COLUMNS}
    own = {"seed": seed, "window": "0:1200", "training_seed": "", "version": "1", "settings_hash": "h"}
    return made_up | own | {"intervals_series": [interval, interval]} | values


def _value(column: Column) -> object:
    return PLAIN.get(column.kind)
