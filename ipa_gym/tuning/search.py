"""`tune`: the whole search, from its settings to the best card, tables and pictures in its folder.

What ``ipa-gym tune`` calls. It joins: the space, the database, an engine that trains, and the files; and shows nothing.
Next: `study.py`, `trial_work.py`, `results.py`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ipa_gym.engines import Engine, open_engine
from ipa_gym.engines.machine_stamp import machine_stamp
from ipa_gym.files import check_output_folder, write_atomically
from ipa_gym.training.inputs import TrainingInputs, load_inputs
from ipa_gym.tuning.figures import search_figure, slices_figure
from ipa_gym.tuning.results import Results, write_card, write_trials
from ipa_gym.tuning.settings import TuningSettings
from ipa_gym.tuning.space import SearchSpace, load_space
from ipa_gym.tuning.study import Study, only_one
from ipa_gym.tuning.trial_work import TrialItem, TrialOutcome, TrialWork
from ipa_gym.workload.trace import Trace

OnTrial = Callable[[TrialItem, TrialOutcome, int], object]  # a trial, what it came to, how many are finished now
_DPI = 120
_SCRATCH = ".running"  # in the search's folder: files of the runs that are under way


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A finished search."""

    settings: TuningSettings
    space: SearchSpace
    results: Results
    n_found: int  # trials that were finished before
    card: Path  # of the best trial: ``ipa-gym train --agent`` takes it


def tune(settings: TuningSettings, *, engine: Engine | None = None, on_trial: OnTrial | None = None) -> Search:
    """Search an agent's hyperparameters, or go on with a search that was stopped.

    A trial trains the agent with the proposed values; its value is what training chooses its best evaluation by: the
    mean reward on the validation days, violations above the limit counted more. Trial 0 has the agent card's own
    values, where the space holds them. Test days are not even sent to the workers.

    Args:
        engine: where trials run; None: one a core of this machine.
        on_trial: called after each trial.
    Raises: IpaGymError before the first trial for settings that cannot be run; OptionError if no trial came to its end.
    """
    check_output_folder(settings.folder)
    inputs = without_test_days(load_inputs(settings.training()))
    space = load_space(inputs.card.algorithm, settings.space)
    own = dict(inputs.card.hyperparameters)
    with only_one(settings.folder), closing(_study(settings, inputs, space)) as study, _scratch(settings) as scratch:
        n_found = study.n_finished
        work = TrialWork(settings, inputs, scratch)
        first = own if space.holds(own) else None
        with closing((engine or open_engine()).run(work, study.propose(settings.trials, first))) as outcomes:
            for item, outcome in outcomes:
                study.tell(item, outcome)
                if on_trial is not None:
                    on_trial(item, outcome, study.n_finished)
        results = Results.of(study.trials, space, own, study.importances())
    return Search(settings, space, results, n_found, _write(settings, inputs, results))


@contextmanager
def _scratch(settings: TuningSettings) -> Iterator[Path]:
    """A folder for the files of runs that are under way, on this machine."""
    folder = settings.folder.absolute() / _SCRATCH
    shutil.rmtree(folder, ignore_errors=True)  # of a killed search
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def without_test_days(inputs: TrainingInputs) -> TrainingInputs:
    """The same inputs with a trace that ends where training and validation days do."""
    trace = inputs.trace
    ranges = {name: trace.splits[name] for name in ("fit", "validation", "train") if name in trace.splits}
    end = max(stop for _, stop in ranges.values())
    return replace(inputs, trace=Trace(trace.name, trace.counts[:end].copy(), ranges, trace.source))


def decisive(settings: TuningSettings, inputs: TrainingInputs, space: SearchSpace) -> dict[str, Any]:
    """All that decides what a trial comes to, and what is proposed, as plain data."""  # Any: what JSON can hold
    digest = hashlib.sha256(np.ascontiguousarray(inputs.trace.counts).tobytes())
    digest.update(repr(sorted(inputs.trace.splits.items())).encode())
    return {
        "env": settings.env,
        "agent": settings.agent,
        "steps": settings.steps or inputs.steps,
        "seeds": list(settings.seeds),
        "seed": settings.seed,
        "trace": settings.trace,
        "forecast": inputs.forecast,
        "eval_windows": settings.eval_windows,
        "prune": settings.prune,
        "pipeline_sha256": hashlib.sha256(repr(inputs.pipeline).encode()).hexdigest(),
        "trace_sha256": digest.hexdigest(),
        **{f"range of {name}": given for name, given in space.as_data().items()},
        **{f"value of {name} in the card": value for name, value in inputs.card.hyperparameters.items()},
        **{f"version of {name}": version for name, version in machine_stamp().items()},
    }


def _study(settings: TuningSettings, inputs: TrainingInputs, space: SearchSpace) -> Study:
    return Study(settings.folder, space, seed=settings.seed, settings=decisive(settings, inputs, space))


def _write(settings: TuningSettings, inputs: TrainingInputs, results: Results) -> Path:
    """The files of a finished search; its folder lists them in docs/tuning.md."""
    folder = settings.folder
    write_trials(results, folder)
    for name, draw in (("search", search_figure), ("slices", slices_figure)):
        write_atomically(folder / f"{name}.png", partial(draw(results).savefig, dpi=_DPI))
    return write_card(settings, inputs, results)
