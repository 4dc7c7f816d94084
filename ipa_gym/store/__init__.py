"""The results store: a row an episode, in Parquet files that any number of runs may write at once.

`Store(folder)` reads and adds, `Key` says which row is which, `columns.py` has every column. It knows nothing of how an
episode is run: that is the business of `ipa_gym.benchmark`.
"""

from ipa_gym.store.columns import (
    COLUMNS,
    FLAT,
    INTERVAL_LISTS,
    KEY,
    LATENCY_BINS,
    LATENCY_BINS_PER_SLA,
    TIMINGS,
    schema,
)
from ipa_gym.store.group_commit import GroupCommit
from ipa_gym.store.key import Key, key_frame
from ipa_gym.store.store import Store

__all__ = [
    "COLUMNS",
    "FLAT",
    "INTERVAL_LISTS",
    "KEY",
    "LATENCY_BINS",
    "LATENCY_BINS_PER_SLA",
    "TIMINGS",
    "GroupCommit",
    "Key",
    "Store",
    "key_frame",
    "schema",
]
