"""Whole searches with a learner that is done in a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ipa_gym.engines import open_engine
from ipa_gym.errors import OptionError
from ipa_gym.evaluation.comparison import VIOLATIONS_LIMIT_PERCENT
from ipa_gym.training.card import load_training_card
from ipa_gym.training.inputs import load_inputs
from ipa_gym.training.learning import train
from ipa_gym.tuning.results import Results
from ipa_gym.tuning.search import Search, tune, without_test_days
from ipa_gym.tuning.settings import TuningSettings

HERE = open_engine("local", jobs=1)


def rows(search: Search) -> list[dict[str, object]]:
    return search.results.frame().drop("elapsed_s").to_dicts()


def test_a_trials_value_is_what_training_with_the_test_days_at_hand_would_choose_by(
    small: TuningSettings, tmp_path: Path
) -> None:
    """By hand from the files of an ordinary training run: the reward, less 9 rho / 100 for each percent above 1 %."""
    search = tune(replace(small, trials=2), engine=HERE)
    for trial in search.results.trials:
        run = replace(small.training(), overrides=dict(trial.values), out=tmp_path / f"run-{trial.number}")
        outcome = train(run)
        curve = pl.read_csv(run.folder / "evaluations.csv")
        limit = max(VIOLATIONS_LIMIT_PERCENT, outcome.references["ipa-exact"]["violations_percent"])
        excess = np.maximum(0.0, curve["violations_percent"].to_numpy() - limit)
        merits = curve["reward"].to_numpy() - 9 * 40 / 100 * excess  # video's rho is 40

        assert trial.value == merits.max()
        assert trial.metrics["reward"] == curve["reward"][int(merits.argmax())] == outcome.metrics["reward"]
    assert len({trial.value for trial in search.results.trials}) == 2


def test_a_stopped_search_goes_on_and_ends_as_one_that_was_left_alone(small: TuningSettings, tmp_path: Path) -> None:
    done: list[int] = []

    def stop(item: object, outcome: object, n_finished: int) -> None:
        done.append(n_finished)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(small, engine=HERE, on_trial=stop)
    resumed = tune(small, engine=HERE, on_trial=lambda item, outcome, n_finished: done.append(n_finished))
    alone = tune(replace(small, out=tmp_path / "alone"), engine=HERE)

    assert done == [1, 2, 3]
    assert (resumed.n_found, alone.n_found) == (1, 0)
    assert rows(resumed) == rows(alone)
    assert not (small.folder / ".running").exists()


@pytest.mark.slow
def test_workers_come_to_the_same_bit_for_bit(small: TuningSettings, tmp_path: Path) -> None:
    here = tune(small, engine=HERE)
    there = tune(replace(small, out=tmp_path / "there"), engine=open_engine("local", jobs=2))

    assert rows(here) == rows(there)


@pytest.mark.slow
def test_ray_comes_to_the_same_bit_for_bit(small: TuningSettings, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'ipa-gym[ray]'")
    here = tune(small, engine=HERE)
    there = tune(replace(small, out=tmp_path / "there"), engine=open_engine("ray", jobs=2))

    assert rows(here) == rows(there)


def test_the_best_card_can_be_trained_and_the_files_are_there(small: TuningSettings) -> None:
    search = tune(small, engine=HERE)
    card, best = load_training_card(search.card), search.results.best
    table = pl.read_csv(small.folder / "trials.csv")

    assert best.value == max(trial.value for trial in search.results.trials)
    assert card.name == "small-tuned"
    assert card.algorithm == "a2c"
    assert card.hyperparameters == {**load_training_card(small.agent).hyperparameters, **best.values}
    assert set(card.sources) == set(best.values)
    assert table["trial"].to_list() == [0, 1, 2]
    assert table["value"].to_list() == [trial.value for trial in search.results.trials]
    assert search.results.baseline == search.results.trials[0]  # the card's own values are in the space
    assert {path.name for path in small.folder.iterdir()} == {
        "importances.json", "search.png", "slices.png", "small-tuned.yaml", "study.db", "study.lock", "trials.csv",
    }  # fmt: skip


def test_a_value_that_cannot_be_trained_costs_its_trial_alone(small: TuningSettings, tmp_path: Path) -> None:
    """A2C has no such limits, PPO's batches must divide 4 x 8 steps."""
    (tmp_path / "ppo.yaml").write_text(
        "name: small\ntitle: t\nalgorithm: ppo\nhyperparameters: {steps: 64, n_envs: 4, n_steps: 8, batch_size: 16}\n",
        encoding="utf-8",
    )
    (tmp_path / "batches.yaml").write_text(
        "algorithm: ppo\nranges: {batch_size: {choice: [16, 31]}}\n", encoding="utf-8"
    )
    settings = replace(small, agent=str(tmp_path / "ppo.yaml"), space=str(tmp_path / "batches.yaml"), trials=6)
    results = tune(settings, engine=HERE).results

    states = {(trial.values["batch_size"], trial.state) for trial in results.trials}
    assert states == {(16, "complete"), (31, "failed")}
    assert all("expected a divisor" in trial.reason for trial in results.trials if trial.state == "failed")


def test_a_search_without_a_complete_trial_says_why(small: TuningSettings, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no trial came to its end; expected a space that can be trained"):
        Results.of([], object(), {}, {})  # type: ignore[arg-type]  # no trial needs it


def test_workers_do_not_even_get_the_test_days(small: TuningSettings) -> None:
    whole = load_inputs(small.training())
    cut = without_test_days(whole)
    day_s = 86_400

    assert whole.trace.split_range("test") == (14 * day_s, 21 * day_s)
    assert len(cut.trace.counts) == 14 * day_s
    assert "test" not in cut.trace.splits
    for part in ("fit", "validation"):
        start, end = cut.trace.split_range(part)
        assert cut.trace.split_range(part) == whole.trace.split_range(part)
        np.testing.assert_array_equal(cut.trace.counts[start:end], whole.trace.counts[start:end])
