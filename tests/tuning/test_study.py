"""The database of a search: what is proposed, what a stopped search goes on with, what is refused."""

from __future__ import annotations

import math
import statistics
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.tuning.space import Range, SearchSpace
from ipa_gym.tuning.study import ENOUGH, Study, only_one
from ipa_gym.tuning.trial_work import COMPLETE, FAILED, PRUNED, SeedOutcome, TrialItem, TrialOutcome

SPACE = SearchSpace(
    "a2c",
    (Range("learning_rate", "log", (1e-4, 1e-1)), Range("gamma", "choice", (0.1, 0.5, 0.9))),
    Path("space.yaml"),
)
Values = list[dict[str, object]]


def study_in(folder: Path, *, seed: int = 0, **settings: Any) -> Study:
    return Study(folder, SPACE, seed=seed, settings={"steps": 100, **settings})


def outcome(item: TrialItem, state: str = COMPLETE) -> TrialOutcome:
    """A roof: best at a learning rate of 0.01, one less for each factor of ten beside it."""
    value = -abs(math.log10(float(item.values["learning_rate"])) + 2)  # type: ignore[arg-type]  # a number
    return TrialOutcome(state, (SeedOutcome(0, value, 50, {"reward": value}),), ((0, value), (1, value)), 1.0)


def done(study: Study, n_trials: int) -> Values:
    """Do the trials that are missing; their values."""
    found = []
    for item in study.propose(n_trials):
        study.tell(item, outcome(item))
        found.append(dict(item.values))
    return found


def all_values(study: Study) -> Values:
    return [SPACE.values(trial.params) for trial in study.trials]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "search"


def test_equal_seeds_propose_alike_and_others_do_not(tmp_path: Path) -> None:
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with closing(study_in(tmp_path / name, seed=seed)) as study:
            found.append(done(study, 12))  # the last two with a model of the ten before

    assert found[0] == found[1]
    assert all(mine != other for mine, other in zip(found[0], found[2], strict=True))


def test_a_search_that_is_stopped_after_each_trial_proposes_as_one_that_is_not(tmp_path: Path) -> None:
    with closing(study_in(tmp_path / "whole")) as study:
        whole = done(study, 13)
    for n_trials in range(1, 14):
        with closing(study_in(tmp_path / "pieces")) as study:
            assert len(done(study, n_trials)) == 1
    with closing(study_in(tmp_path / "pieces")) as study:
        assert all_values(study) == whole


def test_a_trial_that_was_under_way_is_done_again_with_its_values(folder: Path) -> None:
    with closing(study_in(folder)) as study:
        proposed = study.propose(3)
        first, second = next(proposed), next(proposed)
        study.tell(first, outcome(first))
    with closing(study_in(folder)) as study:
        again = [(item.number, dict(item.values)) for item in study.propose(2)]

    assert again == [(1, dict(second.values))]


def test_finished_trials_travel_with_the_next_whatever_became_of_others(folder: Path) -> None:
    with closing(study_in(folder)) as study:
        proposed, states = study.propose(5), [COMPLETE, PRUNED, FAILED, COMPLETE]
        for state in states:
            item = next(proposed)
            study.tell(item, outcome(item, state))
        last = next(proposed)

        assert [trial.number for trial in last.finished] == [0, 3]
        assert study.n_finished == 4


def test_trial_0_has_the_values_that_are_given(folder: Path) -> None:
    own = {"learning_rate": 0.03, "gamma": 0.9, "n_steps": 5}
    with closing(study_in(folder)) as study:
        items = [next(study.propose(2, own))]
    with closing(study_in(folder)) as study:  # stopped at once
        items += list(study.propose(2, own))

    assert [item.number for item in items] == [0, 0, 1]
    assert [dict(item.values) for item in items[:2]] == [{"learning_rate": 0.03, "gamma": 0.9}] * 2
    assert items[2].values["learning_rate"] != 0.03


def test_another_search_in_the_folder_is_refused_by_what_differs(folder: Path) -> None:
    study_in(folder, trace="bursty").close()

    with pytest.raises(OptionError, match='whose trace is "bursty"; expected the same, not "nlp", or another'):
        study_in(folder, trace="nlp")
    with pytest.raises(OptionError, match="whose trace is "):
        study_in(folder)


def test_the_model_learns_where_the_best_values_are(folder: Path) -> None:
    with closing(study_in(folder)) as study:
        rates = [float(values["learning_rate"]) for values in done(study, 30)]  # type: ignore[arg-type]  # numbers

    misses = [abs(math.log10(rate) + 2) for rate in rates]
    assert statistics.mean(misses[-15:]) < 0.6  # chance alone: (2² + 1²) / 2 / 3 = 0.83


def test_importances_wait_for_enough_trials_and_find_what_matters(folder: Path) -> None:
    with closing(study_in(folder)) as study:
        done(study, ENOUGH - 1)
        assert study.importances() == {}
        done(study, 20)
        found = study.importances()

    assert found.keys() == {"learning_rate", "gamma"}
    assert found["learning_rate"] > 2 * found["gamma"]  # the value does not depend on gamma


def test_two_searches_in_one_folder_at_the_same_time_are_refused(folder: Path) -> None:
    with only_one(folder), pytest.raises(OptionError, match="is being searched by another process"), only_one(folder):
        pass
    with only_one(folder):
        pass
