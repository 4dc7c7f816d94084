"""`GroupCommit`: writes results to a store as they come, those that came during a write together in the next.

Results that come slowly are each on disk at once; results that come fast do not make a file each. Many small files are
merged on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from ipa_gym.store.store import Store

if TYPE_CHECKING:
    import polars as pl


MERGED_EVERY = 256  # parts that are written before they are merged


class GroupCommit:
    """A thread that adds rows to a store; as a context it has written all of them at the end, also after an error.

    Args:
        store: to which it adds.
        on_stored: called in that thread with the number of rows that have just been written.
    """

    def __init__(self, store: Store, on_stored: Callable[[int], None] = lambda n: None) -> None:
        self._store, self._on_stored = store, on_stored
        self._waiting: list[pl.DataFrame] = []
        self._written: set[Path] = set()  # and not merged yet
        self._changed = Condition()
        self._closed = False
        self._fault: BaseException | None = None
        self._thread = Thread(target=self._write_all, name="group-commit", daemon=True)

    def __enter__(self) -> GroupCommit:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        if error is None:
            self._raise_fault()

    def put(self, rows: pl.DataFrame) -> None:
        """Hand over rows, to be written at once. Raises: what an earlier write or ``on_stored`` has raised."""
        self._raise_fault()
        with self._changed:
            self._waiting.append(rows)
            self._changed.notify()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _write_all(self) -> None:
        import polars as pl

        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                taken, self._waiting = self._waiting, []
                if not taken:
                    return
            try:
                rows = pl.concat(taken)
                self._written.add(self._store.add(rows))
                if self._fault is None:
                    self._on_stored(rows.height)
                if len(self._written) >= MERGED_EVERY:
                    written, self._written = self._written, set()
                    self._store.merge(written)
            except BaseException as fault:  # raised again by `put` or at the end; what comes after is written still
                self._fault = self._fault or fault
