"""One stage of the bound's linear program: what variants, switches, replicas and their work have to do with each other.

What each rule says, and why it holds of every plan, is written in `bound.reward_bound`; here are the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipa_gym.hindsight.demand import Demand
from ipa_gym.hindsight.linear_program import LinearProgram, Term
from ipa_gym.hindsight.rehearsal import Rehearsal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DEPTH = 3  # intervals that are looked back to see who has been started since


@dataclass(frozen=True, slots=True)
class _Stage:
    """One stage of the program: variables of V variants, K intervals, C cells."""

    index: int
    share: Ints  # (V, K) of the time
    serves: Ints  # P, (V, K + 1)
    switch: Ints  # w, (V, K)
    replicas: Ints  # r, (V, K)
    starts: Ints  # u, (V, K)
    exist_s: Ints  # e, (V, K), replica-seconds
    work: Ints  # q, (V, C)
    done: Ints  # (V, C) sum of the work up to a cell's end


def add_stage(program: LinearProgram, rehearsal: Rehearsal, demand: Demand, violations: Ints, *, index: int) -> Ints:
    """Add a stage's variables and rows.

    Args:
        violations: variables (C,), requests of each cell that violate the SLA.
        index: which stage.
    Returns: variables (V, K), the share of each interval in which each variant serves.
    """
    stage = _new_stage(program, rehearsal, index, n_cells=len(violations))
    cells = len(violations) // rehearsal.n_intervals
    _switching(program, rehearsal, stage)
    _replicas(program, rehearsal, stage)
    _working(program, rehearsal, stage, demand, cells=cells)
    _in_time(program, stage, demand, violations)
    _own_arrivals(program, rehearsal, stage, demand, cells=cells)
    _who_works(program, rehearsal, stage, demand, cells=cells)
    return stage.share


def _new_stage(program: LinearProgram, rehearsal: Rehearsal, index: int, *, n_cells: int) -> _Stage:
    settings, n_intervals = rehearsal.settings, rehearsal.n_intervals
    variants = settings.pipeline.stages[index].variants
    size = len(variants)
    cores = rehearsal.model.cores[index, :size, None]
    cost = settings.pipeline.objective.beta * cores / settings.interval_s
    return _Stage(
        index=index,
        share=program.variables(size, n_intervals, most=1.0),
        serves=program.variables(size, n_intervals + 1, most=1.0),
        switch=program.variables(size, n_intervals, most=1.0),
        replicas=program.variables(size, n_intervals),
        starts=program.variables(size, n_intervals),
        exist_s=program.variables(size, n_intervals, gain=-cost),
        work=program.variables(size, n_cells),
        done=program.variables(size, n_cells),
    )


def _startup_s(rehearsal: Rehearsal, stage: _Stage) -> Floats:
    found: Floats = rehearsal.model.startup_s[stage.index, : len(stage.share)]
    return found


def _switching(program: LinearProgram, rehearsal: Rehearsal, stage: _Stage) -> None:
    """One variant serves at a time; the first is the initial configuration's; a switch costs time."""
    size, n_intervals = stage.share.shape
    startup_s, interval_s = _startup_s(rehearsal, stage), rehearsal.settings.interval_s
    initial = np.zeros(size)
    initial[rehearsal.initial_action[3 * stage.index]] = 1.0
    program.equal([(stage.serves[:, 0], 1.0)], initial)
    program.equal([(stage.serves[variant], 1.0) for variant in range(size)], 1.0)
    program.at_most([(stage.switch[variant], 1.0) for variant in range(size)], 1.0)
    program.at_most([(stage.serves[:, 1:], 1.0), (stage.serves[:, :-1], -1.0), (stage.switch, -1.0)])
    prompt = program.variables(size, n_intervals)  # of the switches those that come as early as the startup lets them
    quick = startup_s < interval_s  # what starts within its interval comes with it, or never
    program.equal([(prompt[quick], 1.0), (stage.switch[quick], -1.0)])
    program.at_most([(prompt[~quick], 1.0), (stage.switch[~quick], -1.0)])
    offset = (np.mod(startup_s, interval_s) / interval_s)[:, None]
    late: list[Term] = [(stage.share, 1.0), (stage.serves[:, :-1], -1.0), (stage.switch, -1.0), (prompt, offset)]
    program.at_most(late)
    for variant in range(size):
        _switch_delay(program, stage, prompt, variant=variant, delay=int(startup_s[variant] / interval_s))
    spare = program.variables(size, n_intervals)  # starts so far that no switch has taken yet
    program.equal([(spare[:, 0], 1.0), (stage.starts[:, 0], -1.0), (stage.switch[:, 0], 1.0)])
    program.equal([(spare[:, 1:], 1.0), (spare[:, :-1], -1.0), (stage.starts[:, 1:], -1.0), (stage.switch[:, 1:], 1.0)])
    program.at_most([(stage.switch[quick], 1.0), (stage.starts[quick], -1.0)])


