"""Decision times: every size by every solver, measured on problems that are always the same. No speed is asserted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ipa_gym.benchmark import decision_time
from ipa_gym.benchmark.decision_time import (
    DecisionTimeSettings,
    decision_times,
    seconds_of,
    synthetic_problems,
    write_decision_times,
)
from ipa_gym.cli import main
from ipa_gym.errors import OptionError, UnknownNameError

SMALL = DecisionTimeSettings(stages=(1, 2), variants=(2, 3), n_batches=2, n_problems=2, repeats=1)


def test_there_is_a_row_for_every_size_and_solver() -> None:
    seen: list[tuple[int, int]] = []
    table = decision_times(SMALL, on_progress=lambda done, total: seen.append((done, total)))
    assert table.select("solver", "stages", "variants", "batches", "problems").rows() == [
        (solver, *size, 2, 2) for solver in ("exact", "highs") for size in ((1, 2), (1, 3), (2, 2), (2, 3))
    ]
    assert seen == [(done, 8) for done in range(1, 9)]
    assert (
        table.filter((pl.col("best_ms") <= pl.col("median_ms")) & (pl.col("median_ms") <= pl.col("worst_ms"))).height
        == 8
    )


def test_the_times_are_those_of_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that takes 1, 2, 3, ... seconds by a clock of its own: the first of each problem is not counted."""
    clock = [0.0]
    solved = []

    def solve(problem: object) -> None:
        solved.append(problem)
        clock[0] += len(solved)

    monkeypatch.setattr(decision_time, "SOLVERS", {"slow": solve})
    monkeypatch.setattr(decision_time.time, "perf_counter", lambda: clock[0])
    settings = DecisionTimeSettings(stages=(1,), variants=(2,), n_problems=2, repeats=2, solvers=("slow",))
    (row,) = decision_times(settings).to_dicts()
    # calls: 1 to warm up; problem one 2, then 3 and 4; problem two 5, then 6 and 7. The best of each: 3 s and 6 s.
    assert (row["best_ms"], row["median_ms"], row["worst_ms"]) == (3000.0, 4500.0, 6000.0)


def test_sizes_beyond_the_time_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def solve(problem: object) -> None:
        clock[0] += 1.0

    monkeypatch.setattr(decision_time, "SOLVERS", {"slow": solve})
    monkeypatch.setattr(decision_time.time, "perf_counter", lambda: clock[0])
    settings = DecisionTimeSettings(
        stages=(1, 2, 3), variants=(2,), n_problems=2, repeats=1, solvers=("slow",), limit_s=5.0
    )
    table = decision_times(settings)  # 2 s a problem: the first three start within 5 s
    assert table.select("stages", "problems").rows() == [(1, 2), (2, 1)]


def test_problems_are_always_the_same_and_of_the_size() -> None:
    problems = synthetic_problems(SMALL, (2, 3))
    assert problems == synthetic_problems(SMALL, (2, 3))
    assert problems[0] != problems[1]
    assert [len(stage.variants) for stage in problems[0].pipeline.stages] == [3, 3]


def test_the_fastest_call_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])  # calls of 3, 1 and 2 seconds
    monkeypatch.setattr(decision_time.time, "perf_counter", lambda: next(times))
    assert seconds_of(lambda: None, 3) == 1.0


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'highs'"):
        DecisionTimeSettings(solvers=("higs",))
    with pytest.raises(OptionError, match="expected at least 1"):
        DecisionTimeSettings(n_problems=0)


def test_the_table_is_written_into_the_folder(tmp_path: Path) -> None:
    settings = DecisionTimeSettings(
        stages=(1,), variants=(2,), n_batches=1, n_problems=1, repeats=1, solvers=("exact",)
    )
    path = write_decision_times(tmp_path / "results", settings)
    assert path == tmp_path / "results" / "decision_time.parquet"
    assert pl.read_parquet(path).height == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_measures_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    monkeypatch.setattr(decision_time, "DecisionTimeSettings", lambda: replace(SMALL, solvers=("exact",)))
    with pytest.raises(SystemExit) as ended:
        main(["benchmark", "--study", "decision-time", "--out", str(tmp_path), *(["--json"] if as_json else [])])
    captured = capsys.readouterr()
    assert ended.value.code == 0
    assert captured.err.strip().endswith("decision_time.parquet")
    if as_json:
        rows = json.loads(captured.out)["decision_time"]
        assert [(row["stages"], row["variants"]) for row in rows] == [(1, 2), (1, 3), (2, 2), (2, 3)]
    else:
        assert "exact, ms: median / slowest of 2 pipelines" in captured.out
    assert not (tmp_path / "settings.json").exists()  # a study, no benchmark
