"""Runs the benchmark for the command line: progress to stderr, tables or JSON to stdout."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.league_views import rich_league
from ipa_gym.benchmark.runner import RunOptions
from ipa_gym.benchmark.session import MAIN, Output, Session, n_episodes, run_studies
from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.benchmark.studies import DECISION_TIME
from ipa_gym.benchmark.study_results import labelled, study_summary
from ipa_gym.benchmark.table import caption, rich_tables
from ipa_gym.commands.decision_time_run import decision_time_tables, measure_decision_times
from ipa_gym.commands.options import named, parse_seeds
from ipa_gym.commands.terminal import note, note_if_slow, print_json, progress_bar, show
from ipa_gym.engines import open_engine

if TYPE_CHECKING:
    from rich.console import RenderableType

COMPILING = "compiling the simulator's kernels; this happens once after installing"


@dataclass(frozen=True, slots=True)
class BenchmarkRequest:
    """What the command line asks for, in its own words."""

    env: list[str] | None
    trace: list[str] | None
    agent: list[str] | None
    seeds: str
    windows: int | None
    study: list[str] | None
    environment: EnvironmentOptions

    def settings(self) -> BenchmarkSettings:
        """The library's settings. Raises: OptionError."""
        return BenchmarkSettings(
            pipelines=named("--env", self.env),
            traces=named("--trace", self.trace),
            agents=named("--agent", self.agent),
            seeds=parse_seeds(self.seeds),
            environment=self.environment,
            n_windows=self.windows,
        )

    def studies(self) -> tuple[str, ...]:
        """Names of studies; ``main`` if there are none."""
        return named("--study", self.study) or (MAIN,)


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """Where episodes run."""

    name: str
    address: str | None
    jobs: int | None


def run_and_show(
    request: BenchmarkRequest, engine: EngineRequest, out: Path, *, file_format: str, as_json: bool
) -> None:
    """Run, write, print."""
    settings = request.settings()
    opened = open_engine(engine.name, jobs=engine.jobs, address=engine.address)
    output = Output(out, file_format, shlex.join(["ipa-gym", *sys.argv[1:]]))
    output.check()
    names = [name for name in request.studies() if name != DECISION_TIME]
    with progress_bar("episodes") as on_progress:
        options = RunOptions(
            engine=opened, on_progress=on_progress, preparing=lambda: note_if_slow(COMPILING, after_s=4.0)
        )
        sessions = run_studies(names, settings, output, options) if names else []
    times = measure_decision_times(out) if DECISION_TIME in request.studies() else None
    if as_json:
        measured = {} if times is None else {"decision_time": times.to_dicts()}
        print_json(_as_data(sessions, out) | measured)
    else:
        for session in sessions:
            show(*_shown(session))
        show(*(decision_time_tables(times) if times is not None else ()))
    n, n_found = n_episodes(sessions)
    found = f" ({n_found} of them were in the store)" if n_found else ""
    if names:
        note(f"{n} episodes{found}; results and figures in {out}/")


def _shown(session: Session) -> Iterator[RenderableType]:
    from rich.text import Text

    summary = labelled(study_summary(session.runs))
    if session.name != MAIN:
        yield Text(f"study {session.name}: {session.study.title}", style="bold")
    yield from rich_tables(summary)
    yield caption(summary)
    if session.league is not None:
        yield rich_league(session.league)


def _as_data(sessions: Sequence[Session], out: Path) -> dict[str, Any]:  # Any: what JSON can hold
    """The summary of the one benchmark, or of each study."""
    head = {"folder": str(out), "averaged_over_traces": ALL_TRACES}
    if [session.name for session in sessions] == [MAIN]:
        return head | {"summary": study_summary(sessions[0].runs).drop("setting").to_dicts()}
    return head | {"studies": {session.name: study_summary(session.runs).to_dicts() for session in sessions}}
