"""A run's settings: where the folder lies, what may go on, and what is refused before anything is made."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.training.outcome import TrainingOutcome, read_outcome, write_outcome
from ipa_gym.training.settings import TrainingSettings, check_run_folder, read_settings, write_settings

OVERRIDES = {"learning_rate": 3e-4, "policy_kwargs.net_arch": [64, 64], "masks": True}


def settings_in(out: Path, **changes: Any) -> TrainingSettings:
    return TrainingSettings(**{"out": out, "overrides": OVERRIDES, "seed": 3, **changes})


def outcome_in(folder: Path) -> TrainingOutcome:
    metrics = {"reward": -4.25, "pas_percent": 40.0}
    references = {"ipa": {"reward": -4.5}}
    return TrainingOutcome(folder, folder / "agent.yaml", 1000, 2.5, False, 500, metrics, references)


def test_the_folder_is_named_by_pipeline_agent_and_seed() -> None:
    assert TrainingSettings().folder == Path("runs/video/ppo/seed-0")
    mine = TrainingSettings(env="cards/mine.yaml", agent="/x/fast-ppo.yaml", seed=7, out=Path("o"))
    assert mine.folder == Path("o/mine/fast-ppo/seed-7")


def test_a_run_is_evaluated_twenty_times_unless_it_says_otherwise() -> None:
    assert TrainingSettings().eval_every_of(1_000_000) == 50_000
    assert TrainingSettings(eval_every=300).eval_every_of(1_000_000) == 300
    assert TrainingSettings(eval_every=300).checkpoint_every_of(1_000_000) == 300
    assert TrainingSettings(eval_every=300, checkpoint_every=7).checkpoint_every_of(1_000_000) == 7
    assert TrainingSettings().eval_every_of(3) == 1


@pytest.mark.parametrize(
    ("name", "value", "lowest"),
    [("steps", 0, 1), ("seed", -1, 0), ("n_envs", 0, 1), ("eval_windows", 2.5, 1), ("early_stop", True, 1)],
)
def test_what_is_out_of_range_is_named(name: str, value: object, lowest: int) -> None:
    with pytest.raises(OptionError, match=f"{name} is {value!r}; expected a whole number of at least {lowest}"):
        TrainingSettings(**{name: value})  # type: ignore[arg-type]  # wrong on purpose


def test_settings_come_back_as_they_were_written(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, steps=100, early_stop=4, tensorboard=False, forecast="max")
    write_settings(replace(settings, resume=True))
    assert read_settings(settings.folder) == settings
    assert [path.name for path in settings.folder.iterdir()] == ["settings.json"]


def test_a_moved_run_is_found_where_it_lies_now(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "old")
    write_settings(settings)
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert read_settings(tmp_path / "new/video/ppo/seed-3") == settings_in(tmp_path / "new")
    shutil.move(tmp_path / "new/video/ppo/seed-3", tmp_path / "best")
    with pytest.raises(OptionError, match="best holds the run video/ppo/seed-3; expected a folder whose path ends so"):
        read_settings(tmp_path / "best")


def test_a_new_run_overwrites_no_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    check_run_folder(settings)
    assert list(tmp_path.iterdir()) == []
    write_settings(settings)
    with pytest.raises(OptionError, match=r"seed-3 holds a run that was stopped; expected --resume .*seed-3, or"):
        check_run_folder(settings)
    write_outcome(outcome_in(settings.folder))
    with pytest.raises(OptionError, match=r"holds a finished run; expected another --out or --seed, or --resume"):
        check_run_folder(settings)
    check_run_folder(replace(settings, seed=4))


def test_only_the_same_run_goes_on_and_it_may_go_on_longer(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, steps=100)
    with pytest.raises(OptionError, match=r"holds no run \(settings.json is missing\)"):
        check_run_folder(replace(settings, resume=True))
    write_settings(settings)
    check_run_folder(replace(settings, resume=True, steps=200))
    other = replace(settings, resume=True, overrides={**OVERRIDES, "masks": False})
    with pytest.raises(OptionError, match=r"was begun with overrides .*; expected the same, not"):
        check_run_folder(other)


def test_a_folder_that_cannot_be_made_is_named_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="file is not a folder"):
        check_run_folder(settings_in(tmp_path / "file"))


def test_a_strange_setting_in_the_file_is_named(tmp_path: Path) -> None:
    path = write_settings(settings_in(tmp_path))
    path.write_text(json.dumps({**json.loads(path.read_text()), "n_env": 4}))
    with pytest.raises(OptionError, match="Did you mean 'n_envs'") as error:
        read_settings(path.parent)
    assert str(path) in str(error.value)
    path.write_text("{")
    with pytest.raises(OptionError, match=r"settings.json cannot be read"):
        read_settings(path.parent)


def test_an_outcome_comes_back_from_wherever_the_folder_lies(tmp_path: Path) -> None:
    write_outcome(outcome_in(tmp_path / "here"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert read_outcome(tmp_path / "there") == outcome_in(tmp_path / "there")
    with pytest.raises(OptionError, match="holds no finished run"):
        read_outcome(tmp_path / "here")
