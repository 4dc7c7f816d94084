"""Processes of their own: how long the first step takes to come, and how much memory environments take.

Python and the operating system count from before the interpreter starts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import polars as pl

_REPEATS = 3
_FIRST_STEP = """
import json, time
marks = [time.monotonic()]
import gymnasium, ipa_gym
marks.append(time.monotonic())
env = gymnasium.make("ipa_gym/Video-v0")
marks.append(time.monotonic())
env.reset(seed=0)
marks.append(time.monotonic())
env.step(env.action_space.sample())
marks.append(time.monotonic())
print(json.dumps(marks))
"""
_VECTOR = """
import json, sys
sys.path.insert(0, {root!r})
from benchmarks.speed_cases import BASE_RPS, video
from benchmarks.speed_contestants import make_vector
if {n_envs}:
    env = make_vector(video(BASE_RPS), {n_envs}, None)
    env.reset(seed=0)
    for _ in range(5):
        env.step(env.action_space.sample() * 0)
from benchmarks.speed_start import peak_bytes
print(json.dumps(peak_bytes()))
"""
FIRST, SECOND = "first after an install", "second process"
PHASES = ("Python starts", "imports", "gymnasium.make", "reset", "first step")


def measure_starts() -> pl.DataFrame:
    """Seconds of each phase from the process's start to the end of its first step.

    Once with an empty cache of compiled code, as after an install, then with the cache that this left, median of three.
    Returns: rows of start, phase, seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "NUMBA_CACHE_DIR": folder}
        first = _phases(variables)
        later = [_phases(variables) for _ in range(_REPEATS)]
    second = [statistics.median(column) for column in zip(*later, strict=True)]
    starts = ((FIRST, first), (SECOND, second))
    return pl.DataFrame(
        [
            {"start": name, "phase": phase, "seconds": seconds}
            for name, column in starts
            for phase, seconds in zip(PHASES, column, strict=True)
        ]
    )


def measure_memory(numbers: tuple[int, ...]) -> pl.DataFrame:
    """Peak memory of a process with so many environments of the base case; 0: that has imported the same only.

    Returns: rows of n_envs, peak_bytes.
    """
    root = str(Path(__file__).resolve().parent.parent)
    rows = []
    for n_envs in (0, *numbers):
        found = json.loads(_output(_VECTOR.format(root=root, n_envs=n_envs), dict(os.environ)))
        rows.append({"n_envs": n_envs, "peak_bytes": found})
    return pl.DataFrame(rows)


def peak_bytes() -> int:
    """The most memory that this process has held at once.

    Linux's `getrusage` would count what the process that started this one held before.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _phases(variables: dict[str, str]) -> list[float]:
    begun_s = time.monotonic()  # one clock for all processes
    marks_s = [begun_s, *json.loads(_output(_FIRST_STEP, variables))]
    return [after - before for before, after in pairwise(marks_s)]


def _output(code: str, variables: dict[str, str]) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=variables).stdout
