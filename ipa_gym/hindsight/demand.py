"""`Demand`: what the requests of an episode ask of each stage, as fluid: how much may be done by when, and must be.

Measured in requests' worth of work. Where service times are random and a batch is one request, a request weighs its own
factor; in larger batches it may be served with another one's, so that each weighs as the luckiest. Next: `bound.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.queueing.kernel import service_factor
from ipa_gym.queueing.state import DETERMINISTIC
from ipa_gym.workload.arrivals import arrival_times

Floats = NDArray[np.float64]

_ROUNDING_S = 1e-6  # times that are this close to the window's end are taken to our disadvantage


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Of S stages and C cells of time, equally long and as many an interval."""

    work_s: Floats  # (S, V) replica-seconds of a request at the best batch size; NaN: no such variant
    longest_s: Floats  # (S, V) most that a batch can take; NaN: no such variant
    released: Floats  # (S, C) work of the requests that can have reached the stage by the end of a cell
    due: Floats  # (S, C) work that is done by then unless its request violates the SLA
    arrived: Floats  # (S, C) work of the requests that arrive in a cell
    waived: Floats  # (S, C) most work that one violation waives, of the requests that arrive in a cell
    counts: NDArray[np.int64]  # (C,) requests that arrive in a cell and must be served or violate the SLA
    first_due: NDArray[np.int64]  # (S, C) first cell at whose end work of the requests of a cell may be due


def demand_of(rehearsal: Rehearsal, *, n_cells: int) -> Demand:
    """The demand of a rehearsed episode, on ``n_cells`` cells."""
    settings, model = rehearsal.settings, rehearsal.model
    end_s = settings.n_intervals * settings.interval_s
    arrival_s = arrival_times(rehearsal.counts, first_second=0, seed=rehearsal.episode_seed, kind=settings.arrivals)
    arrival_s = arrival_s[arrival_s < end_s]
    cell_s = end_s / n_cells
    cell = np.minimum((arrival_s / cell_s).astype(np.int64), n_cells - 1)
    sizes = np.arange(1, settings.pipeline.batch_cap + 1)
    work_s = np.min(model.service_s[:, :, sizes] / sizes, axis=2)
    factor = _factors(rehearsal, len(arrival_s))
    longest_s = np.max(model.service_s[:, :, sizes], axis=2) * factor.max(axis=1, initial=1.0)[:, None]
    luckiest = np.broadcast_to(factor.min(axis=1, initial=np.inf)[:, None], factor.shape)
    weight = factor if settings.pipeline.batch_cap == 1 else luckiest
    fastest_s = np.nanmin(model.service_s[:, :, 1], axis=1) * weight.min(axis=1, initial=np.inf)
    fastest_s = np.where(np.isfinite(fastest_s), fastest_s, 0.0)
    counted = arrival_s + model.sla_s < end_s - _ROUNDING_S  # the others may be inside at the end and cost nothing
    tables = [np.zeros((len(weight), n_cells)) for _ in range(4)]
    released, due, arrived, waived = tables
    first_due = np.full((len(weight), n_cells), n_cells, dtype=np.int64)
    for stage, own in enumerate(weight):
        ready_s = arrival_s + fastest_s[:stage].sum() - _ROUNDING_S
        limit_s = arrival_s[counted] + model.sla_s - fastest_s[stage + 1 :].sum() + _ROUNDING_S
        by = np.maximum(np.ceil(limit_s / cell_s).astype(np.int64) - 1, 0)  # the cell at whose end it is done
        _add(released[stage], np.minimum((ready_s / cell_s).astype(np.int64), n_cells - 1), own)
        kept = by < n_cells
        _add(due[stage], by[kept], own[counted][kept])
        _add(arrived[stage], cell, own)
        np.maximum.at(waived[stage], cell[counted], own[counted])
        np.minimum.at(first_due[stage], cell[counted], by)
    counts = np.bincount(cell[counted], minlength=n_cells)
    return Demand(work_s, longest_s, released.cumsum(axis=1), due.cumsum(axis=1), arrived, waived, counts, first_due)


def _add(table: Floats, cells: NDArray[np.int64], weight: Floats) -> None:
    np.add.at(table, np.maximum(cells, 0), weight)


def _factors(rehearsal: Rehearsal, n_requests: int) -> Floats:
    """The random factor of the batch that each request would lead in each stage, (S, n_requests)."""
    model, n_stages = rehearsal.model, len(rehearsal.settings.pipeline.stages)
    if model.service_law == DETERMINISTIC:
        return np.ones((n_stages, n_requests))
    seed, numbers = np.uint64(rehearsal.episode_seed), range(n_requests)
    draw = partial(service_factor, model.service_law, model.sigma, seed)
    return np.array([[draw(stage, number) for number in numbers] for stage in range(n_stages)]).reshape(n_stages, -1)
