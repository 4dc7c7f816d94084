"""Writes numbers for the page: with sensible digits, intervals in brackets, a dash where there is none."""

from __future__ import annotations

import math
from typing import Any

from ipa_gym.report.section import Cell

NONE = "–"
MINUS = "−"


def number(value: float | None, digits: int) -> str:
    """``1,234.5`` or ``−0.31``; a dash for None and NaN."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:,.{digits}f}"
    return (text if float(text.replace(",", "")) else text.lstrip("-")).replace("-", MINUS)  # no minus before zero


def number_cell(value: float | None, digits: int, *, low: float | None = None, high: float | None = None) -> Cell:
    """A cell that sorts by its value; with an interval where both ends are known."""
    known = value is not None and math.isfinite(value)
    both = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    interval = f"[{number(low, digits)}, {number(high, digits)}]" if known and both else ""
    return Cell(number(value, digits), value if known else None, interval)


def p_cell(value: float | None) -> Cell:
    """A p value: three digits, and below that only that it is less."""
    cell = number_cell(value, 3)
    return Cell("< 0.001", cell.order) if value is not None and value < 0.0005 else cell


def agent_cell(name: str, marks: str = "") -> Cell:
    """An agent's name with its look, and marks that a note explains behind it."""
    return Cell(name, name, marks, agent=True)


def text_cell(text: str | None) -> Cell:
    """Plain text; a dash for None and for nothing."""
    return Cell(text or NONE, text or None)


def rounded(value: float | None, figures: int = 4) -> float | None:
    """The value with so many significant figures, for the page's data; None for NaN, which JSON has not."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{figures}g}")


def compact(values: Any, figures: int = 4) -> list[Any]:  # Any: a column of numbers
    """A list of rounded numbers, whole ones without a point: what takes least room in JSON."""
    found = (rounded(float(value), figures) if value is not None else None for value in values)
    return [int(value) if value is not None and value == int(value) else value for value in found]
