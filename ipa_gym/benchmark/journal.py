"""Keeps finished episodes of a running benchmark, so that one that was stopped goes on where it stood.

One JSON line an episode in a hidden file of the output folder; the file goes when the benchmark is complete. Its first
line names settings, cards, traces and program; a journal of anything else is not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ipa_gym.benchmark.episode import EpisodeResult, EpisodeRun, IntervalResult
from ipa_gym.benchmark.settings import Task

FILE_NAME = ".benchmark-in-progress.jsonl"


class Journal:
    """The file of finished episodes.

    Args:
        folder: the benchmark's output folder; made with the first episode.
        fingerprint: of everything that the episodes depend on, see `provenance.fingerprint`.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / FILE_NAME
        self.fingerprint = fingerprint

    def read(self, tasks: Iterable[Task]) -> dict[Task, EpisodeRun]:
        """The episodes of ``tasks`` that are finished; none if the file is about another benchmark."""
        if not self.path.is_file():
            return {}
        wanted = set(tasks)
        lines = self.path.read_text(encoding="utf-8").splitlines()
        entries = [entry for entry in map(_parse, lines) if entry is not None]
        if not entries or entries[0] != {"fingerprint": self.fingerprint}:
            self.clear()
            return {}
        found = {Task(**entry["task"]): _run(entry) for entry in entries[1:]}
        return {task: run for task, run in found.items() if task in wanted}

    def add(self, task: Task, run: EpisodeRun) -> None:
        """Append a finished episode."""
        lines: list[dict[str, Any]] = []
        if not self.path.is_file():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lines.append({"fingerprint": self.fingerprint})
        lines.append({"task": asdict(task), **asdict(run)})
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines("\n" + json.dumps(line) for line in lines)  # a torn last line stays alone on its line

    def clear(self) -> None:
        """Forget everything: the benchmark is complete, or another one begins."""
        self.path.unlink(missing_ok=True)


def _parse(line: str) -> dict[str, Any] | None:
    """An entry; None for a line that was cut off when the run was stopped."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None


def _run(entry: dict[str, Any]) -> EpisodeRun:
    return EpisodeRun(EpisodeResult(**entry["result"]), tuple(IntervalResult(**row) for row in entry["series"]))
