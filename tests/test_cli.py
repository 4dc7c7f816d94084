"""The command line: results to stdout, errors to stderr with exit code 2, and the same numbers as the library."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ipa_gym
from ipa_gym import catalog, cli
from ipa_gym.benchmark import BenchmarkRun, read_results
from ipa_gym.commands.options import parse_overrides, parse_seeds, parse_windows, split_commas
from ipa_gym.errors import OptionError
from ipa_gym.store import Store
from tests.benchmark.conftest import small_run  # noqa: F401  # a fixture

Output = tuple[int, str, str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> object:
    """Run the command line in this process: (exit code, stdout, stderr), compiled libraries' output included."""

    def call(*arguments: str) -> Output:
        monkeypatch.setattr(sys, "argv", ["ipa-gym", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        code = stop.value.code
        return (code if isinstance(code, int) else 0, *capfd.readouterr())

    return call


SHORT = ("--window", "380:480", "--seeds", "3,5", "--jobs", "1")


def test_list_names_everything_that_ships(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("list", "--json")
    found = json.loads(out)
    assert code == 0
    for kind in ("envs", "traces", "agents"):
        assert sorted(entry["name"] for entry in found[kind]) == list(catalog.names(kind))
        assert all(len(entry["title"]) > 10 for entry in found[kind])
    _, text, _ = run("list", "agents")
    assert "fa2-high" in text
    assert "video" not in text


def test_benchmark_prints_the_librarys_numbers_and_writes_them(run, small_run: BenchmarkRun, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    out_folder = tmp_path / "new" / "results"
    given = ("--env", "video", "--trace", "bursty,steady-low", "--agent", "ipa-exact", "--agent", "hpa")
    code, out, err = run("benchmark", *given, *SHORT, "--out", str(out_folder), "--format", "csv")
    assert code == 0
    found = read_results(out_folder)
    assert found.episodes["reward_mean"].to_list() == small_run.episodes["reward_mean"].to_list()
    mean = small_run.episodes["cost_cores"][2:4].mean()  # bursty, hpa
    other = small_run.episodes["cost_cores"][6:8].mean()  # steady-low, hpa
    line = next(line for line in out.splitlines() if line.strip().startswith("hpa"))
    assert f"{(mean + other) / 2:.2f} ±" in line
    assert str(out_folder) in err
    assert str(out_folder) not in out
    assert found.settings["command"].startswith("ipa-gym benchmark --env video")
    assert [path.suffix for path in (out_folder / "store").iterdir()] == [".parquet"]
    assert not list(out_folder.glob("**/.*"))  # no temporary file
    assert (out_folder / "figures" / "series-video.png").stat().st_size > 20_000


TINY = ("--env", "video", "--trace", "bursty", "--window", "380:440", "--seeds", "2", "--jobs", "1")


def test_benchmark_says_what_was_in_the_store_and_shows_only_what_was_asked_for(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = ("benchmark", *TINY, "--out", str(tmp_path))
    assert "2 episodes; results" in run(*given, "--agent", "static")[2]
    assert "2 episodes (2 of them were in the store)" in run(*given, "--agent", "static")[2]
    code, out, err = run(*given, "--agent", "static,hpa")
    assert code == 0
    assert "4 episodes (2 of them were in the store)" in err
    assert {line.split()[0] for line in out.splitlines() if line[1:2].isalpha()} >= {"static", "hpa"}
    _, out, _ = run(*given, "--agent", "hpa")
    assert "static" not in out
    assert read_results(tmp_path).episodes["agent"].unique().to_list() == ["hpa"]
    assert read_results(tmp_path).store.read(["agent"])["agent"].unique().sort().to_list() == ["hpa", "static"]


def test_benchmark_plays_windows_and_studies(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    short = ("--env", "video", "--seeds", "1", "--episode", "60", "--jobs", "1", "--out", str(tmp_path))
    code, out, _ = run("benchmark", *short, "--trace", "twitter-like", "--windows", "2", "--agent", "static", "--json")
    assert code == 0
    assert json.loads(out)["folder"] == str(tmp_path)
    assert read_results(tmp_path).episodes["window"].n_unique() == 2
    given = ("--trace", "bursty", "--windows", "1", "--study", "forecasts,main", "--agent", "ipa-exact")
    code, out, err = run("benchmark", *short, *given)
    assert code == 0
    assert "ipa-exact, holt" in out
    assert "6 episodes" in err  # five forecasts, and the standard one
    assert sorted(path.name for path in (tmp_path / "forecasts").iterdir()) == [
        "episodes.parquet", "settings.json", "summary.parquet", "table.md",
    ]  # fmt: skip


def test_benchmark_json_is_the_summary_and_nothing_else(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = (
        "--env",
        "video",
        "--trace",
        "bursty",
        "--agent",
        "ipa",
        "--window",
        "380:420",
        "--seeds",
        "1",
        "--jobs",
        "1",
    )
    code, out, _ = run("benchmark", *given, "--out", str(tmp_path), "--json")
    summary = json.loads(out)["summary"]
    cost = next(row for row in summary if row["metric"] == "cost_cores" and row["trace"] == "all")
    assert code == 0
    assert cost["mean"] > 1
    assert cost["half_width"] is None  # one seed has no interval
    assert cost["n"] == 1


def test_evaluate_shows_every_interval_and_adds_up(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = ("--agent", "hpa", "--trace", "bursty", "--window", "380:480", "--seed", "3")
    code, out, _ = run("evaluate", *given, "--json", "--csv", str(tmp_path / "steps.csv"))
    found = json.loads(out)
    assert code == 0
    assert len(found["intervals"]) == 10
    assert sum(step["reward"] for step in found["intervals"]) == pytest.approx(found["result"]["episode_return"])
    with (tmp_path / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["cost_cores"]) for row in rows] == [step["cost_cores"] for step in found["intervals"]]


def test_evaluate_plays_the_benchmarks_episode(run, small_run: BenchmarkRun) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    given = ("--agent", "hpa", "--trace", "bursty", "--window", "380:480", "--seed", "5")
    found = json.loads(run("evaluate", *given, "--json")[1])["result"]
    row = small_run.episodes.row(3, named=True)
    assert (row["trace"], row["agent"], row["seed"]) == ("bursty", "hpa", 5)
    same = [name for name in found if not name.startswith("decision")]
    assert len(same) > 15
    assert {name: found[name] for name in same} == {name: row[name] for name in same}


def test_evaluate_records_the_episode_that_it_shows(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = ("evaluate", "--agent", "static", "--window", "380:480", "--seed", "3", "--service-cv", "0.5", "--json")
    table, trace = tmp_path / "new" / "run.parquet", tmp_path / "new" / "run.json"
    code, out, err = run(*given, "--records", str(table), "--chrome-trace", str(trace))
    result, plain = json.loads(out)["result"], json.loads(run(*given)[1])["result"]
    assert code == 0
    same = [name for name in plain if not name.startswith("decision")]
    assert {name: result[name] for name in same} == {name: plain[name] for name in same}  # recording changes nothing
    requests = pl.read_parquet(table).unique("request", keep="last")
    assert requests["fate"].value_counts().sort("fate").rows() == [
        ("completed", result["completed"]), ("dropped", result["dropped"]), ("inside", result["inside_at_end"]),
    ]  # fmt: skip
    assert requests["latency_s"].mean() == pytest.approx(result["latency_mean_s"])
    written = json.loads(trace.read_text(encoding="utf-8"))
    assert written["otherData"]["agent"] == "static"
    assert written["otherData"]["requests"] == result["arrivals"]
    assert sum(event["name"] == "decision" for event in written["traceEvents"]) == 10
    assert sorted(path.name for path in table.parent.iterdir()) == ["run-replicas.parquet", "run.json", "run.parquet"]
    assert all(str(path) in err for path in (table, trace, table.with_name("run-replicas.parquet")))


def test_evaluate_prints_a_line_an_interval_and_draws(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    picture = tmp_path / "episode.png"
    code, out, err = run("evaluate", "--agent", "static", "--window", "0:30", "--render", str(picture))
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines[1:4]] == ["10", "20", "30"]
    assert "resnet" in lines[1]
    assert "episode return" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "drew" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "--agent", "ipaa"), "Did you mean 'ipa'"),
        (("evaluate", "--env", "vidoe"), "Did you mean 'video'"),
        (("evaluate", "--trace", "no/such.csv"), "no file 'no/such.csv'"),
        (("evaluate", "--window", "5"), "--window has '5'"),
        (("evaluate", "--window", "1190:1210"), "1200"),
        (("evaluate", "--set", "alpha"), "--set is 'alpha'"),
        (("evaluate", "--set", "gamma=1"), "gamma"),
        (("evaluate", "--forecast", "magic"), "magic"),
        (("evaluate", "--batch-cap", "3"), "batch_cap is 3"),
        (("benchmark", "--seeds", "x"), "--seeds has 'x'"),
        (("benchmark", "--seeds", "0"), "--seeds has '0'"),
        (("benchmark", "--seeds", "-1"), "--seeds has '-1'"),
        (("benchmark", "--seeds", "10:5,3"), "--seeds has '10:5,3'"),
        (("benchmark", "--seeds", "1000000000000000000000"), "at most 100,000"),
        (("benchmark", "--seeds", "99999999999999999999,"), "seeds are [99999999999999999999]"),
        (("benchmark", "--env", ","), "--env is ','"),
        (("benchmark", "--study", ","), "--study is ','"),
        (("evaluate", "--agent", ","), "--agent is ','"),
        (("benchmark", "--episode", "0"), "episode_s is 0"),
        (("benchmark", "--episode", "-5"), "episode_s is -5"),
        (("benchmark", "--format", "xlsx"), "parquet"),
        (("benchmark", "--jobs", "0"), "jobs is 0"),
        (("benchmark", "--study", "preference"), "Did you mean 'preferences'"),
        (("benchmark", "--engine", "rya"), "Did you mean 'ray'"),
        (("benchmark", "--address", "host:1"), "address is 'host:1'"),
        (("benchmark", "--windows", "0"), "n_windows is 0"),
        (("benchmark", "--out", "/dev/null/results"), "/dev/null is not a folder"),
        (("evaluate", "--csv", "/dev/null/steps.csv"), "/dev/null is not a folder"),
        (("evaluate", "--records", "/dev/null/run.parquet"), "/dev/null is not a folder"),
        (("evaluate", "--records", "run.csv"), "ends with '.csv'; expected a name that ends with .parquet"),
        (("evaluate", "--chrome-trace", "run.gz"), "ends with '.gz'; expected a name that ends with .json"),
        (("list", "agent"), "Did you mean 'agents'"),
        (("trace", "show", "burst"), "Did you mean 'bursty'"),
        (("card", "show", "vidoe"), "Did you mean 'video'"),
        (("profile", "vidoe", "--check"), "Did you mean 'video'"),
    ],
)
def test_a_users_error_is_one_line_on_stderr_and_exit_code_2(
    run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []  # nothing was written


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "ipa-gym: interrupted\n"), (signal.SIGTERM, 143, "ipa-gym: terminated\n")],
)
def test_ctrl_c_and_sigterm_end_a_benchmark_with_one_line_and_keep_what_was_played(
    tmp_path: Path, number: int, code: int, line: str
) -> None:
    command = [
        "benchmark",
        "--env",
        "video",
        "--trace",
        "bursty",
        "--agent",
        "static",
        "--seeds",
        "3000",
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "ipa_gym.cli", *command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[1],
    )
    try:
        end_s = time.monotonic() + 60.0
        while not list(tmp_path.glob("store/*.parquet")) and time.monotonic() < end_s:
            time.sleep(0.02)
        os.killpg(process.pid, number)  # a terminal's Ctrl-C reaches all processes of the command
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (code, "", line)
    assert Store(tmp_path / "store").read(["seed"]).height > 0
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert not list(tmp_path.glob("store/.*"))


def test_a_fault_of_the_file_system_is_one_line_too(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "taken.png").mkdir()  # a folder where the picture should go
    code, _, err = run("trace", "show", "bursty", "--out", str(tmp_path / "taken.png"))
    assert code == 2
    assert re.fullmatch(r"ipa-gym: error: .*taken.*\n", err)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]  # the temporary file is gone


def test_trace_show_measures_ones_own_counts(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.npz"
    np.savez(path, rps=np.array([8] * 50 + [16, 80] * 50))
    picture = tmp_path / "mine.png"
    _, out, _ = run(
        "trace", "show", str(path), "--scale", "0.125", "--window", "50:150", "--json", "--out", str(picture)
    )
    found = json.loads(out)["statistics"]
    assert (found["seconds"], found["requests"], found["min_rps"], found["max_rps"]) == (100, 600, 2, 10)
    assert (found["mean_rps"], found["sd_rps"]) == (6.0, 4.0)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_trace_show_puts_the_real_loads_figures_beside_and_draws(
    run,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    _, out, _ = run("trace", "show", "bursty")
    line = next(line for line in out.splitlines() if line.strip().startswith("requests"))
    assert line.split()[-1] == "14,437"
    assert (tmp_path / "bursty.png").read_bytes().startswith(b"\x89PNG")


def test_trace_generate_checks_and_writes_ones_own_card(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("trace", "generate", "steady-low", "--check")[0] == 0
    card = catalog.find("traces", "steady-low").read_text().replace("steady-low.npz", "mine.npz")
    (tmp_path / "mine.yaml").write_text(card)
    np.savez(tmp_path / "mine.npz", rps=np.ones(1200, dtype=np.int64))
    assert run("trace", "generate", str(tmp_path / "mine.yaml"), "--check")[0] == 1
    assert run("trace", "generate", str(tmp_path / "mine.yaml"))[0] == 0
    assert run("trace", "generate", str(tmp_path / "mine.yaml"), "--check")[0] == 0


def test_profile_check_sees_a_changed_number_and_write_mends_it(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("profile", "video", "--check")[0] == 0
    original = run("profile", "video")[1]
    assert original == catalog.find("envs", "video").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    changed = re.sub(r"latency: \{1: [0-9.]+,", "latency: {1: 0.001,", original, count=1)
    path.write_text(changed, encoding="utf-8")
    assert run("profile", str(path), "--check")[0] == 1
    assert run("profile", str(path), "--write")[0] == 0
    assert path.read_text(encoding="utf-8") == original


def test_card_show_prints_each_variant(run) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = run("card", "show", "video")
    assert "SLA 6.89 s" in out
    line = next(line for line in out.splitlines() if line.strip().startswith("yolov5s"))
    assert line.split()[1:3] == ["56.8", "2"]


def test_help_teaches_by_examples_and_starts_fast() -> None:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "ipa_gym.cli", "--help"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - started < 3.0  # about 0.4 s where nothing else runs
    assert "Start here" in done.stdout
    heavy = ("numba", "polars", "pulp", "matplotlib", "scipy")
    code = f"import sys, ipa_gym.cli; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", [("list",), ("benchmark",), ("evaluate",), ("profile",), ("trace", "show"), ("card", "show")]
)
def test_each_commands_help_has_examples(run, command: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = run(*command, "--help")
    assert f"ipa-gym {' '.join(command)}" in out.split("Examples")[1]


def test_version(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version")[:2] == (0, f"ipa-gym {ipa_gym.__version__}\n")


def test_option_values_are_read_as_written() -> None:
    assert parse_seeds("3") == (0, 1, 2)
    assert parse_seeds("3,7") == (3, 7)
    assert parse_seeds("10:13,20") == (10, 11, 12, 20)
    assert parse_windows(["10:20", "30:40"]) == ((10, 20), (30, 40))
    assert parse_overrides(["alpha=2,beta=0.5", "accuracy_measure=rank_sum"]) == {
        "alpha": 2.0, "beta": 0.5, "accuracy_measure": "rank_sum",
    }  # fmt: skip
    with pytest.raises(OptionError, match="10;20"):
        parse_windows(["10;20"])


def test_a_comma_in_an_existing_path_does_not_split_it(tmp_path: Path) -> None:
    path = tmp_path / "a,b.yaml"
    path.write_text("")
    assert split_commas([str(path), "x, y"]) == (str(path), "x", "y")
