"""What one run of `make bench-speed` has measured: tidy tables, and the machine; kept on disk as CSV.

`speed.py` fills it, `speed_tables.py` and `speed_figures.py` show it. Nothing is measured here but the machine's parts.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import polars as pl

from benchmarks.speed_cases import Point
from benchmarks.speed_clock import Contestant, Timing
from benchmarks.speed_contestants import CIW, SIMPY, SIMPY_COMPLETE

_REFERENCES = {"times_simpy": SIMPY, "times_ciw": CIW, "times_complete": SIMPY_COMPLETE}
_LIBRARIES = ("numba", "numpy", "gymnasium", "simpy", "ciw", "highspy")


@dataclass(frozen=True, slots=True)
class Results:
    """Tables; a row is described where it is made."""

    points: pl.DataFrame  # `point_rows`
    decisions: pl.DataFrame  # speed_decisions.py
    parts: pl.DataFrame  # speed_breakdown.py, by part
    sizes: pl.DataFrame  # speed_breakdown.py, the kernel by number of environments
    starts: pl.DataFrame  # speed_start.py
    memory: pl.DataFrame  # speed_start.py
    machine: pl.DataFrame  # what, found

    def save(self, folder: Path) -> None:
        """Write each table to a CSV file of its name."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).write_csv(folder / f"{name}.csv", float_precision=10)


TABLES = ("points", "decisions", "parts", "sizes", "starts", "memory", "machine")


def load_results(folder: Path) -> Results:
    """What `Results.save` wrote."""
    return Results(**{name: pl.read_csv(folder / f"{name}.csv", infer_schema_length=None) for name in TABLES})


def point_rows(point: Point, contestants: Sequence[Contestant], timings: Sequence[Timing]) -> list[dict[str, object]]:
    """A row a contestant: what it did, its rounds, and how many times as fast as SimPy and Ciw it is."""
    best = {c.what: t.run.requests / t.best_s for c, t in zip(contestants, timings, strict=True)}
    rows: list[dict[str, object]] = []
    for contestant, timing in zip(contestants, timings, strict=True):
        run, seconds = timing.run, sorted(timing.rounds_s)
        rate = run.requests / timing.best_s
        row: dict[str, object] = {"axis": point.axis, "value": point.value, "case": point.case.name}
        row |= {"rate_rps": point.case.rate_rps, "stages": point.case.n_stages, "what": contestant.what}
        row |= {"n_envs": contestant.n_envs, "n_threads": contestant.n_threads, "rounds": len(seconds)}
        row |= {"steps": run.steps, "requests": float(run.requests), "best_s": seconds[0]}
        row |= {"median_s": seconds[len(seconds) // 2], "worst_s": seconds[-1], "busy": timing.busy}
        row |= {"steps_per_s": run.steps / timing.best_s, "requests_per_s": rate}
        row |= {"ns_per_request_and_stage": 1e9 / rate / point.case.n_stages}
        row |= {"bytes_per_env": contestant.bytes_per_env()}
        row |= {column: rate / best[what] if what in best else None for column, what in _REFERENCES.items()}
        rows.append(row)
    return rows


def describe_machine() -> pl.DataFrame:
    """Processor, memory, system and versions: rows of what, found. No name of the host, no path."""
    found = {
        "cores": str(cores()),
        "processor": _processor(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
    return pl.DataFrame({"what": list(found), "found": list(found.values())})


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
