"""The parts of a report: `Section` (a heading, how to read it, plots or tables), `Picture` (a figure, its numbers).

Values only. Each module beside this one makes one section; `page.py` puts them into a page, `writing.py` on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table in the page."""

    text: str
    order: float | str | None = None  # what the column is sorted by; None: the cell goes last
    interval: str = ""  # shown smaller, behind the text
    agent: bool = False  # a name that gets the agent's colour and marker


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table that the reader can sort. Tables of one section with different groups are shown one at a time."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    group: str = ""  # what the section's dropdown calls it
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure to write, its numbers beside it."""

    name: str  # of the files, without a suffix
    draw: Callable[[], Figure]
    table: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. Without data and tables, it says which command makes what is missing."""

    name: str  # its place in the page, and which function of ``page/*.js`` draws it
    title: str
    reading: str  # one sentence: how to read it
    missing: str = ""  # the command that makes its data
    data: Any = None  # Any: what JSON can hold, for the script
    tables: Sequence[PageTable] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.data is None and not self.tables