def _switch_delay(program: LinearProgram, stage: _Stage, prompt: Ints, *, variant: int, delay: int) -> None:
    """A switch to a variant comes ``delay`` intervals after its first possible decision; one that is not prompt, later.

    A decision for another variant cancels what starts, so that the first decision that counts is the one after the
    interval of the last switch to another variant.
    """
    n_intervals = stage.switch.shape[1]
    others = np.delete(np.arange(len(stage.switch)), variant)
    own: list[Term] = [(stage.switch[variant], 1.0)]
    late: list[Term] = [*own, (prompt[variant], -1.0)]
    program.at_most([(terms[:delay], sign) for terms, sign in own])
    program.at_most([(terms[: delay + 1], sign) for terms, sign in late])
    for back in range(min(delay + 2, n_intervals)):
        recent: list[Term] = [(stage.switch[other, : n_intervals - back], 1.0) for other in others.tolist()]
        asked = own if back <= delay else late
        program.at_most([*((terms[back:], sign) for terms, sign in asked), *recent], 1.0)


def _replicas(program: LinearProgram, rehearsal: Rehearsal, stage: _Stage) -> None:
    """Replicas are started, exist, serve while their variant does, and go."""
    size, n_intervals = stage.share.shape
    interval_s = rehearsal.settings.interval_s
    initial = np.zeros(size)
    variant, _, last = rehearsal.initial_action[3 * stage.index : 3 * stage.index + 3]
    initial[variant] = last + 1.0
    program.at_most([(stage.replicas[:, 0], 1.0), (stage.starts[:, 0], -1.0)], initial)
    program.at_most([(stage.exist_s, 1.0), (stage.replicas, -interval_s)])
    program.at_most(
        [(stage.replicas[:, 1:], interval_s), (stage.starts[:, 1:], -interval_s), (stage.exist_s[:, :-1], -1.0)]
    )
    serving = [(stage.share, interval_s), (stage.exist_s, -1.0)]
    for index in range(n_intervals):
        begun = _starting_s(rehearsal, stage, first_s=index * interval_s, length_s=interval_s)
        terms = [(variables[:, index], coefficient) for variables, coefficient in serving]
        program.at_most([*terms, *begun])


def _starting_s(rehearsal: Rehearsal, stage: _Stage, *, first_s: float, length_s: float) -> list[tuple[Ints, Floats]]:
    """Replica-seconds of a span of time in which what was started at each decision still starts, as terms (V,)."""
    startup_s, interval_s = _startup_s(rehearsal, stage), rehearsal.settings.interval_s
    terms = []
    for decision in range(stage.starts.shape[1]):
        begun_s = decision * interval_s
        seconds = np.clip(np.minimum(begun_s + startup_s, first_s + length_s) - max(begun_s, first_s), 0.0, None)
        if begun_s < first_s + length_s and seconds.max() > 0.0:
            terms.append((stage.starts[:, decision], seconds))
    return terms


def _working(program: LinearProgram, rehearsal: Rehearsal, stage: _Stage, demand: Demand, *, cells: int) -> None:
    """Work is done by replicas that exist and do not start: in each cell, and in the interval as a whole."""
    size, n_intervals = stage.share.shape
    interval_s = rehearsal.settings.interval_s
    cell_s = interval_s / cells
    work_s = demand.work_s[stage.index, :size]
    for index in range(n_intervals):
        own = range(index * cells, (index + 1) * cells)
        begun = _starting_s(rehearsal, stage, first_s=index * interval_s, length_s=interval_s)
        all_work = [(stage.work[:, cell], work_s) for cell in own]
        program.at_most([*all_work, (stage.exist_s[:, index], -1.0), *begun])
        for cell in own:
            begun = _starting_s(rehearsal, stage, first_s=cell * cell_s, length_s=cell_s)
            program.at_most([(stage.work[:, cell], work_s), (stage.replicas[:, index], -cell_s), *begun])
    program.equal([(stage.done[:, 0], 1.0), (stage.work[:, 0], -1.0)])
    program.equal([(stage.done[:, 1:], 1.0), (stage.done[:, :-1], -1.0), (stage.work[:, 1:], -1.0)])


def _in_time(program: LinearProgram, stage: _Stage, demand: Demand, violations: Ints) -> None:
    """By each cell's end what is due is done, but for violations; and no more than has been released."""
    released, due = demand.released[stage.index], demand.due[stage.index]
    done = [(stage.done[variant], 1.0) for variant in range(len(stage.done))]
    program.at_most(done, released)
    n_cells = len(violations)
    waived = program.variables(n_cells)  # of the cells whose requests may be due by then, summed up
    before = np.concatenate([[0], waived[:-1]])
    first_due, weight = demand.first_due[stage.index], demand.waived[stage.index]
    for cell in range(n_cells):
        own = np.flatnonzero(first_due == cell)
        terms = [(waived[cell : cell + 1], 1.0), *((violations[c : c + 1], -weight[c]) for c in own.tolist())]
        if cell:
            terms.append((before[cell : cell + 1], -1.0))
        program.at_most(terms)
    program.at_most([(variables, -1.0) for variables, _ in done] + [(waived, -1.0)], -due)


