"""What a worker does with a trial: train the agent with its values from each seed, and say what that came to.

It has no database: the trials that were finished when this one began travel with it, and Optuna's own pruner judges by
them. So a trial's outcome follows from the trial alone. Next: `search.py`, which hands trials out.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.errors import IpaGymError
from ipa_gym.forecast import WEIGHTS_SUFFIX
from ipa_gym.training.evaluation_curve import Evaluation
from ipa_gym.training.inputs import TrainingInputs
from ipa_gym.training.settings import EVALUATIONS
from ipa_gym.tuning.settings import TuningSettings

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
_NEVER = 1000  # times the steps of a run
_AT_LEAST = 5  # finished trials before any is broken off, and to compare with
_WARM_UP = EVALUATIONS // 4  # no trial is broken off in the first quarter of its training


@dataclass(frozen=True, slots=True)
class TrialItem:
    """A trial to do."""

    number: int
    values: Mapping[str, object]  # of the searched hyperparameters
    finished: tuple[FrozenTrial, ...]  # trials that were complete when it was proposed

    def __str__(self) -> str:
        return f"trial {self.number} ({', '.join(f'{name} {value}' for name, value in self.values.items())})"


@dataclass(frozen=True, slots=True)
class SeedOutcome:
    """What one training seed of a trial came to."""

    seed: int
    merit: float  # of the best evaluation
    best_steps: int
    metrics: Mapping[str, float]  # of the best evaluation, means over the validation windows


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What a trial came to."""

    state: str  # COMPLETE, PRUNED or FAILED
    seeds: tuple[SeedOutcome, ...]  # those that ran to their end, or until the trial was broken off
    reports: tuple[tuple[int, float], ...]  # of the first seed: number of the evaluation, merit
    elapsed_s: float
    reason: str = ""  # why it failed

    @property
    def value(self) -> float:
        """The trial's value: the mean merit of the seeds."""
        return math.fsum(one.merit for one in self.seeds) / len(self.seeds) if self.seeds else math.nan


class TrialWork:
    """See `ipa_gym.engines.Work`.

    Args:
        settings: of the search.
        inputs: what they name.
        scratch: folder for the runs' files, used where it exists; elsewhere the machine's own for temporary files.
    """

    def __init__(self, settings: TuningSettings, inputs: TrainingInputs, scratch: Path) -> None:
        self._settings, self._inputs, self._scratch = settings, inputs, scratch
        weights = Path(inputs.forecast) if inputs.forecast.endswith(WEIGHTS_SUFFIX) else None
        self._weights = None if weights is None else weights.read_bytes()

    def start(self) -> None:
        """Load torch, and put the forecast's file of weights where it can be read."""
        import ipa_gym.training.learning  # noqa: F401  # what takes seconds

        if self._weights is not None and not Path(self._inputs.forecast).is_file():
            folder = tempfile.mkdtemp(prefix="ipa-gym-")
            path = Path(folder) / Path(self._inputs.forecast).name
            path.write_bytes(self._weights)
            self._inputs = replace(self._inputs, forecast=str(path))

    def run(self, item: TrialItem) -> TrialOutcome:
        """Train with a trial's values; what cannot be trained is a failed trial."""
        began_s = time.perf_counter()
        judge = _Judge(item.finished) if self._settings.prune else None
        watches = [_Watch(seed, None if number else judge) for number, seed in enumerate(self._settings.seeds)]
        state, reason = COMPLETE, ""
        try:
            for watch in watches:
                self._train(item, watch)
        except _Hopeless:
            state = PRUNED
        except (IpaGymError, ArithmeticError, ValueError, RuntimeError) as error:
            state, reason = FAILED, f"{type(error).__name__}: {error}".split("\n")[0]
        outcomes = tuple(watch.outcome() for watch in watches if watch.evaluations)
        return TrialOutcome(state, outcomes, tuple(watches[0].reports), time.perf_counter() - began_s, reason)

    def _train(self, item: TrialItem, watch: _Watch) -> None:
        from ipa_gym.training.learning import train

        folder = self._scratch if self._scratch.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="ipa-gym-", dir=folder) as out:
            run = replace(self._settings.training(), seed=watch.seed, overrides=dict(item.values), out=Path(out))
            steps = run.steps or self._inputs.steps
            every = run.eval_every_of(steps)
            run = replace(run, checkpoint_every=_NEVER * steps)
            train(run, inputs=self._inputs, on_evaluation=lambda row, merit: watch.take(row, merit, row.steps // every))


class _Hopeless(Exception):
    """A trial that is broken off."""


class _Watch:
    """The evaluations of one training run, and the judge who may break it off."""

    def __init__(self, seed: int, judge: _Judge | None) -> None:
        self.seed, self._judge = seed, judge
        self.evaluations: list[tuple[Evaluation, float]] = []
        self.reports: list[tuple[int, float]] = []

    def take(self, row: Evaluation, merit: float, number: int) -> None:
        self.evaluations.append((row, merit))
        if number in dict(self.reports):  # the one at the end may come right after another
            return
        self.reports.append((number, merit))
        if self._judge is not None and self._judge.is_hopeless(merit, number):
            raise _Hopeless

    def outcome(self) -> SeedOutcome:
        row, merit = max(self.evaluations, key=lambda pair: -math.inf if math.isnan(pair[1]) else pair[1])
        return SeedOutcome(self.seed, merit, row.steps, dict(row.metrics))


class _Judge:
    """Optuna's pruner over the trials that were finished before: a study of its own, in memory."""

    def __init__(self, finished: Sequence[FrozenTrial]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize", pruner=pruner())
        study.add_trials(finished)
        self._trial = study.ask()

    def is_hopeless(self, merit: float, number: int) -> bool:
        self._trial.report(merit, number)
        return self._trial.should_prune()


def pruner() -> BasePruner:
    """Breaks off a trial whose best so far is below the median of the finished trials at the same evaluation."""
    import optuna

    return optuna.pruners.MedianPruner(_AT_LEAST, _WARM_UP, n_min_trials=_AT_LEAST)
