"""`reproduce`: all that is claimed, made anew and compared. What ``ipa-gym reproduce`` runs; it prints nothing.

Next: `claims.py`, `running.py`, `prose.py`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.reproduction.blocks import marker, read_block, write_block
from ipa_gym.reproduction.claims import Run, load_claims
from ipa_gym.reproduction.differences import Difference
from ipa_gym.reproduction.prose import prose_differences
from ipa_gym.reproduction.running import Outcome, reproduce_run
from ipa_gym.reproduction.working_copy import make_copy

OnStart = Callable[[Run], None]
OnEnd = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came out."""

    outcomes: tuple[Outcome, ...]
    prose: tuple[Difference, ...]  # numbers in running text that are not the tables'
    n_prose: int  # sentences that were compared
    written: tuple[str, ...]  # files of the checkout that were replaced

    @property
    def matches(self) -> bool:
        """Whether nothing differs or failed; what could not be run does not count."""
        return not self.prose and all(outcome.status in ("matches", "not run") for outcome in self.outcomes)


def reproduce(
    checkout: Path,
    names: Sequence[str] = (),
    *,
    most_minutes: float | None = None,
    write: bool = False,
    folder: Path | None = None,
    on_start: OnStart = lambda run: None,
    on_end: OnEnd = lambda outcome: None,
) -> Reproduction:
    """Make what README and docs claim anew, in a copy of the checkout, and compare.

    Args:
        checkout: see `find_checkout`.
        names: of runs in docs/claims.yaml; all where none is named. Numbers in prose are compared in any case.
        most_minutes: leave out runs that take longer.
        write: put pages and figures that differ into the checkout; its prose stays.
        folder: where the copy and the logs are kept, new or empty; None: a temporary one that is removed.
        on_start, on_end: called around each run.
    Raises: UnknownNameError for a name, CardError for a broken claims file.
    """
    claims = load_claims(checkout)
    chosen = [run for run in claims.chosen(names) if most_minutes is None or run.minutes <= most_minutes]
    place = Path(tempfile.mkdtemp(prefix="ipa-gym-reproduce-")) if folder is None else folder
    place.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    written: list[str] = []
    try:
        if chosen:
            copy = make_copy(checkout, place, needs=[need for run in chosen for need in run.needs])
        for run in chosen:
            on_start(run)
            made = {outcome.name for outcome in outcomes if outcome.status in ("matches", "differs")}
            outcomes.append(reproduce_run(run, checkout, copy, made=made))
            on_end(outcomes[-1])
            if write and outcomes[-1].status == "differs":
                written += _taken_over(run, checkout, copy)
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
    prose = [difference for entry in claims.prose for difference in prose_differences(entry, checkout)]
    return Reproduction(tuple(outcomes), tuple(prose), len(claims.prose), tuple(written))


def _taken_over(run: Run, checkout: Path, copy: Path) -> list[str]:
    """Put the run's blocks and figures into the checkout, and nothing else; returns the files that were changed."""
    changed: dict[str, None] = {}
    for block in run.blocks:
        write_block(read_block(copy / block.page, block.begin), begin=marker(block.begin), page=checkout / block.page)
        changed[block.page] = None
    for picture in run.pictures:
        for name in (picture.path, str(Path(picture.path).with_suffix(".csv"))):
            if (copy / name).is_file():
                shutil.copyfile(copy / name, checkout / name)
                changed[name] = None
    return list(changed)
