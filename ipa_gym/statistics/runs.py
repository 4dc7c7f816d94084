"""`Runs`: numbers from many runs, what each weighs, and what chance has decided in them. Values only.

Every bootstrap interval and test of this package but those of `bootstrap.py` works on this one layout, flat, an entry a
run. What chance decides is a `Draw`: the traffic, say, whose units are seeds, or the training, whose units are training
seeds. A resample draws each draw's units with replacement within their strata, and a run counts as often as all of its
units together (the pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122). With one draw and a stratum a task that is
the stratified bootstrap of Agarwal et al. (2021, arXiv 2108.13264). Next: `aggregates.py`, `paired.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipa_gym.errors import OptionError
from ipa_gym.statistics.resampling import Component, draw_counts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_CHUNK_WEIGHTS = 2_000_000  # numbers that are held at once


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One thing that chance decides. A stratum of a single unit is held fixed: no interval can tell what it adds."""

    unit: Integers  # (n_runs,), which unit each run belongs to, 0 to n_units - 1
    stratum: Integers  # (n_units,), which units are drawn for each other

    @classmethod
    def of_labels(cls, units: ArrayLike, strata: ArrayLike | None = None) -> Draw:
        """From labels, one a run: of its unit, and of the stratum that the unit is in (None: a single stratum).

        Units of different strata are different ones, whatever their labels.
        """
        _, within = np.unique(np.asarray(units), return_inverse=True)
        of_run = np.zeros(len(within), dtype=np.int64)
        if strata is not None:
            _, of_run = np.unique(np.asarray(strata), return_inverse=True)
        pairs, unit = np.unique(np.column_stack([of_run, within]), axis=0, return_inverse=True)
        return cls(unit.reshape(-1).astype(np.int64), pairs[:, 0].astype(np.int64))

    @property
    def n_units(self) -> int:
        """How many units."""
        return len(self.stratum)

    def strata(self) -> list[Integers]:
        """The units of each stratum that has more than one."""
        groups = [np.flatnonzero(self.stratum == stratum) for stratum in np.unique(self.stratum)]
        return [group for group in groups if len(group) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Numbers of runs. Runs that share a unit of a draw may go together; all else is taken for independent."""

    values: Floats  # (n_runs,)
    weights: Floats  # (n_runs,), positive, sum 1
    draws: tuple[Draw, ...]

    @classmethod
    def of_tasks(cls, values: ArrayLike, tasks: ArrayLike, draws: tuple[Draw, ...]) -> Runs:
        """Every task counts alike, and so does every run of a task.

        Args:
            values: float64 (n_runs,), none NaN.
            tasks: labels (n_runs,).
        Raises: OptionError if there is no run, a value is no number, or lengths differ.
        """
        numbers = np.asarray(values, dtype=np.float64)
        _, task = np.unique(np.asarray(tasks), return_inverse=True)
        lengths = {numbers.size, task.size, *(draw.unit.size for draw in draws)}
        if numbers.ndim != 1 or numbers.size == 0 or len(lengths) > 1 or not np.isfinite(numbers).all():
            n_bad = int((~np.isfinite(numbers)).sum())
            raise OptionError(
                f"runs: shape {numbers.shape}, {n_bad} values not finite, lengths {sorted(lengths)}; expected "
                "one finite value, task and unit a run, at least one run"
            )
        counts = np.bincount(task)
        return cls(numbers, 1.0 / (counts[task] * len(counts)), draws)

    def with_values(self, values: Floats) -> Runs:
        """The same runs with other numbers (n_runs,)."""
        return replace(self, values=values)


def stratified_runs(scores: ArrayLike) -> Runs:
    """Runs as rows, tasks as columns, all independent: the layout and the bootstrap of Agarwal et al.

    Args:
        scores: float64 (n_runs, n_tasks); NaN: that run is missing.
    """
    values, run, task = _cells(scores)
    return Runs.of_tasks(values, task, (Draw.of_labels(run, task),))


def shared_runs(scores: ArrayLike) -> Runs:
    """Runs as rows, tasks as columns; the runs of a row share their random numbers and are drawn together.

    Args:
        scores: float64 (n_runs, n_tasks); NaN: that run is missing.
    """
    values, run, task = _cells(scores)
    return Runs.of_tasks(values, task, (Draw.of_labels(run),))


def _cells(scores: ArrayLike) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """The values that are there, with their rows and columns. Raises: OptionError for another shape."""
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise OptionError(f"the scores have shape {table.shape}; expected (n_runs, n_tasks)")
    row, column = np.nonzero(~np.isnan(table))
    return table[row, column], row, column


def components(runs: Runs, values: Floats | None = None) -> list[Component]:
    """Variance of the weighted mean that each stratum of each draw brings, as the bootstrap sees it.

    Args:
        values: (n_runs,) in place of the runs' own: what the estimate is, to first order, the weighted mean of.
    """
    numbers = runs.values if values is None else values
    found: list[Component] = []
    for draw in runs.draws:
        centred = contributions(runs, draw, numbers - numbers @ runs.weights)
        found += [(float(centred[units].var()) * len(units), len(units)) for units in draw.strata()]
    return found


def contributions(runs: Runs, draw: Draw, values: Floats | None = None) -> Floats:
    """What each unit of a draw adds to the weighted mean: float64 (n_units,), summing to it."""
    numbers = runs.values if values is None else values
    return np.bincount(draw.unit, weights=runs.weights * numbers, minlength=draw.n_units).astype(np.float64)


def combined(runs: Runs, columns: Floats) -> tuple[Runs, Floats]:
    """One run for all that share all their units, which a resample cannot part: the same means from fewer numbers.

    Args:
        columns: float64 (n_runs, k), numbers of each run.
    Returns: the combined runs, with no values of their own, and their columns' means (n_combined, k).
    """
    units = np.column_stack([draw.unit for draw in runs.draws])
    groups, group = np.unique(units, axis=0, return_inverse=True)
    weights = np.zeros(len(groups))
    sums = np.zeros((len(groups), columns.shape[1]))
    np.add.at(weights, group.reshape(-1), runs.weights)
    np.add.at(sums, group.reshape(-1), runs.weights[:, None] * columns)
    draws = tuple(Draw(groups[:, i], draw.stratum) for i, draw in enumerate(runs.draws))
    return Runs(np.zeros(len(groups)), weights, draws), sums / weights[:, None]


def resampled_weights(runs: Runs, rng: np.random.Generator, n_resamples: int) -> Iterator[Floats]:
    """Weights of the runs in each resample, (some, n_runs) at a time, n_resamples in all; each row sums to 1."""
    counts = [_unit_counts(draw, rng, n_resamples) for draw in runs.draws]
    step = max(1, _CHUNK_WEIGHTS // runs.values.size)
    for start in range(0, n_resamples, step):
        weights = np.tile(runs.weights, (min(step, n_resamples - start), 1))
        for draw, drawn in zip(runs.draws, counts, strict=True):
            if drawn is not None:
                weights *= drawn[start : start + step, draw.unit]
        yield weights / weights.sum(axis=1, keepdims=True)


def _unit_counts(draw: Draw, rng: np.random.Generator, n_resamples: int) -> Floats | None:
    """How often each unit is drawn: (n_resamples, n_units); None where all are held fixed."""
    strata = draw.strata()
    if not strata:
        return None
    counts = np.ones((n_resamples, draw.n_units))
    for units in strata:
        counts[:, units] = draw_counts(len(units), rng, n_resamples)
    return counts
