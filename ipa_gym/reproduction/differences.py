"""Compares a claim with what was made anew: texts number by number, CSV files cell by cell, pictures by their pixels.

Pure functions; each difference names its place and both values. Next: `running.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from ipa_gym.reproduction.blocks import cells
from ipa_gym.reproduction.claims import EXACT, Tolerance

NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\d)")
_CSV_DIGITS = 6  # significant digits that a number in a CSV must share
_PIXELS = 0.02  # mean difference of two pictures, of the whole range, that fonts and libraries may make


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where claim and finding part."""

    where: str
    claimed: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: {self.claimed!r}, now {self.found!r}"


def value(text: str) -> float:
    """The number of a text that `NUMBER` matches."""
    return float(text.replace(",", "").replace("−", "-"))


def text_differences(claimed: str, found: str, tolerance: Tolerance = EXACT) -> list[Difference]:
    """Where two blocks of a page differ, line by line; of a line with measured numbers only those too far apart."""
    differences: list[Difference] = []
    columns: list[str] = []
    pairs = zip_longest(claimed.strip("\n").splitlines(), found.strip("\n").splitlines())
    for index, (old, new) in enumerate(pairs, start=1):
        if old is None or new is None:
            return [*differences, Difference(f"line {index}", old or "(no line)", new or "(no line)")]
        if not old.lstrip().startswith("|"):
            columns = []
        elif not columns:
            columns = cells(old)
        if old.rstrip() != new.rstrip() and not any(text in old for text in tolerance.ignored):
            differences += _line(old, new, columns, tolerance, f"line {index}")
    return differences


def _line(old: str, new: str, columns: Sequence[str], tolerance: Tolerance, where: str) -> Iterator[Difference]:
    """The differences of one line: a table's row cell by cell, else the line as a whole."""
    ours, theirs = cells(old), cells(new)
    if not columns or not len(columns) == len(ours) == len(theirs):
        if not _alike(old, new, tolerance if not tolerance.columns else EXACT):
            yield Difference(where, old.strip(), new.strip())
        return
    for header, claimed, found in zip(columns, ours, theirs, strict=True):
        measured = not tolerance.columns or header in tolerance.columns
        if not _alike(claimed, found, tolerance if measured else EXACT):
            label = ", ".join(filter(None, (ours[0], header)))
            yield Difference(f"{where} ({label})", claimed, found)


def _alike(old: str, new: str, tolerance: Tolerance) -> bool:
    """Whether two texts say the same, their numbers within the tolerance."""
    if " ".join(old.split()) == " ".join(new.split()):
        return True
    if tolerance.within == 1 or " ".join(NUMBER.sub("#", old).split()) != " ".join(NUMBER.sub("#", new).split()):
        return False
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    return all(near(value(claimed), value(found), tolerance.within) for claimed, found in pairs)


def near(claimed: float, found: float, within: float) -> bool:
    """Whether one of two numbers is at most ``within`` times the other, and both have the same sign."""
    if claimed == found:
        return True
    return claimed * found > 0 and max(abs(claimed), abs(found)) <= within * min(abs(claimed), abs(found))


def csv_differences(claimed: Path, found: Path, tolerance: Tolerance = EXACT) -> list[Difference]:
    """Where two CSV files differ; numbers must share six significant digits, measured ones be within the tolerance."""
    import polars as pl

    old, new = (pl.read_csv(path, infer_schema_length=None) for path in (claimed, found))
    if old.columns != new.columns or old.height != new.height:
        shape = [f"{frame.height} rows of {', '.join(frame.columns)}" for frame in (old, new)]
        return [Difference("table", *shape)]
    differences: list[Difference] = []
    for name in old.columns:
        allowed = tolerance if not tolerance.columns or name in tolerance.columns else EXACT
        for row, (ours, theirs) in enumerate(zip(old[name].to_list(), new[name].to_list(), strict=True), start=1):
            if not _equal(ours, theirs, allowed):
                differences.append(Difference(f"row {row} ({name})", str(ours), str(theirs)))
    return differences


def _equal(old: object, new: object, tolerance: Tolerance) -> bool:
    if old == new or (old != old and new != new):
        return True
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return False
    return near(old, new, max(tolerance.within, 1 + 10.0**-_CSV_DIGITS))


def picture_differences(claimed: Path, found: Path) -> list[Difference]:
    """Whether two pictures look the same: equal size, and pixels that differ by less than a fiftieth on average."""
    from matplotlib.image import imread

    old, new = imread(claimed), imread(found)
    if old.shape != new.shape:
        return [Difference("picture", f"size {old.shape[1]} x {old.shape[0]}", f"{new.shape[1]} x {new.shape[0]}")]
    apart = float(np.abs(old[..., :3].astype(np.float64) - new[..., :3]).mean())
    return [] if apart <= _PIXELS else [Difference("picture", "as in the docs", f"pixels differ by {apart:.3f} of 1")]
