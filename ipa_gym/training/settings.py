"""`TrainingSettings`: what one training run is asked for, where its folder lies, and the ``settings.json`` in it.

A run folder with ``settings.json`` has begun; one with ``outcome.json`` beside it is finished, see `outcome.py`.
Nothing here loads torch or trains. Next: `learning.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.files import check_output_folder, write_json

SETTINGS_FILE, OUTCOME_FILE = "settings.json", "outcome.json"
EVALUATIONS = 20  # of a run, where ``eval_every`` does not say how often
_CHANGEABLE = ("out", "steps", "resume")  # what a run that goes on may have otherwise than before


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """One run: an agent that learns on a pipeline from one seed.

    Raises: OptionError naming the field that is out of its range.
    """

    env: str = "video"  # name or path of a pipeline card
    agent: str = "ppo"  # name or path of a trainable agent's card
    steps: int | None = None  # decisions over all environments; None: the agent card's
    seed: int = 0
    n_envs: int | None = None  # None: the agent card's
    trace: str = "twitter-like"
    forecast: str | None = None  # None: the agent card's, else the pipeline card's
    overrides: Mapping[str, object] = field(default_factory=dict)  # hyperparameter of the card -> value
    out: Path = Path("runs")
    eval_every: int | None = None  # steps between evaluations; None: a twentieth of the run
    eval_windows: int = 32  # validation windows that an evaluation plays
    early_stop: int | None = None  # stop after so many evaluations without a better mean reward
    checkpoint_every: int | None = None  # steps between checkpoints; None: as ``eval_every``
    tensorboard: bool = True
    resume: bool = False  # go on with the run in the folder

    def __post_init__(self) -> None:
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < lowest):
                raise OptionError(f"{name} is {value!r}; expected a whole number of at least {lowest}")

    @property
    def folder(self) -> Path:
        """The run folder: ``out/ENV/AGENT/seed-S``."""
        return self.out / Path(self.env).stem / Path(self.agent).stem / f"seed-{self.seed}"

    def eval_every_of(self, steps: int) -> int:
        """Steps between evaluations of a run of ``steps``."""
        return self.eval_every or max(1, steps // EVALUATIONS)

    def checkpoint_every_of(self, steps: int) -> int:
        """Steps between checkpoints of a run of ``steps``."""
        return self.checkpoint_every or self.eval_every_of(steps)


_LOWEST: Mapping[str, int] = {  # field -> the least that it may be
    "steps": 1, "seed": 0, "n_envs": 1, "eval_every": 1, "eval_windows": 1, "early_stop": 1, "checkpoint_every": 1,
}  # fmt: skip


def check_run_folder(settings: TrainingSettings) -> None:
    """Before anything is made: may this run write into its folder?

    Raises: OptionError if another run is there, if there is none to go on with, or if the folder cannot be written.
    """
    folder = settings.folder
    check_output_folder(folder)
    if settings.resume:
        _check_same_run(settings)
    elif (folder / OUTCOME_FILE).exists():
        raise OptionError(
            f"{folder} holds a finished run; expected another --out or --seed, or --resume {folder} --steps MORE"
        )
    elif (folder / SETTINGS_FILE).exists():
        raise OptionError(f"{folder} holds a run that was stopped; expected --resume {folder}, or another --out")


def _check_same_run(settings: TrainingSettings) -> None:
    before = read_settings(settings.folder)
    for name in (f.name for f in fields(TrainingSettings) if f.name not in _CHANGEABLE):
        old, new = getattr(before, name), getattr(settings, name)
        if old != new:
            raise OptionError(f"{settings.folder} was begun with {name} {old!r}; expected the same, not {new!r}")


def write_settings(settings: TrainingSettings) -> Path:
    """Write ``settings.json`` into the run folder: the run has begun."""
    values = {**asdict(settings), "overrides": dict(settings.overrides), "out": str(settings.out), "resume": False}
    return write_json(values, settings.folder / SETTINGS_FILE)


def read_settings(folder: Path) -> TrainingSettings:
    """The settings of the run in a folder, which may have been moved with the three folders that name it.

    Raises: OptionError if there is no run, its settings cannot be read, or the folder has another name.
    """
    path = folder / SETTINGS_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # Any: what JSON holds
    except FileNotFoundError:
        raise OptionError(f"{folder} holds no run ({SETTINGS_FILE} is missing); expected a folder like "
                          "runs/video/ppo/seed-0") from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise OptionError(f"{path} cannot be read ({error}); expected what training wrote") from error
    known = [f.name for f in fields(TrainingSettings)]
    for name in values:
        if name not in known:
            raise OptionError(f"{path}: {unknown_name('setting', name, known)}")
    settings = TrainingSettings(**{**values, "out": Path(values.get("out", "runs"))})
    return _placed(settings, folder)


def _placed(settings: TrainingSettings, folder: Path) -> TrainingSettings:
    """The settings with the ``out`` under which the folder lies now."""
    if settings.folder.absolute() == folder.absolute():
        return settings
    depth = len(settings.folder.relative_to(settings.out).parts)
    moved = replace(settings, out=folder.absolute().parents[depth - 1])
    if moved.folder != folder.absolute():
        wanted = settings.folder.relative_to(settings.out)
        raise OptionError(f"{folder} holds the run {wanted}; expected a folder whose path ends so")
    return moved
