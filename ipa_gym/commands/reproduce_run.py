"""Runs the reproduction for the command line: what is under way to stderr, what differs to stdout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ipa_gym.commands.terminal import note, print_json, show
from ipa_gym.errors import OptionError
from ipa_gym.files import check_output_folder
from ipa_gym.reproduction import Reproduction, find_checkout, load_claims, reproduce
from ipa_gym.reproduction.claims import Run
from ipa_gym.reproduction.running import Outcome
from ipa_gym.reproduction.working_copy import missing

SHOWN = 12  # differences of a block or figure that are printed


@dataclass(frozen=True, slots=True)
class ReproduceRequest:
    """What the command line asks for."""

    names: tuple[str, ...]
    minutes: float | None
    prose_only: bool
    write: bool
    keep: Path | None


def list_claims(names: list[str], *, as_json: bool) -> None:
    """Print what is claimed and how long it takes to make."""
    checkout = find_checkout()
    claims = load_claims(checkout)
    runs = claims.chosen(names)
    if as_json:
        print_json({"runs": [asdict(run) for run in runs], "prose": [asdict(entry) for entry in claims.prose]})
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in ("claim", "minutes", "makes", "needs"):
        table.add_column(header, no_wrap=header != "makes", justify="right" if header == "minutes" else "left")
    for run in runs:
        table.add_row(run.name, f"{run.minutes:g}", run.title, ", ".join(missing(checkout, run.needs)) or "")
    total = sum(run.minutes for run in runs)
    show(
        table, f"{len(runs)} claims, about {total:.0f} minutes on two cores; {len(claims.prose)} sentences with numbers"
    )


def run_and_show(request: ReproduceRequest, *, as_json: bool) -> None:
    """Reproduce, print, and end with 1 if anything differs."""
    if request.minutes is not None and not request.minutes > 0:
        raise OptionError(f"--minutes is {request.minutes:g}; expected a number above 0")
    if request.prose_only and request.names:
        raise OptionError(f"--prose beside {', '.join(request.names)}; expected either claims or --prose, not both")
    if request.keep is not None:
        check_output_folder(request.keep)
        if request.keep.exists() and any(request.keep.iterdir()):
            raise OptionError(f"--keep: folder {request.keep} is not empty; expected a new one")
    found = reproduce(
        find_checkout(),
        request.names,
        most_minutes=0.0 if request.prose_only else request.minutes,
        write=request.write,
        folder=request.keep,
        on_start=_started,
        on_end=_ended,
    )
    if as_json:
        print_json({"matches": found.matches, **asdict(found)})
    else:
        print("\n".join(lines(found)))
    if not found.matches:
        raise typer.Exit(1)


def _started(run: Run) -> None:
    note(f"{run.name}: {' '.join(run.command)} (about {run.minutes:g} minutes)")


def _ended(outcome: Outcome) -> None:
    note(f"{outcome.name}: {outcome.status} after {outcome.seconds / 60:.1f} minutes")


def lines(found: Reproduction) -> Iterator[str]:
    """What came out, a line a claim, the differences below it."""
    for outcome in found.outcomes:
        yield f"{outcome.name}: {outcome.status}{': ' if outcome.reason else ''}{outcome.reason}"
        for part in outcome.parts:
            if part.differences:
                yield f"  {part.place}: {len(part.differences)} differ"
            yield from (f"    {difference}" for difference in part.differences[:SHOWN])
            if len(part.differences) > SHOWN:
                yield f"    and {len(part.differences) - SHOWN} more"
    yield f"numbers in running text: {len(found.prose)} of {found.n_prose} sentences differ from the tables"
    yield from (f"  {difference}" for difference in found.prose)
    yield from (f"wrote {name}" for name in found.written)
