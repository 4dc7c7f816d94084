"""Only what is missing runs: after a kill at any moment, for another agent, beside another run of the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ipa_gym.benchmark import BenchmarkRun, BenchmarkSettings, EnvironmentOptions, RunOptions, run_benchmark
from ipa_gym.benchmark.runner import run_benchmarks
from ipa_gym.engines import Work, open_engine
from ipa_gym.engines.base import Item, Result
from ipa_gym.store import TIMINGS, Store
from tests.benchmark.conftest import SMALL

MANY = BenchmarkSettings(
    ("video",), ("bursty",), ("static", "ipa-exact"), tuple(range(40)), EnvironmentOptions(windows=((380, 440),))
)
SCRIPT = """
import sys
from pathlib import Path
from ipa_gym.benchmark import run_benchmark
from ipa_gym.store import Store
from tests.benchmark.test_resuming import MANY
from dataclasses import replace
part = replace(MANY, seeds=MANY.seeds[int(sys.argv[2]) : int(sys.argv[3])])
run_benchmark(part, jobs=1, store=Store(Path(sys.argv[1])), on_progress=lambda n, _: print(n, flush=True))
"""


def started(store: Path, first: int = 0, last: int = 40) -> subprocess.Popen[str]:
    """Another process that runs the benchmark `MANY`, with some of its seeds."""
    command = [sys.executable, "-c", SCRIPT, str(store), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def counted(settings: BenchmarkSettings, store: Store) -> tuple[BenchmarkRun, int]:
    """The run, and how many episodes it played."""
    ran: list[int] = []
    run = run_benchmark(settings, jobs=1, store=store, on_progress=lambda n, _: ran.append(n))
    return run, len(ran)


@pytest.fixture(scope="module")
def whole() -> BenchmarkRun:
    return run_benchmark(MANY, jobs=1)


def assert_same(found: BenchmarkRun, expected: BenchmarkRun) -> None:
    assert_frame_equal(found.episodes.drop(TIMINGS), expected.episodes.drop(TIMINGS), check_exact=True)
    assert_frame_equal(found.series, expected.series, check_exact=True)


@pytest.mark.parametrize("at_least", [1, 30])
def test_a_killed_run_redoes_nothing_that_was_finished(tmp_path: Path, whole: BenchmarkRun, at_least: int) -> None:
    store = Store(tmp_path)
    with started(tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= at_least:
                os.kill(process.pid, signal.SIGKILL)
                break
    kept = store.read(["seed", "agent", "decision_mean_ms"])
    assert at_least <= len(kept) < 80  # what was reported is on disk
    run, n_played = counted(MANY, store)
    assert n_played == 80 - len(kept)
    assert run.n_found == len(kept)
    assert_same(run, whole)
    same = run.episodes.join(kept, on=["seed", "agent", "decision_mean_ms"], how="inner")
    assert len(same) == len(kept)  # their timings too: they are the same rows, not the same episodes played again
    assert len(list(tmp_path.glob("*.parquet"))) == 1  # merged; a half-written part may be left under a hidden name


def test_two_processes_that_run_overlapping_benchmarks_at_once_end_with_the_same_store(
    tmp_path: Path, whole: BenchmarkRun
) -> None:
    processes = [started(tmp_path, 0, 25), started(tmp_path, 15, 40)]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert Store(tmp_path).read(["seed"]).height == 80
    run, n_played = counted(MANY, Store(tmp_path))
    assert n_played == 0
    assert_same(run, whole)


def test_a_second_run_plays_nothing_and_says_the_same(small_run: BenchmarkRun, tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, n_first = counted(SMALL, store)
    second, n_second = counted(SMALL, store)
    assert (n_first, n_second) == (8, 0)
    assert (first.n_found, second.n_found) == (0, 8)
    assert_frame_equal(second.episodes, first.episodes)
    assert_same(second, small_run)


def test_another_agent_seed_trace_or_window_plays_only_what_is_new(tmp_path: Path) -> None:
    store = Store(tmp_path)
    counted(SMALL, store)
    assert counted(replace(SMALL, agents=("ipa-exact", "static", "hpa")), store)[1] == 4
    assert counted(replace(SMALL, seeds=(3, 5, 6)), store)[1] == 4
    assert counted(replace(SMALL, traces=("fluctuating", "bursty")), store)[1] == 4
    assert counted(replace(SMALL, environment=EnvironmentOptions(windows=((0, 50),))), store)[1] == 8


def test_another_option_or_version_plays_all_again_and_shows_only_its_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    before, _ = counted(SMALL, store)
    slower = replace(SMALL, environment=replace(SMALL.environment, service_scale=1.3))
    run, n_played = counted(slower, store)
    assert n_played == 8
    assert run.episodes["options"].unique().to_list() == ['{"service_scale": 1.3}']
    assert len(run.episodes) == 8
    assert store.read(["seed"]).height == 16  # the old rows stay
    monkeypatch.setattr("ipa_gym.benchmark.identity.program_version", lambda: "9.9+0123456789ab")
    monkeypatch.setattr("ipa_gym.benchmark.work.program_version", lambda: "9.9+0123456789ab")
    run, n_played = counted(SMALL, store)
    assert n_played == 8
    assert run.episodes["version"].unique().to_list() == ["9.9+0123456789ab"]
    assert_frame_equal(run.episodes.drop("version", *TIMINGS), before.episodes.drop("version", *TIMINGS))


class StoppedEngine:
    """Stops as Ctrl-C does, when it has given out three results."""

    def run(self, work: Work[Item, Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        for n, result in enumerate(open_engine("local", jobs=1).run(work, items)):
            if n == 3:
                raise KeyboardInterrupt
            yield result


def test_what_was_finished_before_a_stop_is_kept(small_run: BenchmarkRun, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_benchmarks([SMALL], RunOptions(StoppedEngine(), store))
    seen: list[int] = []
    resumed = run_benchmark(SMALL, jobs=1, store=store, on_progress=lambda n, _: seen.append(n))
    assert resumed.n_found == 3
    assert seen == [4, 5, 6, 7, 8]
    assert_same(resumed, small_run)


class OvertakenEngine:
    """While it runs, another run finishes the benchmark: after two results all rows are in the store."""

    def __init__(self, store: Store, rows: pl.DataFrame) -> None:
        self._store, self._rows, self.n_played = store, rows, 0

    def run(self, work: Work[Item, Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        for result in open_engine("local", jobs=1).run(work, items):
            self.n_played += 1
            yield result
            if self.n_played == 2:
                self._store.add(self._rows)


def test_what_another_run_finishes_meanwhile_is_not_played_again(
    small_run: BenchmarkRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_LOOK_EVERY_S", "_LOOK_REST"):
        monkeypatch.setattr(f"ipa_gym.benchmark.runner.{name}", 0.0)
    store, other, done = Store(tmp_path / "mine"), Store(tmp_path / "others"), list[int]()
    run_benchmark(SMALL, jobs=1, store=other)
    engine = OvertakenEngine(store, other.read())
    (run,) = run_benchmarks([SMALL], RunOptions(engine, store, lambda n, _: done.append(n)))
    assert engine.n_played == 2
    assert done == [1, 2, 3, 4, 5, 6, 7, 8]  # progress counts the others' too
    assert run.n_found == 0
    assert_same(run, small_run)


def test_benchmarks_that_share_episodes_play_them_once(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    options = RunOptions(open_engine("local", jobs=1), on_progress=lambda n, total: done.append((n, total)))
    wider = replace(SMALL, agents=("hpa", "static"))
    runs = run_benchmarks([SMALL, wider], options)
    assert done[-1] == (12, 12)
    both = [run.episodes.filter(pl.col("agent") == "hpa") for run in runs]
    assert_frame_equal(both[0], both[1])


def test_a_run_with_nothing_to_do_is_quick(tmp_path: Path) -> None:
    store = Store(tmp_path)
    counted(SMALL, store)
    started_s = time.perf_counter()
    counted(SMALL, store)
    assert time.perf_counter() - started_s < 2.0  # 0.1 s where nothing else runs