def _own_arrivals(program: LinearProgram, rehearsal: Rehearsal, stage: _Stage, demand: Demand, *, cells: int) -> None:
    """What a variant has worked on arrived while it served, or within the SLA before it began to."""
    own, earlier = _arrivals(rehearsal, stage, demand, cells=cells)
    allowed = program.variables(*stage.share.shape)  # summed up over the intervals
    grows = [(stage.serves[:, :-1], -own), (stage.switch, -(own + earlier))]
    program.at_most([(allowed[:, 0], 1.0), *((variables[:, 0], values[0]) for variables, values in grows)])
    later = [(variables[:, 1:], values[1:]) for variables, values in grows]
    program.at_most([(allowed[:, 1:], 1.0), (allowed[:, :-1], -1.0), *later])
    program.at_most([(stage.done[:, cells - 1 :: cells], 1.0), (allowed, -1.0)])


def _who_works(program: LinearProgram, rehearsal: Rehearsal, stage: _Stage, demand: Demand, *, cells: int) -> None:
    """In an interval work those that serve at its beginning, those that join in it, and who still ends a batch."""
    size, n_intervals = stage.share.shape
    interval_s, startup_s = rehearsal.settings.interval_s, _startup_s(rehearsal, stage)
    own, earlier = _arrivals(rehearsal, stage, demand, cells=cells)
    work_s, longest_s = demand.work_s[stage.index, :size], demand.longest_s[stage.index, :size]
    joining = program.variables(size, n_intervals)
    quick = startup_s < interval_s
    program.at_most([(joining[quick], 1.0), (stage.starts[quick], -1.0)])
    for variant in np.flatnonzero(~quick).tolist():  # may wait for others of a switch: joins in some later interval
        _join_later(program, joining[variant], stage.starts[variant], delay=int(startup_s[variant] / interval_s))
    left_s = np.where(quick, interval_s - startup_s, interval_s)
    for depth in range(_DEPTH + 1):
        for variant in range(size):
            work = [(stage.work[variant, cell::cells][depth:], work_s[variant]) for cell in range(cells)]
            ends = [(stage.replicas[variant, depth:], -longest_s[variant])]
            joins = [(joining[variant, depth:], -left_s[variant])]
            joins += [(joining[variant, depth - i : n_intervals - i], -interval_s) for i in range(1, depth + 1)]
            available = (work_s[variant] * (own + earlier))[depth:]
            stays = [(terms, -sign * available) for terms, sign in _stays(stage, variant, depth)]
            program.at_most([*work, *ends, *joins, *stays])


def _stays(stage: _Stage, variant: int, depth: int) -> list[tuple[Ints, float]]:
    """Whether a variant has served for so many intervals: 1, or at least 0, of each interval from ``depth`` on."""
    n_intervals = stage.switch.shape[1]
    terms = [(stage.serves[variant, depth:n_intervals], 1.0)]
    for back in range(1, depth + 1):
        span = slice(depth - back, n_intervals - back)
        terms.append((stage.switch[variant, span], -1.0))
        if back < depth:
            terms += [(stage.switch[u, span], 1.0) for u in range(len(stage.switch)) if u != variant]
    return terms


def _join_later(program: LinearProgram, joining: Ints, starts: Ints, *, delay: int) -> None:
    """Up to every interval, no more join than were started ``delay`` intervals before it; (K,) each."""
    spare = program.variables(len(joining))
    for index in range(len(joining)):
        terms = [(spare[index : index + 1], 1.0), (joining[index : index + 1], 1.0)]
        if index:
            terms.append((spare[index - 1 : index], -1.0))
        if index >= delay:
            terms.append((starts[index - delay : index - delay + 1], -1.0))
        program.at_most(terms)


def _arrivals(rehearsal: Rehearsal, stage: _Stage, demand: Demand, *, cells: int) -> tuple[Floats, Floats]:
    """Work that arrives in each interval, and within the SLA before it, float64 (K,) each."""
    cell_s = rehearsal.settings.interval_s / cells
    arrived = np.concatenate([[0.0], demand.arrived[stage.index].cumsum()])
    begin = np.arange(rehearsal.n_intervals) * cells
    first = np.maximum(begin - int(np.ceil(rehearsal.model.sla_s / cell_s)), 0)
    return np.diff(arrived[::cells]), arrived[begin] - arrived[first]
