"""What a trial comes to, and when it is broken off: worked out by hand, no learner trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest

from ipa_gym.training import learning
from ipa_gym.training.evaluation_curve import Evaluation
from ipa_gym.training.inputs import load_inputs
from ipa_gym.tuning.settings import TuningSettings
from ipa_gym.tuning.trial_work import COMPLETE, FAILED, PRUNED, TrialItem, TrialWork

EVERY = 12  # steps between evaluations of 240


def finished(*at_the_fifth: float) -> tuple[optuna.trial.FrozenTrial, ...]:
    """Complete trials that had these merits at evaluation 5 and 100 at all others."""
    curves = [dict.fromkeys(range(21), 100.0) | {5: value} for value in at_the_fifth]
    return tuple(optuna.trial.create_trial(value=100.0, intermediate_values=curve) for curve in curves)


@contextmanager
def played(monkeypatch: pytest.MonkeyPatch, curve: Callable[[int], list[float]]) -> Iterator[list[Any]]:
    """In place of training: evaluations with the merits that ``curve(seed)`` says; gives the settings of the runs."""
    runs: list[Any] = []

    def train(settings: Any, *, inputs: Any, on_evaluation: Any) -> None:
        runs.append(settings)
        for number, merit in enumerate(curve(settings.seed)):
            on_evaluation(Evaluation(number * EVERY, 0.0, {"reward": merit}), merit)

    with monkeypatch.context() as patched:
        patched.setattr(learning, "train", train)
        yield runs


def work_of(small: TuningSettings, **changes: Any) -> TrialWork:
    from dataclasses import replace

    settings = replace(small, **changes)
    return TrialWork(settings, load_inputs(settings.training()), Path("no such folder"))


def item(*merits: float) -> TrialItem:
    return TrialItem(7, {"gamma": 0.9}, finished(*merits))


def test_the_value_is_the_mean_over_seeds_of_the_best_evaluation(
    small: TuningSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = {3: [-9.0, -2.0, -5.0, -2.0], 8: [-7.0, math.nan, -4.0]}
    with played(monkeypatch, curves.__getitem__) as runs:
        outcome = work_of(small, seeds=(3, 8)).run(item())

    assert (outcome.state, outcome.value) == (COMPLETE, -3.0)  # of -2 and -4
    assert [(one.seed, one.merit, one.best_steps) for one in outcome.seeds] == [(3, -2.0, EVERY), (8, -4.0, 2 * EVERY)]
    assert outcome.reports == ((0, -9.0), (1, -2.0), (2, -5.0), (3, -2.0))
    assert [run.overrides for run in runs] == [{"gamma": 0.9}] * 2


@pytest.mark.parametrize(
    ("others", "merit", "expected"),
    [
        ((1.0, 2.0, 3.0, 4.0, 5.0), 2.9, PRUNED),  # the median is 3
        ((1.0, 2.0, 3.0, 4.0, 5.0), 3.0, COMPLETE),
        ((1.0, 2.0, 3.0, 4.0), 0.0, COMPLETE),  # too few to compare with
        ((1.0, 2.0, 3.0, 4.0, 5.0), math.nan, PRUNED),
    ],
)
def test_a_trial_whose_best_is_below_the_median_is_broken_off(
    small: TuningSettings, monkeypatch: pytest.MonkeyPatch, others: tuple[float, ...], merit: float, expected: str
) -> None:
    with played(monkeypatch, lambda seed: [merit] * 6) as runs:
        outcome = work_of(small, seeds=(0, 1)).run(item(*others))

    assert outcome.state == expected
    assert len(runs) == (1 if expected == PRUNED else 2)  # no second seed for a hopeless trial
    assert len(outcome.reports) == 6


def test_nothing_is_broken_off_in_the_first_quarter_nor_for_a_bad_late_evaluation_nor_on_request(
    small: TuningSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = (1.0, 2.0, 3.0, 4.0, 5.0)
    with played(monkeypatch, lambda seed: [0.0] * 5):  # the others had 100 there
        assert work_of(small).run(item(*others)).state == COMPLETE
    with played(monkeypatch, lambda seed: [4.0] * 5 + [-50.0]):  # its best so far is 4
        assert work_of(small).run(item(*others)).state == COMPLETE
    with played(monkeypatch, lambda seed: [0.0] * 21):
        assert work_of(small, prune=False).run(item(*others)).state == COMPLETE


def test_what_cannot_be_trained_is_a_failed_trial_with_a_reason(small: TuningSettings) -> None:
    outcome = work_of(small).run(TrialItem(0, {"gamma": 7.0}, ()))

    assert (outcome.state, outcome.seeds) == (FAILED, ())
    assert outcome.reason.startswith("OptionError: --set for agent small.gamma is 7.0; expected a number from 0 to 1")
