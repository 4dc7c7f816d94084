"""`Results`: what the trials of a search came to, the best of them as an agent's card, and the files of both.

Plays, trains and draws nothing. Next: `figures.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipa_gym.errors import OptionError
from ipa_gym.files import write_frame, write_json, write_text
from ipa_gym.training.inputs import TrainingInputs
from ipa_gym.tuning.settings import TuningSettings
from ipa_gym.tuning.space import SearchSpace
from ipa_gym.tuning.study import OUTCOME
from ipa_gym.tuning.trial_work import COMPLETE, FAILED

if TYPE_CHECKING:
    import polars as pl
    from optuna.trial import FrozenTrial

METRICS = ("reward", "violations_percent", "cost_cores", "pas_percent")  # of the table, means over the seeds


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A finished trial."""

    number: int
    state: str  # complete, pruned or failed
    values: Mapping[str, object]  # of the searched hyperparameters
    value: float  # mean merit of the seeds; of a pruned trial the best until then, of a failed one NaN
    metrics: Mapping[str, float]  # `METRICS`, of the best evaluation of each seed
    elapsed_s: float
    reason: str  # why it failed


@dataclass(frozen=True, slots=True)
class Results:
    """All finished trials of a search.

    Raises: OptionError if none came to its end.
    """

    space: SearchSpace
    trials: tuple[TrialResult, ...]  # by number
    own: Mapping[str, object]  # the agent card's values of all hyperparameters
    importances: Mapping[str, float]  # hyperparameter -> part; empty if there are too few trials

    def __post_init__(self) -> None:
        if not self.complete:
            reasons = [f" (trial {trial.number}: {trial.reason})" for trial in self.trials if trial.state == FAILED]
            why = reasons[-1] if reasons else ""
            raise OptionError(f"no trial came to its end{why}; expected a space that can be trained")

    @property
    def complete(self) -> list[TrialResult]:
        """The trials that came to their end."""
        return [trial for trial in self.trials if trial.state == COMPLETE]

    @property
    def best(self) -> TrialResult:
        """The first of the trials with the highest value."""
        return max(self.complete, key=lambda trial: trial.value)

    @property
    def baseline(self) -> TrialResult | None:
        """The trial with the agent card's own values; None if there is none that came to its end."""
        own = {one.name: self.own[one.name] for one in self.space.ranges}
        return next((trial for trial in self.complete if trial.values == own), None)

    def frame(self) -> pl.DataFrame:
        """A row a trial: number, state, value, metrics, time, the searched hyperparameters, reason."""
        import polars as pl

        return pl.DataFrame([_row(trial, self.space) for trial in self.trials], infer_schema_length=None)

    @classmethod
    def of(
        cls,
        trials: Sequence[FrozenTrial],
        space: SearchSpace,
        own: Mapping[str, object],
        importances: Mapping[str, float],
    ) -> Results:
        """What a study holds of finished trials."""
        found = [_result(trial, space) for trial in trials if trial.state.is_finished()]
        return cls(space, tuple(sorted(found, key=lambda trial: trial.number)), own, importances)


def _result(trial: FrozenTrial, space: SearchSpace) -> TrialResult:
    outcome: Mapping[str, Any] = trial.user_attrs[OUTCOME]  # Any: what JSON can hold
    seeds = [] if outcome["state"] == FAILED else outcome["seeds"]
    metrics = {name: _mean([seed["metrics"].get(name, math.nan) for seed in seeds]) for name in METRICS}
    return TrialResult(
        number=trial.number,
        state=outcome["state"],
        values=space.values(trial.params),
        value=_mean([seed["merit"] for seed in seeds]),
        metrics=metrics,
        elapsed_s=outcome["elapsed_s"],
        reason=outcome["reason"],
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _row(trial: TrialResult, space: SearchSpace) -> dict[str, Any]:  # Any: numbers and texts
    shown = {one.name: trial.values.get(one.name) for one in space.ranges}
    texts = {name: json.dumps(value) if isinstance(value, list) else value for name, value in shown.items()}
    head = {"trial": trial.number, "state": trial.state, "value": trial.value}
    return head | dict(trial.metrics) | {"elapsed_s": trial.elapsed_s} | texts | {"reason": trial.reason}


def write_trials(results: Results, folder: Path) -> Path:
    """Write ``trials.csv`` and ``importances.json`` into a folder."""
    write_json(dict(results.importances), folder / "importances.json")
    return write_frame(results.frame(), folder / "trials.csv")


def write_card(settings: TuningSettings, inputs: TrainingInputs, results: Results) -> Path:
    """Write the card of an agent with the best trial's values, ``AGENT-tuned.yaml``, into the search's folder."""
    card, best = inputs.card, results.best
    values = {**card.hyperparameters, "steps": settings.steps or inputs.steps, **best.values}
    seeds = f"{len(settings.seeds)} training seed{'s' if len(settings.seeds) > 1 else ''}"
    origin = (
        f"ipa-gym tune on {inputs.pipeline.name} under {inputs.trace.name}: best of {len(results.trials)} trials "
        f"(number {best.number}), {seeds} each"
    )
    lines = [
        f"name: {card.name}-tuned",
        f"title: {json.dumps(f'{card.title}; tuned on {inputs.pipeline.name}', ensure_ascii=False)}",
        f"version: {json.dumps(card.version)}",
        f"algorithm: {card.algorithm}",
        *([] if card.forecast is None else [f"forecast: {json.dumps(inputs.forecast)}"]),
        "hyperparameters:",
        *(f"  {name}: {json.dumps(value)}" for name, value in values.items()),
        "sources:",
        *(f"  {name}: {json.dumps(origin)}" for name in best.values),
    ]
    return write_text("\n".join(lines) + "\n", settings.folder / f"{card.name}-tuned.yaml")
