"""``ipa-gym tune``: what it prints, what it goes on with, what it refuses in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipa_gym.cli import main
from ipa_gym.tuning import search
from ipa_gym.tuning.settings import TuningSettings


def arguments(small: TuningSettings, *more: str) -> list[str]:
    given = {"--agent": small.agent, "--space": str(small.space), "--out": str(small.out)}
    fixed = ["tune", "--eval-windows", "1", "--jobs", "1", "--trials", "2"]
    return [*fixed, *(text for pair in given.items() for text in pair), *more]


def run(command: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(command)
    return int(ended.value.code or 0)


def test_it_says_what_is_best_and_goes_on_when_given_again(
    small: TuningSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments(small, "--json")) == 0
    first = capsys.readouterr()
    found = json.loads(first.out)
    best = max(found["trials"], key=lambda trial: trial["value"])

    assert [trial["trial"] for trial in found["trials"]] == [0, 1]
    assert (found["best"], found["baseline"]) == (best["trial"], 0)
    assert found["trials"][0]["hyperparameters"] == {"learning_rate": 0.01, "gamma": 0.5}  # the card's own
    assert [line.split(":")[0] for line in first.err.splitlines()[:2]] == ["1/2 trial 0", "2/2 trial 1"]

    assert run(arguments(small)) == 0
    again = capsys.readouterr()
    assert f"best: trial {best['trial']} with {best['value']:.4g}" in again.out
    assert "2 trials (2 of them were done before)" in again.err
    assert "2/2" not in again.err


def test_ctrl_c_says_that_the_same_command_goes_on(
    small: TuningSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "tune", interrupted)

    assert run(arguments(small)) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--trials", "0"], "trials is 0; expected a whole number of at least 1"),
        (["--seeds", "0"], "--seeds has '0'; expected a number of seeds"),
        (["--seeds", "3,3"], "seeds is [3, 3]; expected at least one from 0, and none twice"),
        (["--engine", "rai"], "unknown engine 'rai'; known: local, ray. Did you mean 'ray'?"),
        (["--agent", "ipa"], "agent ipa needs no training; expected a card with 'algorithm'"),
        (["--env", "vidoe"], "unknown pipeline card 'vidoe'"),
        (["--space", "none.yaml"], "search space: no file 'none.yaml'"),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    small: TuningSettings, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert run(arguments(small, *more)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not Path(small.out).exists()
