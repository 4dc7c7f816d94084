"""Whole benchmarks with their files: checks, runs into the store, writes. What ``ipa-gym benchmark`` calls.

`run_and_write` for one benchmark, `run_studies` for studies by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ipa_gym.benchmark.league import League, league
from ipa_gym.benchmark.provenance import provenance
from ipa_gym.benchmark.runner import BenchmarkRun, RunOptions, run_benchmarks
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.benchmark.studies import Study, study
from ipa_gym.benchmark.study_results import StudyRun, write_study
from ipa_gym.benchmark.writing import STORE_FOLDER, check_format, write_results
from ipa_gym.files import check_output_folder
from ipa_gym.store import Store

MAIN = "main"  # the study whose results lie in the folder itself


@dataclass(frozen=True, slots=True)
class Output:
    """How results are written."""

    folder: Path  # also of the store with all rows that were ever run there
    file_format: str = "parquet"  # or ``csv``
    command: str | None = None  # the command line that asked for them, for ``settings.json``

    def check(self) -> None:
        """Raises: IpaGymError if nothing can be written there."""
        check_format(self.file_format)
        check_output_folder(self.folder)


@dataclass(frozen=True, slots=True)
class Session:
    """A finished benchmark or study and where it was written."""

    name: str
    study: Study
    runs: tuple[StudyRun, ...]  # of each variant
    folder: Path
    files: tuple[Path, ...]
    league: League | None  # of a study of one variant


def run_and_write(settings: BenchmarkSettings, output: Output, options: RunOptions | None = None) -> Session:
    """Run what is missing of a benchmark and write its results.

    Args:
        options: engine and progress; the store is the folder's.
    Raises: IpaGymError before anything is run or written.
    """
    return run_studies([MAIN], settings, output, options)[0]


def run_studies(
    names: Sequence[str], base: BenchmarkSettings, output: Output, options: RunOptions | None = None
) -> list[Session]:
    """Run what is missing of some studies, all on the same workers, and write the results of each.

    Args:
        names: of `STUDIES`, each once.
        base: what it gives - pipelines, traces, agents, windows, options - goes before the studies' own.
        output: ``main`` is written into its folder, any other study into a folder of its name in there.
        options: as in `run_and_write`.
    Raises: as `run_and_write`; UnknownNameError for a name.
    """
    output.check()
    chosen = {name: study(name).variants(base) for name in dict.fromkeys(names)}
    asked = [settings for variants in chosen.values() for variant in variants for settings in variant.settings]
    runs = iter(run_benchmarks(asked, replace(options or RunOptions(), store=Store(output.folder / STORE_FOLDER))))
    sessions = []
    for name, variants in chosen.items():
        found = tuple(StudyRun(variant.label, tuple(next(runs) for _ in variant.settings)) for variant in variants)
        folder = output.folder if name == MAIN else output.folder / name
        ranking = league(found[0].runs[0].episodes) if len(found) == 1 else None
        files = tuple(_write(found, folder, output, ranking))
        sessions.append(Session(name, study(name), found, folder, files, ranking))
    return sessions


def _write(runs: Sequence[StudyRun], folder: Path, output: Output, ranking: League | None) -> list[Path]:
    if ranking is None:
        return write_study(runs, folder, command=output.command, file_format=output.file_format)
    (run,) = runs[0].runs
    origin = provenance(run, command=output.command)
    return write_results(run, folder, provenance=origin, found=ranking, file_format=output.file_format)


def n_episodes(sessions: Sequence[Session]) -> tuple[int, int]:
    """Episodes of some sessions, and how many of them were in the store before."""
    runs: list[BenchmarkRun] = [run for session in sessions for variant in session.runs for run in variant.runs]
    return sum(run.episodes.height for run in runs), sum(run.n_found for run in runs)
