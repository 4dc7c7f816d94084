"""Blocks of a page: what stands between ``<!-- begin: ... -->`` and ``<!-- end -->``; and Markdown tables in them.

Reads and writes text; what it means is the business of others. Next: `differences.py`, `prose.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

from ipa_gym.errors import OptionError
from ipa_gym.files import write_text

BEGIN, END = "<!-- begin: ", "<!-- end -->"


def marker(name: str) -> str:
    """The line that a block of this name begins with."""
    return f"{BEGIN}{name} -->"


def read_block(page: Path, name: str) -> str:
    """The text of a block, without the line breaks beside its markers. Raises: OptionError where it is not there."""
    _, text, _ = _parted(page, marker(name), END)
    return text.strip("\n")


def write_block(text: str, *, begin: str, end: str = END, page: Path) -> None:
    """Replace what stands between two markers of a page.

    Raises: OptionError where they do not follow one another.
    """
    before, _, after = _parted(page, begin, end)
    write_text(f"{before}{begin}\n{text}\n{end}{after}", page)


def tables(text: str) -> list[list[str]]:
    """The Markdown tables of a text, each as its lines."""
    found: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        is_row = line.lstrip().startswith("|")
        if is_row and not inside:
            found.append([])
        if is_row:
            found[-1].append(line.strip())
        inside = is_row
    return found


def cells(line: str) -> list[str]:
    """The cells of a table's line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def deepened(text: str, levels: int) -> str:
    """The same Markdown with its headings so many levels deeper."""
    return re.sub(r"^(#+ )", "#" * levels + r"\1", text, flags=re.MULTILINE) if levels else text


def _parted(page: Path, begin: str, end: str) -> tuple[str, str, str]:
    """What stands before, between and after; the markers left out."""
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    text, closed, after = rest.partition(end)
    if not (found and closed) or BEGIN in text:
        raise OptionError(f"{page}: no {begin!r} followed by {end!r}; expected both, put them back")
    return before, text, after
