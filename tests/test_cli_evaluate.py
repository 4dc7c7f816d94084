"""``ipa-gym evaluate --against``: the library's numbers as a table, a verdict, JSON and rows; errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ipa_gym.evaluation import METRICS, evaluate, evaluation_starts, load_groups
from ipa_gym.settings import env_settings
from ipa_gym.workload.loading import load_trace
from tests.evaluation.test_agents import write_run
from tests.test_cli import run  # noqa: F401  # a fixture

SHORT = ("--windows", "4", "--episode", "100", "--seed", "3")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Counts of ones own: a wave of 700 s, no split."""
    path = tmp_path_factory.mktemp("trace") / "wave.npz"
    np.savez(path, rps=np.rint(8 + 8 * np.sin(np.arange(700) / 60.0)).astype(np.int64))
    return path


def test_the_commands_numbers_are_the_librarys(run, trace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    rows_file = tmp_path / "new" / "rows.parquet"
    given = ("--trace", str(trace), "--agent", "ipa-exact", "--against", "hpa,static", *SHORT)
    code, out, err = run("evaluate", *given, "--json", "--csv", str(rows_file))
    found = json.loads(out)
    loaded = load_trace(str(trace))
    starts = evaluation_starts(loaded, "all", 4, 100)
    settings = env_settings("video", loaded, split="all", episode_s=100)
    expected = evaluate(
        settings, starts, candidates=load_groups(["ipa-exact"]), baselines=load_groups(["hpa", "static"]), seed=3
    )
    assert code == 0
    assert found["starts"] == starts.tolist()
    assert (found["settings"]["split"], found["settings"]["n_windows"], found["settings"]["episode_s"]) == (
        "all",
        4,
        100,
    )
    for data, comparison in zip(found["comparisons"], expected.comparisons, strict=True):
        assert (data["baseline"], data["verdict"]) == (comparison.baseline, comparison.verdict)
        for metric, value in zip(data["metrics"], comparison.metrics, strict=True):
            if metric["metric"] != "decision_ms":
                assert metric["difference"]["mean"] == value.difference.mean
                assert metric["difference"]["low"] == value.difference.low
    rows = pl.read_parquet(rows_file)
    assert rows["agent"].unique(maintain_order=True).to_list() == ["ipa-exact", "hpa", "static"]
    assert rows["start_s"].to_list() == 3 * starts.tolist()
    hpa = rows.filter(pl.col("agent") == "hpa")
    assert hpa["latency_p99_s"].to_list() == expected.played[1].results[0].latency_p99_s.tolist()
    assert str(rows_file) in err


def test_a_table_and_a_verdict_for_each_baseline(run, trace: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    given = ("evaluate", "--trace", str(trace), "--agent", "hpa", "--against", "ipa-exact", "--against", "hpa", *SHORT)
    data = json.loads(run(*given, "--json")[1])
    code, out, _ = run(*given)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "hpa against ipa-exact: video under wave, 4 windows of 100 s of all"
    cost = next(found for found in data["comparisons"][0]["metrics"] if found["metric"] == "cost_cores")
    row = next(line for line in lines if line.strip().startswith("cost cores")).split()
    assert row[2:5] == [
        f"{cost['candidate']['mean']:.2f}", f"{cost['baseline']['mean']:.2f}", f"{cost['difference']['mean']:+.2f}",
    ]  # fmt: skip
    assert {metric.header for metric in METRICS} <= {line[1:17].strip() for line in lines}
    verdicts = [line for line in lines if "SLA violations" in line]
    assert len(verdicts) == 1  # with itself it is not compared
    assert verdicts[0].startswith(f"hpa against ipa-exact: {data['comparisons'][0]['verdict']}: reward ")
    assert run(*given, "--quiet")[1].splitlines() == verdicts


def test_training_seeds_are_one_agent_and_windows_alone_give_means(run, trace: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    for seed, margin in ((0, 0.8), (1, 1.4)):
        write_run(tmp_path / "ppo" / f"seed-{seed}", margin)
    given = ("evaluate", "--trace", str(trace), "--agent", f"{tmp_path / 'ppo'},ipa-exact", *SHORT)
    found = json.loads(run(*given, "--against", "ipa-exact", "--json")[1])
    assert [agent["trained"] for agent in found["agents"]] == [["seed-0", "seed-1"], ["ipa-exact"]]
    assert [comparison["n_agents"] for comparison in found["comparisons"]] == [2]
    out = run(*given)[1]
    assert "mean [95 % interval]" in out
    assert out.splitlines()[2].split() == ["metric", "ppo", "ipa-exact"]


def test_validation_days_are_a_split_too(run, trace: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    given = ("--trace", str(trace), "--against", "static", "--windows", "2", "--episode", "50", "--split", "validation")
    code, out, _ = run("evaluate", *given, "--json")
    assert code == 0
    assert min(json.loads(out)["starts"]) >= 600  # the last seventh of 700 s


def test_windows_that_overlap_are_said_so(run, trace: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    given = ("--trace", str(trace), "--agent", "static", "--windows", "3", "--episode", "300", "--quiet")
    assert "3 windows of 300 s overlap" in run("evaluate", *given)[2]
    assert "overlap" not in run("evaluate", *given[:5], "2", *given[6:])[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agent", "ipa,hpa"), "--agent names 2 agents (ipa, hpa); expected one to watch"),
        (("--against", "hpaa"), "Did you mean 'hpa'"),
        (("--against", "hpa", "--trace", "bursty", "--windows", "2"), "has 1200 s; 2 windows of 1200 s need"),
        (
            ("--against", "hpa", "--trace", "bursty", "--split", "tset"),
            "unknown split of trace 'bursty' 'tset'; known: all, fit, validation",
        ),
        (("--windows", "0"), "--windows is 0; expected at least 1"),
        (("--windows", "2", "--window", "0:100"), "--window needs a single episode"),
        (("--windows", "2", "--render", "x.png"), "--render needs a single episode"),
        (("--windows", "2", "--records", "x.parquet"), "--records needs a single episode"),
        (("--windows", "2", "--csv", "x.json"), "ends with .csv or .parquet"),
        (("--windows", "2", "--csv", "/dev/null/x.csv"), "/dev/null is not a folder"),
        (("--windows", "2", "--seed", "-1"), "--seed is -1"),
        (("--against", "hpa", "--agent", "."), "the folder has no agent.yaml"),
    ],
)
def test_a_users_error_is_one_line(
    run,  # type: ignore[no-untyped-def]  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("evaluate", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
