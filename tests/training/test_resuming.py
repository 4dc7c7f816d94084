"""Whole runs in processes of their own: equal seeds give equal bytes, and so do runs that are killed and resumed."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = {"n_steps": 8, "batch_size": 64, "n_epochs": 1, "net_arch": [8]}
SCRIPT = """
import sys
from pathlib import Path
from ipa_gym.training.learning import train
from ipa_gym.training.settings import TrainingSettings
agent, out, steps, seed, resume = sys.argv[1:]
train(TrainingSettings(
    env="sum-qa", agent=agent, steps=int(steps), seed=int(seed), n_envs=8, overrides={small}, out=Path(out),
    eval_every=512, eval_windows=2, checkpoint_every=256, tensorboard=False, resume=resume == "resume",
))
"""
COMMAND = "from ipa_gym.cli import main; main()"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def begun(agent: str, out: Path, *, steps: int, seed: int = 0, resume: bool = False) -> subprocess.Popen[str]:
    """`train` in a process of its own."""
    small = SMALL | ({"violation_weight": 3.0} if agent == "ppo-residual" else {})
    script = SCRIPT.replace("{small}", repr(small))
    arguments = (agent, str(out), str(steps), str(seed), "resume" if resume else "")
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def folder_of(agent: str, out: Path, seed: int = 0) -> Path:
    return out / "sum-qa" / agent / f"seed-{seed}"


def stopped_at_a_checkpoint(process: subprocess.Popen[str], folder: Path, number: signal.Signals) -> None:
    """Send a signal as soon as a checkpoint is there."""
    limit_s = time.monotonic() + 300
    while not list((folder / "checkpoints").glob("step-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit_s
        time.sleep(0.002)
    process.send_signal(number)


def rows(folder: Path) -> list[dict[str, str]]:
    """The curve without the seconds."""
    with (folder / "evaluations.csv").open() as file:
        return [{name: value for name, value in row.items() if name != "elapsed_s"} for row in csv.DictReader(file)]


def agent_bytes(folder: Path) -> tuple[bytes, str]:
    return (folder / "agent.safetensors").read_bytes(), (folder / "agent.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("agent", ["ppo-residual", "recurrent-ppo"])
def test_a_killed_and_resumed_run_ends_as_one_that_was_left_alone(agent: str, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished(begun(agent, whole, steps=2048))
    process = begun(agent, killed, steps=2048)
    stopped_at_a_checkpoint(process, folder_of(agent, killed), signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder_of(agent, killed) / "outcome.json").exists()
    finished(begun(agent, killed, steps=2048, resume=True))
    assert agent_bytes(folder_of(agent, killed)) == agent_bytes(folder_of(agent, whole))
    assert rows(folder_of(agent, killed)) == rows(folder_of(agent, whole))
    assert [int(row["steps"]) for row in rows(folder_of(agent, whole))] == [0, 512, 1024, 1536, 2048]


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes_in_two_processes_and_others_do_not(tmp_path: Path) -> None:
    processes = [
        begun("ppo-residual", tmp_path / name, steps=512, seed=seed) for name, seed in (("a", 4), ("b", 4), ("c", 5))
    ]
    for process in processes:
        finished(process)
    first, again, other = (
        (folder_of("ppo-residual", tmp_path / name, seed) / "agent.safetensors").read_bytes()
        for name, seed in (("a", 4), ("b", 4), ("c", 5))
    )
    assert first == again
    assert first != other


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = folder_of("ppo", tmp_path)
    options = ["--env", "sum-qa", "--agent", "ppo", "--steps", "200_000", "--n-envs", "8", "--out", str(tmp_path)]
    options += ["--set", "n_steps=8", "--set", "batch_size=64", "--eval-windows", "2", "--eval-every", "100_000"]
    options += ["--checkpoint-every", "256", "--no-tensorboard", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "train", *options], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    stopped_at_a_checkpoint(process, folder, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"ipa-gym train --resume {folder}" in errors
    assert "Traceback" not in errors
    newest = max((folder / "checkpoints").glob("step-*"))
    assert str(newest) in errors.replace("\n", "")
    assert not (folder / "outcome.json").exists()
