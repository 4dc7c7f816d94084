"""A run that is stopped, thrown away and resumed is the run that was not stopped, to the last bit."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.training.checkpoints import CheckpointCallback, load_checkpoint, newest_checkpoint, save_checkpoint
from ipa_gym.training.learners import Learner
from ipa_gym.training.model_state import model_state
from tests.training.conftest import random_actions, toy_vec_env
from tests.training.tiny_learners import STEPS, tiny_learner

State = dict[str, Any]  # arrays by name, and plain values
BIT_FOR_BIT = ("ppo-residual", "maskable-ppo", "recurrent-ppo", "dqn", "a2c", "opd")
HALF = STEPS // 2


def whole_state(learner: Learner) -> State:
    """Weights, moments, counters, generators, and the environments; without the wall-clock times of episodes."""
    arrays, values = model_state(learner.model)
    values["episodes"] = [(episode["r"], episode["l"]) for episode in values["episodes"]]
    pipelines = {f"pipelines.{name}": array for name, array in learner.pipelines.state_arrays().items()}
    return {**arrays, **pipelines, **values}


def learned(name: str, run: Path) -> Learner:
    """After all steps, with a checkpoint of the first half on disk."""
    learner = tiny_learner(name)
    learner.model.learn(STEPS, callback=CheckpointCallback(learner, run, every_steps=HALF))
    return learner


def half_way(run: Path) -> Path:
    return run / "checkpoints" / f"step-{HALF:012d}"


@pytest.mark.parametrize("name", BIT_FOR_BIT)
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(name: str, tmp_path: Path) -> None:
    expected = whole_state(learned(name, tmp_path))
    np.random.seed(99)  # noqa: NPY002  # another process has another state
    learner = tiny_learner(name, seed=5)
    load_checkpoint(learner, half_way(tmp_path))
    assert learner.model.num_timesteps == HALF
    learner.model.learn(STEPS - HALF, reset_num_timesteps=False)
    found = whole_state(learner)
    assert found.keys() == expected.keys()
    assert found["num_timesteps"] == STEPS
    assert found["_n_updates"] > 0
    for entry, value in expected.items():
        np.testing.assert_equal(found[entry], value, err_msg=entry)
    moments = [entry for entry in expected if entry.startswith("optimiser.") and entry.endswith("avg")]
    assert moments
    assert any(expected[entry].any() for entry in moments)


def test_the_two_newest_checkpoints_are_kept_and_what_a_kill_left_behind_is_ignored(tmp_path: Path) -> None:
    learner = tiny_learner("ppo")
    assert newest_checkpoint(tmp_path) is None
    left = tmp_path / "checkpoints" / ".step-999999999999.123"
    left.mkdir(parents=True)
    assert newest_checkpoint(tmp_path) is None
    learner.model.learn(STEPS, callback=CheckpointCallback(learner, tmp_path, every_steps=STEPS // 4))
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == [f"step-{STEPS * 3 // 4:012d}", f"step-{STEPS:012d}"]
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoints" / names[1]


def test_a_checkpoint_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = tiny_learner("ppo")
    learner.model.learn(64)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("ipa_gym.training.checkpoints.json.dumps", full)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(learner, tmp_path)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_that_is_being_written_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path | None] = []
    dumps = json.dumps

    def looking(*arguments: Any, **named: Any) -> str:  # the arrays are written, the values not yet
        seen.append(newest_checkpoint(tmp_path))
        return dumps(*arguments, **named)

    learner = tiny_learner("ppo")
    learner.model.learn(64)
    monkeypatch.setattr("ipa_gym.training.checkpoints.json.dumps", looking)
    assert save_checkpoint(learner, tmp_path) == newest_checkpoint(tmp_path)
    assert seen == [None]


def test_ctrl_c_waits_for_the_update_keeps_a_checkpoint_and_stops(tmp_path: Path) -> None:
    learner = tiny_learner("ppo")
    before = signal.getsignal(signal.SIGINT)
    callback = CheckpointCallback(learner, tmp_path, every_steps=10 * STEPS)
    step = learner.pipelines.step_wait

    def interrupted_step() -> Any:
        if learner.model.num_timesteps == 100:
            signal.raise_signal(signal.SIGINT)
        return step()

    learner.pipelines.step_wait = interrupted_step  # type: ignore[method-assign]  # as a spy
    with pytest.raises(KeyboardInterrupt):
        learner.model.learn(STEPS, callback=callback)
    callback.stop_listening()
    assert signal.getsignal(signal.SIGINT) is before
    assert learner.model.num_timesteps == 128  # 4 environments, 8 steps each: the end of the rollout and its update
    assert callback.newest is not None
    assert callback.newest.name == f"step-{128:012d}"


def test_ctrl_c_in_the_last_rollout_stops_too(tmp_path: Path) -> None:
    learner = tiny_learner("ppo")
    callback = CheckpointCallback(learner, tmp_path, every_steps=10 * STEPS)
    step = learner.pipelines.step_wait

    def interrupted_step() -> Any:
        if learner.model.num_timesteps == STEPS - 4:
            signal.raise_signal(signal.SIGINT)
        return step()

    learner.pipelines.step_wait = interrupted_step  # type: ignore[method-assign]  # as a spy
    with pytest.raises(KeyboardInterrupt):
        learner.model.learn(STEPS, callback=callback)
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoints" / f"step-{STEPS:012d}"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    learner = tiny_learner("ppo")
    learner.model.learn(64)
    return save_checkpoint(learner, tmp_path_factory.mktemp("run"))


def broken_arrays(folder: Path) -> None:
    content = (folder / "state.safetensors").read_bytes()
    (folder / "state.safetensors").write_bytes(content[: len(content) // 2])


def no_values(folder: Path) -> None:
    (folder / "state.json").unlink()


def other_format(folder: Path) -> None:
    (folder / "state.json").write_text('{"format": 99, "model": {}}')


def no_counters(folder: Path) -> None:
    (folder / "state.json").write_text('{"format": 1, "model": {}}')


def odd_generator(folder: Path) -> None:
    values = json.loads((folder / "state.json").read_text())
    values["model"]["random"]["numpy"] = ["MT19937", 1]
    (folder / "state.json").write_text(json.dumps(values))


@pytest.mark.parametrize("breaking", [broken_arrays, no_values, other_format, no_counters, odd_generator])
def test_a_broken_checkpoint_is_one_line(breaking: Any, checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / checkpoint.name
    shutil.copytree(checkpoint, folder)
    load_checkpoint(tiny_learner("ppo"), folder)
    breaking(folder)
    with pytest.raises(OptionError) as error:
        load_checkpoint(tiny_learner("ppo"), folder)
    assert str(folder) in str(error.value)
    assert "expected" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "changes"), [("ppo", {"net_arch": [16]}), ("a2c", {}), ("ppo-residual", {})])
def test_a_checkpoint_of_another_learner_is_refused(name: str, changes: dict[str, Any], checkpoint: Path) -> None:
    with pytest.raises(OptionError, match=r"of another (network|model)"):
        load_checkpoint(tiny_learner(name, **changes), checkpoint)


def test_a_checkpoint_of_more_environments_is_refused(checkpoint: Path) -> None:
    with pytest.raises(OptionError, match=r"expected .*\(8,"):
        load_checkpoint(tiny_learner("ppo", n_envs=8), checkpoint)


def test_a_restored_environment_goes_on_with_its_own_episodes_whatever_seed_is_waiting() -> None:
    first, second = toy_vec_env(3, seed=7), toy_vec_env(3, seed=8)
    first.reset()
    for actions in random_actions(first, 4):
        first.step(actions)
    second.restore(first.state_arrays())
    assert np.array_equal(second.observations, first.observations)
    assert np.array_equal(second.reset(), first.reset())


def test_the_agent_of_the_checkpoints_time_comes_back_with_it(tmp_path: Path) -> None:
    learner = tiny_learner("ppo")
    learner.model.learn(64)
    for name in ("agent.safetensors", "agent.yaml"):
        (tmp_path / name).write_text("at 64 steps")
    checkpoint = save_checkpoint(learner, tmp_path)
    for name in ("agent.safetensors", "agent.yaml"):
        (tmp_path / name).write_text("of a time that is gone")
    load_checkpoint(tiny_learner("ppo"), checkpoint)
    assert (tmp_path / "agent.safetensors").read_text() == (tmp_path / "agent.yaml").read_text() == "at 64 steps"
