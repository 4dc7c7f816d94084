"""Runs the benchmark for the command line: progress to stderr, tables or JSON to stdout."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.benchmark.session import run_and_write
from ipa_gym.benchmark.settings import DEFAULT_TRACES, BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.statistics import ALL_TRACES, summarise
from ipa_gym.benchmark.table import METRICS, caption, rich_tables
from ipa_gym.commands.options import parse_seeds, split_commas
from ipa_gym.commands.terminal import note, note_if_slow, print_json, progress_bar, show

COMPILING = "compiling the simulator's kernels; this happens once after installing"


@dataclass(frozen=True, slots=True)
class BenchmarkRequest:
    """What the command line asks for, in its own words."""

    env: list[str] | None
    trace: list[str] | None
    agent: list[str] | None
    seeds: str
    environment: EnvironmentOptions

    def settings(self) -> BenchmarkSettings:
        """The library's settings. Raises: OptionError."""
        return BenchmarkSettings(
            pipelines=split_commas(self.env),
            traces=split_commas(self.trace) or DEFAULT_TRACES,
            agents=split_commas(self.agent),
            seeds=parse_seeds(self.seeds),
            environment=self.environment,
        )


def run_and_show(request: BenchmarkRequest, out: Path, *, jobs: int | None, file_format: str, as_json: bool) -> None:
    """Run, write, print."""
    with progress_bar("episodes") as on_progress:
        session = run_and_write(
            request.settings(),
            out,
            jobs=jobs,
            file_format=file_format,
            command=shlex.join(["ipa-gym", *sys.argv[1:]]),
            on_progress=on_progress,
            preparing=lambda: note_if_slow(COMPILING, after_s=4.0),
        )
    summary = summarise(session.run.episodes, METRICS)
    if as_json:
        print_json({"folder": str(out), "averaged_over_traces": ALL_TRACES, "summary": summary.to_dicts()})
    else:
        show(*rich_tables(summary), caption(summary))
    resumed = f" ({session.run.n_resumed} of them from a run that was stopped)" if session.run.n_resumed else ""
    note(f"{session.run.episodes.height} episodes{resumed}; results and figures in {out}/")
