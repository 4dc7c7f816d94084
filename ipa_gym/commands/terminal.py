"""What the commands print with: tables and JSON to stdout, progress and notes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

FILE_WIDTH = 150  # characters of a table that goes to a file or a pipe


def stdout() -> Console:
    """Console for results; a pipe gets plain text that is wide enough for every table."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH, color_system=None)


def stderr() -> Console:
    """Console for progress and notes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """One line for the user that is no result."""
    print(text, file=sys.stderr, flush=True)


def show(*parts: RenderableType) -> None:
    """Print results."""
    console = stdout()
    for part in parts:
        console.print(part)


def print_json(value: Any) -> None:  # Any: what JSON can hold
    """Print results as JSON, NaN as null."""
    from ipa_gym.files import finite

    sys.stdout.write(json.dumps(finite(value), indent=2, ensure_ascii=False) + "\n")


@contextmanager
def note_if_slow(text: str, *, after_s: float = 1.0) -> Iterator[None]:
    """Say ``text`` on stderr if the block takes longer than ``after_s``."""
    timer = Timer(after_s, note, args=(text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that takes (done, total); nothing where stderr is no terminal."""
    console = stderr()
    if not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
