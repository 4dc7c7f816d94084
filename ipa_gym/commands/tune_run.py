"""Searches for the command line: a line a trial to stderr, the best trials and values to stdout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from ipa_gym.commands.terminal import note, print_json, show
from ipa_gym.commands.train_run import INTERRUPTED
from ipa_gym.engines import Engine
from ipa_gym.errors import OptionError
from ipa_gym.tuning.settings import TuningSettings

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from ipa_gym.tuning.results import Results, TrialResult
    from ipa_gym.tuning.search import Search
    from ipa_gym.tuning.trial_work import TrialItem, TrialOutcome

SHOWN = 5  # trials in the table


def tune_and_show(settings: TuningSettings, engine: Engine, *, quiet: bool, as_json: bool) -> None:
    """Search, print. Raises: typer.Exit with code 130 after Ctrl-C."""
    tune = _library()

    def on_trial(item: TrialItem, outcome: TrialOutcome, n_finished: int) -> None:
        if not quiet:
            note(trial_line(item, outcome, f"{n_finished}/{settings.trials}"))

    try:
        search = tune(settings, engine=engine, on_trial=on_trial)
    except KeyboardInterrupt as stop:
        note(f"stopped; finished trials are in {settings.folder}/, the same command goes on")
        raise typer.Exit(INTERRUPTED) from stop
    if as_json:
        print_json(as_data(search))
    else:
        show(search_tables(search))
        print(sentence(search.results))
    found = f" ({search.n_found} of them were done before)" if search.n_found else ""
    note(f"{len(search.results.trials)} trials{found} in {settings.folder}/; train with the best values: "
         f"ipa-gym train --env {settings.env} --agent {search.card}")  # fmt: skip


def _library() -> Any:  # Any: `ipa_gym.tuning.search.tune`, which loads what may be missing
    try:
        import optuna  # noqa: F401
        import stable_baselines3  # noqa: F401

        from ipa_gym.tuning.search import tune
    except ModuleNotFoundError as error:
        raise OptionError(f"ipa-gym tune needs {error.name}; pip install 'ipa-gym[train]' brings it") from error
    return tune


def trial_line(item: TrialItem, outcome: TrialOutcome, count: str) -> str:
    """A trial in one line: ``3/30 trial 7: -4.21 in 63 s``."""
    ending = {
        "complete": f"{outcome.value:.4g}",
        "pruned": f"broken off at {outcome.value:.4g}",
        "failed": f"failed: {outcome.reason}",
    }[outcome.state]
    return f"{count} trial {item.number}: {ending} in {outcome.elapsed_s:.0f} s"


def search_tables(search: Search) -> Group:
    """The best trials, and the best's values beside the card's."""
    from rich.console import Group

    return Group(_trials(search.results), _values(search.results))


def _trials(results: Results) -> Table:
    from ipa_gym.commands.views import plain_table

    numbers = ("trial", "value", "reward", "SLA viol. %", "cost cores", "time s")
    table = plain_table([*((name, True) for name in numbers), ("", False)])
    best = sorted(results.complete, key=lambda trial: (-trial.value, trial.number))[:SHOWN]
    baseline = results.baseline
    for trial in [*best, *([] if baseline is None or baseline in best else [baseline])]:
        table.add_row(*_cells(trial), "the card's own values" if trial == baseline else "")
    return table


def _cells(trial: TrialResult) -> list[str]:
    metrics = trial.metrics
    rewards = (f"{reward:.4g}" for reward in (trial.value, metrics["reward"]))
    others = (f"{metrics[name]:.2f}" for name in ("violations_percent", "cost_cores"))
    return [str(trial.number), *rewards, *others, f"{trial.elapsed_s:.0f}"]


def _values(results: Results) -> Table:
    from ipa_gym.commands.views import plain_table

    headers = [("hyperparameter", False), ("card", True), ("best", True)]
    table = plain_table([*headers, *([("explains %", True)] if results.importances else [])])
    for name, value in results.best.values.items():
        part = [f"{100 * results.importances.get(name, 0.0):.0f}"] if results.importances else []
        table.add_row(name, _text(results.own[name]), _text(value), *part)
    return table


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def sentence(results: Results) -> str:
    """In words: what was done, and what is best."""
    pruned, failed = (sum(trial.state == state for trial in results.trials) for state in ("pruned", "failed"))
    best, baseline = results.best, results.baseline
    against = "" if baseline is None else f", the card's own values {baseline.value:.4g}"
    return (
        f"{len(results.complete)} trials came to their end, {pruned} broken off, {failed} failed; "
        f"best: trial {best.number} with {best.value:.4g}{against}."
    )


def as_data(search: Search) -> dict[str, Any]:  # Any: what JSON can hold
    """The whole search as plain data."""
    results = search.results
    return {
        "folder": str(search.settings.folder),
        "card": str(search.card),
        "best": results.best.number,
        "baseline": None if results.baseline is None else results.baseline.number,
        "importances": dict(results.importances),
        "trials": [
            {"trial": t.number, "state": t.state, "value": t.value, "hyperparameters": dict(t.values),
             **t.metrics, "elapsed_s": t.elapsed_s, "reason": t.reason}
            for t in results.trials
        ],
    }  # fmt: skip
