"""Numbers in running text against the tables that they come from, within one checkout; nothing is run.

A number in prose is right if it is the table's, rounded to the digits that the prose shows: "38 million" says 38 and
six places that are not shown, "317,000" three that are.
"""

from __future__ import annotations

import re
from pathlib import Path

from ipa_gym.errors import OptionError
from ipa_gym.reproduction.blocks import cells, read_block, tables
from ipa_gym.reproduction.claims import Cell, Prose
from ipa_gym.reproduction.differences import NUMBER, Difference, value

_WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_IN_TEXT = rf"({NUMBER.pattern}(?: (?:{'|'.join(_WORDS)}))?)"


def prose_differences(prose: Prose, checkout: Path) -> list[Difference]:
    """Where a sentence's numbers are not the tables'.

    Raises: OptionError where a cell that the claim names is not in its page.
    """
    page = " ".join((checkout / prose.page).read_text(encoding="utf-8").split())
    pattern = _IN_TEXT.join(map(re.escape, _parts(prose.text)))
    found = re.search(pattern, page)
    if found is None:
        return [Difference(prose.page, prose.text, "no such sentence")]
    differences = []
    for shown, cell in zip(found.groups(), prose.cells, strict=True):
        number = cell_number(cell, checkout)
        if abs(number - prose_value(shown)) > 0.5000001 * shown_unit(shown):
            where = f"{prose.page}, {found.group(0)!r}"
            differences.append(Difference(where, shown, f"{number:,.10g} in {cell.page} ({cell.column})"))
    return differences


def _parts(text: str) -> list[str]:
    """The text around its ``{}``; a space beside one stays with its part."""
    return [re.sub(r"\s+", " ", part) for part in text.split("{}")]


def prose_value(shown: str) -> float:
    """The number that a text such as ``38 million`` or ``317,000`` shows."""
    digits, _, word = shown.partition(" ")
    return value(digits) * _WORDS.get(word, 1.0)


def shown_unit(shown: str) -> float:
    """What the last digit counts that such a text shows: 1,000 of ``317,000``, 0.01 of ``0.16``."""
    digits, _, word = shown.partition(" ")
    plain = digits.replace(",", "").lstrip("+-−")
    if "." in plain:
        unit = 10.0 ** -len(plain.partition(".")[2])
    else:
        unit = 10.0 ** (len(plain) - len(plain.rstrip("0"))) if plain.strip("0") else 1.0
    return unit * _WORDS.get(word, 1.0)


def cell_number(cell: Cell, checkout: Path) -> float:
    """The number in a table's cell. Raises: OptionError where table, row, column or number is not there."""
    found = tables(read_block(checkout / cell.page, cell.begin))
    if cell.table >= len(found):
        raise OptionError(f"{cell.page}, {cell.begin}: has {len(found)} tables; expected number {cell.table}")
    header, _, *rows = found[cell.table]
    columns = cells(header)
    matching = [row for row in map(cells, rows) if tuple(row[: len(cell.row)]) == cell.row]
    if cell.column not in columns or len(matching) != 1:
        raise OptionError(
            f"{cell.page}, {cell.begin}: {len(matching)} rows begin with {', '.join(cell.row)}, columns are "
            f"{', '.join(columns)}; expected one such row, and {cell.column!r}"
        )
    numbers = NUMBER.findall(matching[0][columns.index(cell.column)])
    if cell.number >= len(numbers):
        raise OptionError(f"{cell.page}, {cell.begin}, {cell.column}: no number {cell.number} in the cell")
    return value(numbers[cell.number])
