"""Checkpoints of a run: everything that training goes on from, in two files of plain data.

``checkpoints/step-N/`` holds ``state.safetensors`` (arrays of model and environments), ``state.json``, and the best
agent so far. A checkpoint is written under a temporary name and renamed, so that there is never half a one, whenever
the process is killed. `CheckpointCallback` writes them between two rollouts. Next: `model_state.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from stable_baselines3.common.callbacks import BaseCallback

from ipa_gym.errors import OptionError
from ipa_gym.files import write_atomically
from ipa_gym.policies.card import AGENT_FILE, WEIGHTS_FILE
from ipa_gym.training.learners import Learner
from ipa_gym.training.model_state import model_state, restore_model

FOLDER, _PREFIX, _KEPT = "checkpoints", "step-", 2
_ARRAYS, _VALUES = "state.safetensors", "state.json"
_AGENT = (WEIGHTS_FILE, AGENT_FILE)  # of the best evaluation, in the order in which they are written
_PIPELINES = "pipelines."
FORMAT = 1


def save_checkpoint(learner: Learner, run: Path) -> Path:
    """Write a checkpoint into a run folder and remove all but the newest two. Call between two rollouts.

    The run folder's agent goes with it, so that an agent of later steps, which a killed run leaves, is not taken for
    the best of the run that goes on.

    Returns: the checkpoint's folder.
    """
    arrays, values = model_state(learner.model)
    arrays |= {_PIPELINES + name: array for name, array in learner.pipelines.state_arrays().items()}
    target = run / FOLDER / f"{_PREFIX}{learner.model.num_timesteps:012d}"
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    for left in target.parent.glob(f".{_PREFIX}*"):  # by a process that was killed
        shutil.rmtree(left)
    temporary.mkdir(parents=True)
    try:
        save_file({name: array.copy(order="C") for name, array in arrays.items()}, temporary / _ARRAYS)
        (temporary / _VALUES).write_text(json.dumps({"format": FORMAT, "model": values}), encoding="utf-8")
        for name in _AGENT:
            if (run / name).is_file():
                shutil.copyfile(run / name, temporary / name)
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in _checkpoints(run)[:-_KEPT]:
        shutil.rmtree(old)
    return target


def newest_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint of a run folder; None if there is none yet."""
    found = _checkpoints(run)
    return found[-1] if found else None


def load_checkpoint(learner: Learner, checkpoint: Path) -> None:
    """Let a freshly made learner go on from a checkpoint, to the last bit; its run folder gets the agent of that time.

    Raises: OptionError naming the file if it cannot be read or is of another learner.
    """
    try:
        arrays = load_file(checkpoint / _ARRAYS)
        values: dict[str, Any] = json.loads((checkpoint / _VALUES).read_text(encoding="utf-8"))  # Any: what JSON holds
    except (OSError, ValueError, SafetensorError) as error:
        raise OptionError(f"checkpoint {checkpoint} cannot be read ({error}); expected what training wrote") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT or not isinstance(values.get("model"), dict):
        raise OptionError(f"{checkpoint / _VALUES}: format is not {FORMAT}; expected what training wrote")
    own = {name.removeprefix(_PIPELINES): array for name, array in arrays.items() if name.startswith(_PIPELINES)}
    try:
        learner.pipelines.restore(own)
        restore_model(learner.model, arrays, values["model"])
    except (OptionError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise OptionError(f"checkpoint {checkpoint}: {first}; expected one of this run") from error
    for name in _AGENT:
        if (checkpoint / name).is_file():
            write_atomically(checkpoint.parents[1] / name, partial(shutil.copyfile, checkpoint / name))


def _checkpoints(run: Path) -> list[Path]:
    return sorted((run / FOLDER).glob(f"{_PREFIX}*"))


class CheckpointCallback(BaseCallback):
    """Writes a checkpoint every so many steps, and stops training at Ctrl-C once one is written.

    Args:
        learner: whose state is kept.
        run: the run folder.
        every_steps: decisions over all environments between two.

    While training goes on, the first Ctrl-C waits for the end of the update, the second stops at once.
    """

    def __init__(self, learner: Learner, run: Path, *, every_steps: int) -> None:
        super().__init__()
        self.newest = newest_checkpoint(run)
        self.interrupted = False
        self._learner, self._run, self._every = learner, run, every_steps
        self._kept_at, self._playing = 0, False
        self._handler: Any = None  # Any: as `signal` declares it

    def _on_training_start(self) -> None:
        self._kept_at = self.num_timesteps
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._on_signal)

    def _on_rollout_start(self) -> None:
        if self.num_timesteps // self._every > self._kept_at // self._every:
            self._keep()
        self._stop_if_asked()
        self._playing = True

    def _on_rollout_end(self) -> None:
        self._playing = False

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self.stop_listening()
        if self.num_timesteps > self._kept_at and not self._playing:  # early stopping breaks a rollout off
            self._keep()
        self._stop_if_asked()

    def stop_listening(self) -> None:
        """Give Ctrl-C back to whoever had it."""
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None

    def _stop_if_asked(self) -> None:
        if self.interrupted:
            if self.num_timesteps > self._kept_at:
                self._keep()
            raise KeyboardInterrupt

    def _keep(self) -> None:
        self.newest = save_checkpoint(self._learner, self._run)
        self._kept_at = self.num_timesteps

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
