"""A whole benchmark with its files: checks, runs with a journal, writes. What ``ipa-gym benchmark`` calls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.benchmark.inputs import check_inputs, load_inputs
from ipa_gym.benchmark.journal import Journal
from ipa_gym.benchmark.provenance import fingerprint, provenance
from ipa_gym.benchmark.runner import BenchmarkRun, OnProgress, all_cores, run_benchmark, warm_up
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.benchmark.writing import check_format, write_results
from ipa_gym.files import check_output_folder

Preparing = Callable[[], AbstractContextManager[None]]  # wraps the first, compiling, step


@dataclass(frozen=True, slots=True)
class Session:
    """A finished benchmark and where it was written."""

    run: BenchmarkRun
    files: tuple[Path, ...]


def run_and_write(
    settings: BenchmarkSettings,
    folder: Path,
    *,
    jobs: int | None = None,
    file_format: str = "parquet",
    command: str | None = None,
    on_progress: OnProgress | None = None,
    preparing: Preparing = nullcontext,
) -> Session:
    """Run a benchmark and write its results; go on with one that was stopped in the same folder.

    Args:
        folder: where the results go; untouched until the first episode is finished.
        command: the command line that asked for it, for ``settings.json``.
        preparing: a context around checking and compiling, for a note to the user.
    Raises: IpaGymError before anything is run or written.
    """
    check_format(file_format)
    check_output_folder(folder)
    with preparing():
        inputs = load_inputs(settings)
        check_inputs(inputs)
        warm_up(inputs)
    journal = Journal(folder, fingerprint(settings, inputs))
    run = run_benchmark(settings, jobs=jobs, on_progress=on_progress, journal=journal)
    origin = provenance(settings, inputs, command=command, jobs=jobs or all_cores())
    origin["n_resumed_episodes"] = run.n_resumed
    files = write_results(run, folder, provenance=origin, file_format=file_format)
    journal.clear()
    return Session(run, tuple(files))
