"""`Study`: the search's database, what it proposes next, and what it is told; Optuna's in a SQLite file.

A killed search goes on: finished trials stay, and those that were under way are done again with the values that they
had. Each trial's proposal has a generator of its own, so that it follows from the seed, the trial's number and the
trials that were known when it was proposed, whether the search was ever stopped or not. Next: `search.py`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ipa_gym.errors import OptionError
from ipa_gym.tuning.space import SearchSpace
from ipa_gym.tuning.trial_work import COMPLETE, FAILED, PRUNED, TrialItem, TrialOutcome, pruner

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

FILE, LOCK = "study.db", "study.lock"
OUTCOME, SETTINGS = "outcome", "settings"  # names of attributes in the database
ENOUGH = 10  # complete trials, for importances that say anything
_NAME = "ipa-gym tune"
_LONGEST = 60  # characters of a value in an error


class Study:
    """The trials of one search.

    Args:
        folder: of the search; its database is made there, or found.
        space: what is searched.
        seed: of the proposals.
        settings: what decides a trial's value, as plain data; a search goes on only with the same.
    Raises: OptionError if another search is there.
    """

    def __init__(
        self, folder: Path, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]
    ) -> None:  # Any: JSON's
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        folder.mkdir(parents=True, exist_ok=True)
        self._space, self._seed = space, seed
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{folder / FILE}")
        self._study = optuna.create_study(
            storage=self._storage, study_name=_NAME, direction="maximize", pruner=pruner(), load_if_exists=True
        )
        plain = json.loads(json.dumps(settings))
        before = self._study.user_attrs.get(SETTINGS)
        if before is None:
            self._study.set_user_attr(SETTINGS, plain)
        else:
            _check_same(folder, before, plain)
        self._open: dict[int, optuna.Trial] = {}

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials so far."""
        return self._study.get_trials(deepcopy=False)

    @property
    def n_finished(self) -> int:
        """How many were done, whatever came out."""
        return sum(trial.state.is_finished() for trial in self.trials)

    def propose(self, n_trials: int, first: Mapping[str, object] | None = None) -> Iterator[TrialItem]:
        """Trials to do until there are ``n_trials``: those that were under way, then new ones.

        Args:
            first: values of trial 0; None: proposed as all others.
        """
        import optuna

        for frozen in [trial for trial in self.trials if not trial.state.is_finished()]:
            with self._sampling(frozen.number, first):  # Optuna has no public way to a trial of another process
                item = self._item(optuna.Trial(self._study, frozen._trial_id))
            yield item
        while (number := len(self.trials)) < n_trials:
            with self._sampling(number, first):
                item = self._item(self._study.ask())
            yield item

    def tell(self, item: TrialItem, outcome: TrialOutcome) -> None:
        """Keep what a trial came to."""
        import optuna

        trial = self._open.pop(item.number)
        trial.set_user_attr(OUTCOME, asdict(outcome))
        for number, merit in outcome.reports:
            trial.report(merit, number)
        states = {PRUNED: optuna.trial.TrialState.PRUNED, FAILED: optuna.trial.TrialState.FAIL}
        if outcome.state == COMPLETE:
            self._study.tell(trial, outcome.value)
        else:
            self._study.tell(trial, state=states[outcome.state])

    def importances(self) -> dict[str, float]:
        """How much of the differences between trials each hyperparameter explains, by PED-ANOVA; they add up to 1.

        Nothing if there are fewer than `ENOUGH` complete trials.
        Source: Watanabe, Bansal and Hutter, PED-ANOVA (arXiv 2304.10255), as Optuna has it.
        """
        import optuna

        complete = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        if len(complete) < ENOUGH:
            return {}
        with _without_warnings():
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            return optuna.importance.get_param_importances(self._study, evaluator=evaluator)

    def close(self) -> None:
        """Let go of the database."""
        self._storage.engine.dispose()

    @contextmanager
    def _sampling(self, number: int, first: Mapping[str, object] | None) -> Iterator[None]:
        """With the sampler of one trial."""
        import optuna

        with _without_warnings():
            sampler: optuna.samplers.BaseSampler = optuna.samplers.TPESampler(seed=_seed_of(self._seed, number))
            if number == 0 and first is not None:
                sampler = optuna.samplers.PartialFixedSampler(self._space.proposal(first), sampler)
            self._study.sampler = sampler
            yield

    def _item(self, trial: optuna.Trial) -> TrialItem:
        import optuna

        self._open[trial.number] = trial
        complete = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        return TrialItem(trial.number, self._space.suggest(trial), tuple(complete))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Optuna warns where a part of it may change between its versions; constraints.txt has the version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _seed_of(seed: int, number: int) -> int:
    """Seed of a trial's proposal."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _check_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:  # Any: what JSON can hold
    for name in (*now, *(name for name in before if name not in now)):
        if before.get(name) != now.get(name):
            raise OptionError(
                f"{folder} holds a search whose {name} is {_short(before.get(name))}; expected the same, not "
                f"{_short(now.get(name))}, or another --out"
            )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """While the context lasts no other process may search in the folder; a killed one does not count.

    Raises: OptionError if one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OptionError(f"{folder} is being searched by another process; expected another --out") from None
        yield
