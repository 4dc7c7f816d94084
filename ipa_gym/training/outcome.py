"""`TrainingOutcome`: what a training run came to, and the ``outcome.json`` that says that it is finished.

`TrainingInterrupted` is what Ctrl-C becomes once the checkpoint is on disk. Nothing here trains. Next: `session.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ipa_gym.errors import OptionError
from ipa_gym.files import write_json
from ipa_gym.training.settings import OUTCOME_FILE

Metrics = Mapping[str, float]  # name -> mean over the validation windows; "reward" among them


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """A finished run."""

    folder: Path  # the run folder
    agent: Path  # card of the agent with the best evaluation
    steps: int  # decisions over all environments, over all resumptions
    elapsed_s: float  # over all resumptions
    stopped_early: bool
    best_steps: int  # when the saved agent was evaluated
    metrics: Metrics  # of the saved agent on the validation windows
    references: Mapping[str, Metrics]  # agent that it is measured against -> the same metrics


class TrainingInterrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C and can go on.

    Args:
        checkpoint: what it goes on from; None if it was stopped before there was anything to keep.
        steps: that were done.
    """

    def __init__(self, checkpoint: Path | None, steps: int) -> None:
        super().__init__(f"stopped after {steps} steps")
        self.checkpoint, self.steps = checkpoint, steps


def write_outcome(outcome: TrainingOutcome) -> Path:
    """Write ``outcome.json`` into the run folder: the run is finished."""
    values = {**asdict(outcome), "folder": str(outcome.folder), "agent": outcome.agent.name}
    return write_json(values, outcome.folder / OUTCOME_FILE)


def read_outcome(folder: Path) -> TrainingOutcome:
    """The outcome of the finished run in a folder.

    Raises: OptionError if the run is not finished, or its outcome cannot be read.
    """
    path = folder / OUTCOME_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))  # Any: what JSON holds
    except FileNotFoundError:
        raise OptionError(f"{folder} holds no finished run ({OUTCOME_FILE} is missing)") from None
    except (OSError, ValueError) as error:
        raise OptionError(f"{path} cannot be read ({error}); expected what training wrote") from error
    names = {f.name for f in fields(TrainingOutcome)}
    if set(values) != names:
        raise OptionError(f"{path} has {', '.join(sorted(values))}; expected {', '.join(sorted(names))}")
    metrics, references = _numbers(values["metrics"]), {k: _numbers(v) for k, v in values["references"].items()}
    places = {"folder": folder, "agent": folder / values["agent"]}
    return TrainingOutcome(**{**values, **places, "metrics": metrics, "references": references})


def _numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in metrics.items()}
