"""`train_and_compare`: runs one after another, and what their agents are worth in the end.

What ``ipa-gym train`` calls; it returns data, shows nothing, and leaves ``test.json`` in the run folder, or beside the
folders of several seeds. Next: `learning.py`, `held_out.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.errors import OptionError
from ipa_gym.training.held_out import N_WINDOWS, HeldOut, play_held_out, write_held_out
from ipa_gym.training.learning import train
from ipa_gym.training.outcome import TrainingOutcome
from ipa_gym.training.progress import OnProgress
from ipa_gym.training.settings import TrainingSettings, check_run_folder

Watching = Callable[[TrainingSettings], AbstractContextManager[OnProgress | None]]  # around each run


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Finished runs of one agent and their comparison."""

    outcomes: tuple[TrainingOutcome, ...]
    test: HeldOut  # on windows of the test days
    written: Path  # test.json


def _unwatched(_: TrainingSettings) -> AbstractContextManager[OnProgress | None]:
    return nullcontext()


def train_and_compare(
    runs: Sequence[TrainingSettings], *, n_test_windows: int = N_WINDOWS, watching: Watching = _unwatched
) -> Session:
    """Train each run, then play all their agents on the test days.

    Args:
        runs: the same agent on the same pipeline, with different seeds.
        n_test_windows: of the comparison.
        watching: makes a context around a run, which gives what is told of its progress.
    Raises: IpaGymError before anything is made; TrainingInterrupted.
    """
    if len({settings.folder for settings in runs}) != len(runs) or len({s.folder.parent for s in runs}) != 1:
        raise OptionError("runs: expected at least one, all of one agent on one pipeline, each with a seed of its own")
    for settings in runs:
        check_run_folder(settings)
    outcomes = []
    for settings in runs:
        with watching(settings) as on_progress:
            outcomes.append(train(settings, on_progress=on_progress))
    test = play_held_out(runs[0], outcomes, n_windows=n_test_windows)
    folder = runs[0].folder if len(runs) == 1 else runs[0].folder.parent
    return Session(tuple(outcomes), test, write_held_out(test, folder))
