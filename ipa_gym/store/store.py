"""`Store`: a folder of results, a row an episode. Any number of processes may read, write and merge it at once.

Rows come in parts (`parts.py`) that appear whole; a reader drops rows of a key that it has seen. So a row that was
added stays, whatever is killed when, and a row that was added twice counts once. The parts can be read without this
package: ``polars.read_parquet("results/store/*.parquet")``, or DuckDB's ``FROM 'results/store/*.parquet'``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.errors import StoreError, unknown_name
from ipa_gym.store.columns import COLUMNS, KEY, schema
from ipa_gym.store.key import Key, key_frame
from ipa_gym.store.parts import check_parts, list_parts, remove_forgotten, scan_parts, write_part

if TYPE_CHECKING:
    import polars as pl

MERGED_BYTES = 64 * 2**20  # parts of at least this size are left as they are
_ATTEMPTS = 100  # readings that other processes' merges may spoil, one after the other


class Store:
    """Results in a folder.

    Args:
        folder: made with the first row.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def add(self, rows: pl.DataFrame) -> Path:
        """Add rows, all of them or, if the process is killed, none. Rows of a key that is there already do nothing.

        Args:
            rows: the columns of `COLUMNS`, in any order; at least one row.
        Returns: the new part.
        """
        types = schema()
        return write_part(rows.select(types.names()).cast(types), self.folder)

    def read(self, columns: Sequence[str] | None = None, *, keys: Iterable[Key] | None = None) -> pl.DataFrame:
        """The rows, each key once.

        Args:
            columns: which ones, in this order; None: all.
            keys: only the rows of these; None: of all.
        Raises: UnknownNameError for a column that there is none of; StoreError for a file that is no part of a store.
        """
        names = [column.name for column in COLUMNS]
        for name in columns or ():
            if name not in names:
                raise unknown_name("column of the store", name, names)
        wanted = None if keys is None else key_frame(keys)
        return self._read(list(columns or names), wanted)[0]

    def missing(self, keys: Sequence[Key]) -> list[Key]:
        """Those of the keys that have no row, in their order. Raises: StoreError as `read`."""
        found = {Key(*row) for row in self.read(KEY, keys=keys).iter_rows()}
        return [key for key in keys if key not in found]

    def merge(self, only: Collection[Path] | None = None) -> None:
        """Put small parts together into a large one; not those with other columns, of another version of this program.

        Args:
            only: merge none but these, where they are still there; None: all.
        Raises: StoreError as `read`.
        """
        import polars as pl

        remove_forgotten(self.folder)

        def choose(parts: list[Path]) -> list[Path]:
            return _to_merge(parts if only is None else [part for part in parts if part in only])

        rows, parts = self._read([column.name for column in COLUMNS], None, choose=choose)
        if len(parts) < 2:
            return
        write_part(rows.sort([pl.col(name) for name in KEY]), self.folder, durable=True)
        for part in parts:
            part.unlink(missing_ok=True)

    def _read(
        self, columns: list[str], wanted: pl.DataFrame | None, *, choose: Callable[[list[Path]], list[Path]] = list
    ) -> tuple[pl.DataFrame, list[Path]]:
        """Rows, and the parts that they are from; again from the start if a merge took a part away meanwhile."""
        import polars as pl

        for _ in range(_ATTEMPTS):
            listed = list_parts(self.folder)
            try:
                parts = choose(listed)
                if not parts:
                    return pl.DataFrame(schema=schema()).select(columns), parts
                return _rows(parts, columns, wanted), parts
            except FileNotFoundError:
                continue
        raise StoreError(f"{self.folder}: files went while they were read, {_ATTEMPTS} times; expected a stable folder")


def _rows(parts: list[Path], columns: list[str], wanted: pl.DataFrame | None) -> pl.DataFrame:
    """Rows of the wanted keys, each once. Raises: FileNotFoundError, StoreError."""
    import polars as pl

    def collected(strict: bool) -> pl.DataFrame:
        rows = scan_parts(parts, strict=strict).select(list(dict.fromkeys([*KEY, *columns])))
        if wanted is not None:
            rows = rows.join(wanted.lazy(), on=KEY, how="semi", maintain_order="left")
        return rows.unique(KEY, keep="first", maintain_order=True).collect().select(columns)

    try:
        return collected(True)
    except pl.exceptions.PolarsError:
        check_parts(parts)  # says which file is to blame
        return collected(False)  # none: some are of an older program, without columns that came later


def _to_merge(parts: list[Path]) -> list[Path]:
    """Small parts with today's columns."""
    import polars as pl

    small = [part for part in parts if part.stat().st_size < MERGED_BYTES]
    try:
        return [part for part in small if pl.read_parquet_schema(part) == schema()]
    except pl.exceptions.PolarsError:
        check_parts(small)
        raise
