"""Works that engines are tested with; worker processes import them from here."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ipa_gym.errors import OptionError


@dataclass(frozen=True)
class Sums:
    """Sums of an item's own random numbers: bits that would show any other order of adding up."""

    def start(self) -> None:
        pass

    def run(self, item: int) -> float:
        return float(np.random.default_rng(item).normal(size=1000).sum())


@dataclass(frozen=True)
class Noting:
    """Leaves a file for each start and each run, and then does what the item says."""

    folder: Path

    def start(self) -> None:
        (self.folder / f"start-{os.getpid()}-{time.monotonic_ns()}").touch()

    def run(self, item: str) -> int:
        before = len(self.runs(item))
        (self.folder / f"run-{item}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if item == "deadly" or (item == "deadly-once" and before == 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "wrong":
            raise OptionError("item is wrong; expected right")
        if item == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
        if item.startswith("slow"):
            time.sleep(60)
        return os.getpid()

    def runs(self, item: str) -> list[Path]:
        return list(self.folder.glob(f"run-{item}-*"))

    def starts(self) -> list[int]:
        """Processes that started, one entry a start."""
        return [int(path.name.split("-")[1]) for path in self.folder.glob("start-*")]


@dataclass(frozen=True)
class Masks:
    """Says whether Ctrl-C can reach the process that runs an item."""

    def start(self) -> None:
        pass

    def run(self, item: int) -> bool:
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
