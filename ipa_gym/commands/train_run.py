"""Trains for the command line: progress to stderr, a table and a sentence to stdout, and what to do after Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ipa_gym.commands.terminal import note, print_json, show
from ipa_gym.commands.train_progress import training_progress
from ipa_gym.commands.train_views import held_out_table
from ipa_gym.errors import OptionError
from ipa_gym.training.outcome import TrainingInterrupted, TrainingOutcome
from ipa_gym.training.settings import OUTCOME_FILE, TrainingSettings, check_run_folder, read_settings

if TYPE_CHECKING:
    from ipa_gym.training.progress import OnProgress

INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it


@dataclass(frozen=True, slots=True)
class Showing:
    """What is shown."""

    quiet: bool
    as_json: bool


_BESIDE_RESUME = {"resume", "steps", "test_windows", "quiet", "as_json"}


def check_beside_resume(context: typer.Context) -> None:
    """A run that goes on has its own settings. Raises: OptionError for an option that would set others."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name not in _BESIDE_RESUME and source is not None and source.name == "COMMANDLINE":
            raise OptionError(f"{option.opts[0]} is given beside --resume; expected none: the run's own holds")


def resumed(folder: Path, *, steps: int | None) -> TrainingSettings:
    """The settings of a run that goes on, up to other steps if they are given. Raises: OptionError."""
    settings = replace(read_settings(folder), resume=True)
    return settings if steps is None else replace(settings, steps=steps)


def train_and_show(runs: Sequence[TrainingSettings], *, test_windows: int, showing: Showing) -> None:
    """Train, compare, print. Raises: typer.Exit with code 130 after Ctrl-C."""
    if test_windows < 1:
        raise OptionError(f"test_windows is {test_windows}; expected a whole number of at least 1")
    for settings in runs:
        check_run_folder(settings)  # before torch is loaded
    from ipa_gym.training.held_out import against_best_ipa, as_data, sentence
    from ipa_gym.training.session import train_and_compare

    @contextmanager
    def watching(settings: TrainingSettings) -> Iterator[OnProgress | None]:
        with _saying_how_to_go_on(settings), training_progress(_title(settings), quiet=showing.quiet) as on_progress:
            yield on_progress

    try:
        session = train_and_compare(runs, n_test_windows=test_windows, watching=watching)
    except KeyboardInterrupt as stop:  # of no training
        note("stopped; agents that are trained: " + (", ".join(_finished(runs)) or "none"))
        raise typer.Exit(INTERRUPTED) from stop
    if showing.as_json:
        print_json({"runs": [_plain(outcome) for outcome in session.outcomes], "test": as_data(session.test)})
    else:
        show(held_out_table(session.test))
        print(sentence(against_best_ipa(session.test.evaluation)))
    for outcome in session.outcomes:
        note(_ending(outcome))


def _title(settings: TrainingSettings) -> str:
    return f"{Path(settings.env).stem}/{Path(settings.agent).stem} seed {settings.seed}"


def _finished(runs: Sequence[TrainingSettings]) -> list[str]:
    return [f"{settings.folder}/" for settings in runs if (settings.folder / OUTCOME_FILE).exists()]


def _plain(outcome: TrainingOutcome) -> dict[str, object]:
    return {**asdict(outcome), "folder": str(outcome.folder), "agent": str(outcome.agent)}


def _ending(outcome: TrainingOutcome) -> str:
    early = ", stopped early" if outcome.stopped_early else ""
    speed = outcome.steps / outcome.elapsed_s if outcome.elapsed_s else 0.0
    return (
        f"{outcome.steps:,} steps in {outcome.elapsed_s:.0f} s ({speed:,.0f} a second){early}; the agent of "
        f"{outcome.best_steps:,} steps is in {outcome.folder}/"
    )


@contextmanager
def _saying_how_to_go_on(settings: TrainingSettings) -> Iterator[None]:
    """Turn Ctrl-C into two lines and exit code 130."""
    try:
        yield
    except TrainingInterrupted as stop:
        if stop.checkpoint is None:
            note("stopped before the first checkpoint")
        else:
            note(f"stopped after {stop.steps:,} steps; saved in {stop.checkpoint}")
        note(f"go on with: ipa-gym train --resume {settings.folder}")
        raise typer.Exit(INTERRUPTED) from stop
