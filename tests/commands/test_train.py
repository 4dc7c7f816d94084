"""``ipa-gym train``: what the options become, what is shown in the end, and what Ctrl-C leaves; training is a stub."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ipa_gym import cli
from ipa_gym.commands.options import parse_each_seed, parse_hyperparameters
from ipa_gym.commands.train_progress import clock, evaluation_lines, progress_text, training_bar
from ipa_gym.errors import OptionError
from ipa_gym.evaluation import evaluation_starts, play_agent
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import env_settings
from ipa_gym.training.evaluation_curve import read_curve
from ipa_gym.training.held_out import HeldOut, play_held_out
from ipa_gym.training.outcome import TrainingInterrupted, TrainingOutcome, write_outcome
from ipa_gym.training.progress import Progress
from ipa_gym.training.settings import TrainingSettings, write_settings
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.validation import with_validation
from tests.training.board_reader import Board
from tests.training.test_held_out import trained

Output = tuple[int, str, str]
Run = Callable[..., Output]
QUICK = ("--env", "audio-qa", "--agent", "pretend", "--test-windows", "2")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> Output:
        monkeypatch.setattr(sys, "argv", ["ipa-gym", "train", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        code = stop.value.code
        return (code if isinstance(code, int) else 0, *capfd.readouterr())

    return call


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrainingSettings]:
    """The settings of each training, which ends at once with an agent that needs none."""
    settings_of_runs: list[TrainingSettings] = []

    def train(settings: TrainingSettings, *, on_progress: Any = None) -> TrainingOutcome:
        settings_of_runs.append(settings)
        outcome = trained(settings.out, seed=settings.seed)
        write_settings(settings)
        logging.getLogger("ipa_gym.training.evaluation_callback").info("64 steps: reward -1.5")
        write_outcome(outcome)
        return outcome

    monkeypatch.setattr("ipa_gym.training.session.train", train)
    return settings_of_runs


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> HeldOut:
    """Two seeds of that agent on two windows of the test days."""
    out = tmp_path_factory.mktemp("found")
    outcomes = [trained(out), trained(out, seed=1)]
    return play_held_out(TrainingSettings("audio-qa", "pretend", out=out), outcomes, n_windows=2)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, found: HeldOut) -> list[tuple[list[int], int]]:
    """Seeds and number of windows of each comparison, which gives what was found once."""
    calls: list[tuple[list[int], int]] = []

    def play(settings: TrainingSettings, outcomes: list[TrainingOutcome], *, n_windows: int) -> HeldOut:
        calls.append(([int(outcome.folder.name[5:]) for outcome in outcomes], n_windows))
        return found

    monkeypatch.setattr("ipa_gym.training.session.play_held_out", play)
    return calls


def test_options_become_settings_and_several_seeds_several_runs(
    run: Run, asked: list[TrainingSettings], compared: list[tuple[list[int], int]], tmp_path: Path
) -> None:
    code, out, err = run(
        *QUICK, "--steps", "2_000", "--seed", "3", "--seed", "10:12", "--n-envs", "8", "--forecast", "max",
        "--set", "learning_rate=1e-3", "--set", "net_arch=[32, 16]", "--set", "activation=relu", "--out", str(tmp_path),
        "--eval-every", "500", "--eval-windows", "5", "--early-stop", "4", "--checkpoint-every", "700",
        "--no-tensorboard",
    )  # fmt: skip
    assert code == 0, err
    assert [settings.seed for settings in asked] == [3, 10, 11]
    assert asked[0] == TrainingSettings(
        env="audio-qa", agent="pretend", steps=2000, seed=3, n_envs=8, forecast="max", out=tmp_path, eval_every=500,
        eval_windows=5, overrides={"learning_rate": 0.001, "net_arch": [32, 16], "activation": "relu"}, early_stop=4,
        checkpoint_every=700, tensorboard=False,
    )  # fmt: skip
    assert compared == [([3, 10, 11], 2)]
    assert "pretend (2 training seeds) beats ipa-exact (reactive)" in out
    assert (tmp_path / "audio-qa/pretend/test.json").exists()


def test_it_ends_with_a_table_and_a_sentence(run: Run, asked: list[TrainingSettings], tmp_path: Path) -> None:
    code, out, err = run(*QUICK, "--out", str(tmp_path))
    folder = tmp_path / "audio-qa/pretend/seed-0"
    data = json.loads((folder / "test.json").read_text())
    assert code == 0
    lines = out.splitlines()
    assert "audio-qa under twitter-like, means over 2 test windows" in lines[0]
    row = next(line for line in lines if line.strip().startswith("ipa-exact (reactive)"))
    against_ipa = next(c for c in data["comparisons"] if c["baseline"] == "ipa-exact (reactive)")["metrics"][0]
    difference = against_ipa["difference"]
    assert f"{against_ipa['baseline']['mean']:.2f}" in row
    assert f"{difference['mean']:+.2f}" in row
    assert f"{difference['low']:+.2f} to {difference['high']:+.2f}" in row
    assert any(line.strip().startswith("fa2-low (reactive)") for line in lines)
    assert lines[-1] == data["sentence"]
    assert f"the agent of 50 steps is in {folder}/" in err
    assert "audio-qa/pretend seed 0: 64 steps: reward -1.5" in err  # no terminal: a line an evaluation
    assert "reward -1.5" not in out


def test_json_is_all_that_goes_to_stdout_and_quiet_shows_no_progress(
    run: Run, asked: list[TrainingSettings], compared: list[Any], tmp_path: Path
) -> None:
    code, out, err = run(*QUICK, "--out", str(tmp_path), "--json", "--quiet")
    found = json.loads(out)
    assert code == 0
    assert found["runs"][0]["best_steps"] == 50
    assert found["runs"][0]["folder"] == str(tmp_path / "audio-qa/pretend/seed-0")
    assert found["test"] == json.loads((tmp_path / "audio-qa/pretend/seed-0/test.json").read_text())
    assert "reward -1.5" not in err


def test_a_finished_run_is_not_overwritten(
    run: Run, asked: list[TrainingSettings], compared: list[Any], tmp_path: Path
) -> None:
    assert run(*QUICK, "--out", str(tmp_path), "--seed", "1")[0] == 0
    code, out, err = run(*QUICK, "--out", str(tmp_path), "--seed", "0:2")
    assert code == 2
    assert out == ""
    assert "seed-1 holds a finished run; expected another --out or --seed, or --resume" in err
    assert len(asked) == 1  # seed 0 has not begun either


def test_a_run_is_refused_before_torch_is_loaded(tmp_path: Path) -> None:
    write_settings(TrainingSettings(out=tmp_path))
    code = (
        "import sys\nfrom ipa_gym.cli import main\n"
        f"try: main(['train', '--out', {str(tmp_path)!r}])\n"
        "except SystemExit as stop: print(stop.code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
    assert "holds a run that was stopped; expected --resume" in done.stderr


def test_resume_goes_on_with_the_runs_own_settings(
    run: Run, asked: list[TrainingSettings], compared: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = TrainingSettings("audio-qa", "pretend", seed=2, out=tmp_path, overrides={"gamma": 0.8}, steps=100)
    write_settings(stopped)
    monkeypatch.chdir(tmp_path)
    code, out, err = run("--resume", "audio-qa/pretend/seed-2", "--steps", "300", "--test-windows", "2")
    assert code == 0, err
    assert "beats ipa-exact (reactive)" in out
    settings = asked[0]
    assert (settings.resume, settings.steps, settings.seed) == (True, 300, 2)
    assert settings.overrides == {"gamma": 0.8}
    assert settings.folder.resolve() == stopped.folder.resolve()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume", "nowhere"), "nowhere holds no run (settings.json is missing)"),
        (("--resume", "nowhere", "--seed", "1"), "--seed is given beside --resume; expected none: the run's own holds"),
        (("--resume", "nowhere", "--set", "a=1"), "--set is given beside --resume"),
        (("--steps", "0"), "steps is 0; expected a whole number of at least 1"),
        (("--set", "gamma"), "--set is 'gamma'; expected NAME=VALUE"),
        (("--set", "gamma=[1"), "--set is 'gamma=[1'; expected a value as in a card"),
        (("--seed", "x"), "--seed has 'x'; expected a seed like 3 or a range like 0:5"),
        (("--seed", "3", "--seed", "2:4"), "--seed is '3, 2:4'; expected at least one seed, and none twice"),
        (("--test-windows", "0"), "test_windows is 0; expected a whole number of at least 1"),
    ],
)
def test_faulty_options_are_one_line_and_exit_code_2(
    run: Run, asked: list[TrainingSettings], options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, out, err = run("--agent", "pretend", *options) if "--resume" not in options else run(*options)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert asked == []


def test_ctrl_c_says_where_it_stands_and_how_to_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "audio-qa/pretend/seed-0/checkpoint.zip"

    def stopped(settings: TrainingSettings, **_: Any) -> TrainingOutcome:
        raise TrainingInterrupted(checkpoint if settings.seed == 0 else None, 12_345)

    monkeypatch.setattr("ipa_gym.training.session.train", stopped)
    code, out, err = run("--env", "audio-qa", "--agent", "pretend", "--out", str(tmp_path))
    assert (code, out) == (130, "")
    assert err.splitlines()[-2:] == [
        f"stopped after 12,345 steps; saved in {checkpoint}",
        f"go on with: ipa-gym train --resume {tmp_path}/audio-qa/pretend/seed-0",
    ]
    code, _, err = run("--env", "audio-qa", "--agent", "pretend", "--out", str(tmp_path), "--seed", "1")
    assert code == 130
    assert "stopped before the first checkpoint" in err
    assert "Traceback" not in err


def test_ctrl_c_in_the_comparison_names_the_trained_agents(
    run: Run, asked: list[TrainingSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ipa_gym.training.session.play_held_out", stopped)
    code, _, err = run(*QUICK, "--out", str(tmp_path))
    assert code == 130
    assert f"stopped; agents that are trained: {tmp_path}/audio-qa/pretend/seed-0/" in err


def test_the_bar_shows_steps_speed_rewards_and_time_left() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=150, color_system=None)
    with training_bar("video/ppo seed 0", console) as on_progress:
        on_progress(Progress(250_000, 1_000_000, 8_012.3, 93.6, -4.2345, -4.1))
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    assert "video/ppo seed 0" in shown
    assert "250,000/1,000,000  8,012 steps/s  reward -4.23 (best -4.10)  1:34 left" in shown


def test_the_bar_says_nothing_that_is_not_known_yet() -> None:
    assert progress_text(Progress(0, 100, 0.0, None, None, None)) == "0/100  0 steps/s"
    assert progress_text(Progress(50, 100, 10.0, 5.0, None, -1.0)) == "50/100  10 steps/s  (best -1.00)  0:05 left"
    assert [clock(s) for s in (6.6, 59.6, 3600 * 2 + 3 * 60 + 4)] == ["0:07", "1:00", "2:03:04"]


def test_lines_stop_when_training_does(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("ipa_gym.training.anything")
    with evaluation_lines("100 % ppo"):
        logger.info("one")
    logger.info("two")
    assert capfd.readouterr().err == "100 % ppo: one\n"
    assert not logging.getLogger("ipa_gym.training").handlers


def test_seeds_are_named_one_by_one() -> None:
    assert parse_each_seed(["5"]) == (5,)
    assert parse_each_seed(["0:3", "7,9"]) == (0, 1, 2, 7, 9)
    with pytest.raises(OptionError, match="none twice"):
        parse_each_seed(["3:3"])


def test_values_have_the_types_of_cards() -> None:
    texts = ["a=1", "b=3e-4", "c=true", "d=relu", "e=[64, 64]", "f=null", "g=x=y", "h=-1.5"]
    values = parse_hyperparameters(texts)
    assert values == {"a": 1, "b": 3e-4, "c": True, "d": "relu", "e": [64, 64], "f": None, "g": "x=y", "h": -1.5}
    assert type(values["a"]) is int
    with pytest.raises(OptionError, match="--set gives a twice"):
        parse_hyperparameters(["a=1", "a=2"])


def test_train_py_is_the_same_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import runpy

    script = Path(__file__).parent.parent.parent / "train.py"
    _, expected, _ = run("--help")
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)
    with pytest.raises(SystemExit):
        runpy.run_path(str(script))
    assert "--early-stop" in expected
    assert printed.getvalue().split() == expected.split()


def test_a_real_run_leaves_curve_agent_board_and_comparison(run: Run, tmp_path: Path) -> None:
    code, out, err = run(
        "--agent", "ppo", "--steps", "2048", "--n-envs", "16", "--set", "n_steps=128", "--set", "batch_size=256",
        "--eval-windows", "2", "--eval-every", "2048", "--test-windows", "2", "--out", str(tmp_path), "--json",
    )  # fmt: skip
    assert code == 0, err
    folder, found = tmp_path / "video/ppo/seed-0", json.loads(out)
    rows = read_curve(folder / "evaluations.csv")
    assert [row.steps for row in rows] == [0, 2048]
    assert found["runs"][0]["metrics"]["reward"] == max(row.reward for row in rows)
    assert set(found["test"]["agents"]) >= {"ppo", "ipa-exact (max)", "fa2-low (reactive)"}
    board = Board(folder)
    assert list(board.curve("eval/reward").values()) == pytest.approx([row.reward for row in rows], rel=1e-6)
    assert list(board.curve("rollout/reward")) == [2048]
    assert board.picture("eval/episode").std() > 0.05
    assert board.hyperparameters()[0]["batch_size"] == 256
    page = (Path(__file__).parent.parent.parent / "docs" / "tensorboard.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`((?:eval|rollout|time)/[a-z0-9_]+)`", page))
    assert len(documented) > 10
    assert documented <= {*board.tags["scalars"], *board.tags["images"]}
    card = load_agent_card("ipa-exact")
    settings = env_settings("video", with_validation(load_trace("twitter-like")), split="validation", forecast="holt")
    starts = evaluation_starts(settings.trace, "validation", 2, 1200)
    ipa = play_agent(settings, card, starts, seed=1).reward_mean.mean()
    assert board.curve("reference/ipa-exact/reward") == pytest.approx({0: ipa, 2048: ipa}, rel=1e-6)
