"""Every engine gives the same rows, bit for bit, timings apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from ipa_gym.benchmark import BenchmarkRun, RunOptions, run_benchmarks
from ipa_gym.engines import open_engine
from ipa_gym.store import KEY, TIMINGS, Store
from tests.benchmark.conftest import SMALL


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_two_workers_of_an_engine_give_the_rows_of_one_process(
    small_run: BenchmarkRun, tmp_path: Path, engine: str
) -> None:
    if engine == "ray":
        pytest.importorskip("ray")
    store, done = Store(tmp_path), list[tuple[int, int]]()
    options = RunOptions(open_engine(engine, jobs=2), store, lambda n, total: done.append((n, total)))
    (run,) = run_benchmarks([SMALL], options)
    assert_frame_equal(run.episodes.drop(TIMINGS), small_run.episodes.drop(TIMINGS), check_exact=True)
    assert_frame_equal(run.series, small_run.series, check_exact=True)
    assert done == [(n, 8) for n in range(1, 9)]
    rows = store.read().sort(KEY)
    assert rows["latency_counts"].list.sum().to_list() == rows["completed"].to_list()
