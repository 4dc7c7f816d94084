"""`reproduce_run`: one command in a working copy, and what became of the blocks and figures that it makes.

The command's output goes into a log beside the copy. Where it does not write the docs' pages itself, its output or the
files that it wrote are put there, so that the copy's docs are what the docs should say. Next: `differences.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ipa_gym.errors import IpaGymError, OptionError
from ipa_gym.reproduction.blocks import deepened, marker, read_block, tables, write_block
from ipa_gym.reproduction.claims import PAGE, STDOUT, Block, Picture, Run
from ipa_gym.reproduction.differences import Difference, csv_differences, picture_differences, text_differences
from ipa_gym.reproduction.working_copy import environment, missing

Status = Literal["matches", "differs", "failed", "not run"]


@dataclass(frozen=True, slots=True)
class Part:
    """A block or a figure of the docs and how it compares."""

    place: str  # page and block, or the figure's path
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run gave."""

    name: str
    status: Status
    reason: str  # why it was not run or failed; else empty
    seconds: float
    parts: tuple[Part, ...]


def reproduce_run(run: Run, checkout: Path, copy: Path, *, made: Collection[str] = ()) -> Outcome:
    """Run the command in the copy and compare what it makes with the checkout's docs.

    Args:
        run: what to do.
        checkout: whose README and docs are compared.
        copy: of it, from `make_copy`; its docs are changed.
        made: names of the runs whose files are in the copy.
    """
    absent = missing(checkout, run.needs) + [name for name in run.after if name not in made]
    if absent:
        return Outcome(run.name, "not run", f"needs {', '.join(absent)}", 0.0, ())
    started = time.perf_counter()
    try:
        log = _execute(run, copy)
        for block in run.blocks:
            _put_into_page(block, copy, log)
        parts = tuple(_compared(run, checkout, copy))
    except (IpaGymError, OSError) as error:
        return Outcome(run.name, "failed", str(error), time.perf_counter() - started, ())
    status: Status = "differs" if any(part.differences for part in parts) else "matches"
    return Outcome(run.name, status, "", time.perf_counter() - started, parts)


def _execute(run: Run, copy: Path) -> Path:
    """Run the command; returns the file with what it printed. Raises: OptionError where it does not end well."""
    program = [sys.executable, "-m", "ipa_gym.cli"] if run.command[0] == "ipa-gym" else [sys.executable]
    out, log = (copy.parent / f"{run.name}.{kind}" for kind in ("out", "log"))
    with out.open("w", encoding="utf-8") as printed, log.open("w", encoding="utf-8") as noted:
        done = subprocess.run(
            [*program, *run.command[1:]],
            cwd=copy,
            env=environment(copy),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=noted,
            check=False,
        )
    if done.returncode:
        noted_lines = filter(str.strip, log.read_text(encoding="utf-8", errors="replace").splitlines())
        raise OptionError(f"{' '.join(run.command)} ended with {done.returncode}: {[str(log), *noted_lines][-1]}")
    return out


def _put_into_page(block: Block, copy: Path, out: Path) -> None:
    """Put what the command printed or wrote between the page's markers, where it does not do that itself."""
    if block.source == PAGE:
        return
    source = out if block.source == STDOUT else copy / block.source
    text = "\n".join(line.rstrip() for line in source.read_text(encoding="utf-8").splitlines()).strip("\n")
    if block.table is not None:
        found = tables(text)
        if block.table >= len(found):
            raise OptionError(f"{block.page}: {block.begin!r} is table {block.table}; {len(found)} were printed")
        text = "\n".join(found[block.table])
    text = f"```text\n{text}\n```" if block.fenced else deepened(text, block.headings)
    write_block(text, begin=marker(block.begin), page=copy / block.page)


def _compared(run: Run, checkout: Path, copy: Path) -> Sequence[Part]:
    parts = []
    for block in run.blocks:
        claimed, found = (read_block(folder / block.page, block.begin) for folder in (checkout, copy))
        parts.append(Part(f"{block.page}, {block.begin}", tuple(text_differences(claimed, found, block.tolerance))))
    figures = (Part(picture.path, tuple(_figure(picture, checkout, copy))) for picture in run.pictures)
    return [*parts, *figures]


def _figure(picture: Picture, checkout: Path, copy: Path) -> list[Difference]:
    """Compare a figure by its numbers if they lie beside it, else by its looks; the copy's docs get the new one."""
    differences: list[Difference] = []
    claimed, made = checkout / picture.path, copy / picture.source
    numbers, made_numbers = claimed.with_suffix(".csv"), made.with_suffix(".csv")
    for path in (claimed, made):
        if not path.is_file():
            return [Difference("file", f"{picture.path}", f"{path}: no such file")]
    if numbers.is_file() and made_numbers.is_file():
        differences = csv_differences(numbers, made_numbers, picture.tolerance)
    elif claimed.suffix == ".png":
        differences = picture_differences(claimed, made)
    for source, place in ((made, copy / picture.path), (made_numbers, (copy / picture.path).with_suffix(".csv"))):
        if source != place and source.is_file() and (checkout / place.relative_to(copy)).is_file():
            shutil.copyfile(source, place)
    return differences
