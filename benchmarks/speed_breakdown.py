"""Where the time of an environment step goes: each part alone in a loop, on the base case, on one thread.

The kernel's parts run in the compiled loops of `speed_kernel.py`, Python's in Python's. Parts that are timed alone need
not add up exactly; what is left over is shown as the rest. Next: `speed_tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from benchmarks.speed_cases import BASE_RPS, INTERVAL_S, VARIED_CV, Arrivals, Case, Floats, Ints, draw_arrivals, video
from benchmarks.speed_clock import Contestant, Run, time_in_turn
from benchmarks.speed_contestants import EPISODE_INTERVALS, SEED, make_single, make_vector
from benchmarks.speed_kernel import (
    begin_pipelines,
    draw_factors,
    draw_intervals,
    measure_latencies,
    measure_sojourns,
    observe_environments,
    run_pipelines,
    step_environments,
)
from ipa_gym.action import ActionLayout
from ipa_gym.episode import interval_info
from ipa_gym.queueing import Simulator
from ipa_gym.queueing.memory import KernelMemory
from ipa_gym.queueing.state import new_records
from ipa_gym.stepping import Fleet
from ipa_gym.vector_info import step_infos
from ipa_gym.workload.arrivals import ARRIVAL_KINDS
from ipa_gym.workload.trace import HISTORY_S

MANY = 4096
PARTS = (  # of a step, in the order in which they come; those of the kernel first
    "arrivals",
    "queueing",
    "percentiles",
    "observation",
    "reward, metrics",
    "argument passing",
    "action check",
    "infos",
    "copies, rows kept",
    "wrappers",
)
N_KERNEL_PARTS = 5
FACTOR = "service factor"  # drawn for each batch where service times vary, so that the base has none
_RECORDED = 250  # intervals whose sojourns are kept: too many to be learned, few enough to stay in the cache
_GIVEN = 60_000  # requests that are made beforehand, for the same reasons
_SERVED = 1_000_000  # requests that are served in a loop
_STEPS = 40_000  # steps of one environment in a loop over a vector environment
_SINGLE_STEPS = 3000
_FACTORS = 100_000


def measure_breakdown(*, rounds: int, scale: float, many: int = MANY) -> pl.DataFrame:
    """Nanoseconds of each part, for one environment and for many: rows of n_envs, part, ns (of a step of one)."""
    case, rows = video(BASE_RPS), []
    n_steps = max(20, int(scale * _SINGLE_STEPS))
    for parts in (_single_parts(case, n_steps), _vector_parts(case, many, scale)):
        ns = _times(parts, rounds)
        rows += [{"n_envs": parts.n_envs, "part": part, "ns": value} for part, value in _split(ns).items()]
    return pl.DataFrame(rows)


def measure_kernel_sizes(numbers: tuple[int, ...], *, rounds: int, scale: float) -> pl.DataFrame:
    """The step kernel on one thread over so many environments: rows of n_envs, state_bytes, ns (a step of one)."""
    case, contestants, fleets = video(BASE_RPS), [], []
    for n_envs in numbers:
        n_steps = max(4, int(scale * _STEPS / n_envs))
        env = make_vector(case, n_envs, 1, n_intervals=n_steps + 1)
        actions, reset = _base_actions(case, n_envs), partial(env.reset, seed=SEED)
        _play(env, actions, reset, n_steps)
        contestants.append(_contestant(str(n_envs), _kernel(env._fleet, actions, n_steps), n_envs * n_steps, reset))
        fleets.append(env._fleet)
    timings = time_in_turn(contestants, rounds=rounds)
    return pl.DataFrame(
        [
            {
                "n_envs": n_envs,
                "state_bytes": sum(array.nbytes for array in fleet.memory.blocks),
                "ns": 1e9 * timing.best_s / timing.run.steps,
            }
            for n_envs, fleet, timing in zip(numbers, fleets, timings, strict=True)
        ]
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything that is timed of one kind of environment."""

    n_envs: int
    contestants: tuple[Contestant, ...]


def _times(parts: _Parts, rounds: int) -> dict[str, float]:
    """Nanoseconds a step of one environment, by contestant."""
    timings = time_in_turn(parts.contestants, rounds=rounds)
    pairs = zip(parts.contestants, timings, strict=True)
    return {contestant.what: 1e9 * timing.best_s / timing.run.steps for contestant, timing in pairs}


def _split(ns: dict[str, float]) -> dict[str, float]:
    """The parts, of which some are differences of what was timed; `make_vec` adds no wrappers."""
    unwrapped = ns.get("unwrapped", ns["whole"])
    percentiles = ns["sojourns"] + ns["latencies"]
    queueing = ns["run_interval"] - ns["sojourns"]
    known = ns["arrivals"] + queueing + percentiles + ns["observation"]
    inner = ns["fleet"] + ns["action check"] + ns["infos"]
    values = (
        *(ns["arrivals"], queueing, percentiles, ns["observation"], ns["kernel"] - known),
        *(ns["fleet"] - ns["kernel"], ns["action check"], ns["infos"], unwrapped - inner),
        ns["whole"] - unwrapped,
    )
    beside = {"whole": ns["whole"], "reset": ns["reset"] / EPISODE_INTERVALS, FACTOR: ns.get(FACTOR, np.nan)}
    return {**dict(zip(PARTS, values, strict=True)), **beside}


def _contestant(what: str, go: Callable[[], object], n_steps: int, before: Callable[[], object]) -> Contestant:
    def prepare() -> Run:
        before()
        return Run(go, n_steps, n_steps * BASE_RPS * INTERVAL_S)

    return Contestant(what, prepare)


def _no_preparation() -> None:
    """What needs none before a round."""


def _repeated(call: Callable[[], object], n: int) -> Callable[[], None]:
    def go() -> None:
        for _ in range(n):
            call()

    return go


def _base_actions(case: Case, n_envs: int) -> Ints:
    return np.repeat(ActionLayout(case.pipeline).encode(case.decisions[0])[None], n_envs, axis=0)


def _kernel(fleet: Fleet, actions: Ints, n_steps: int) -> Callable[[], None]:
    """The compiled step over and over. Room must have grown before: nothing here makes any."""
    pending, needed = np.ones(len(actions), dtype=np.bool_), np.zeros((1, 2), dtype=np.int64)

    def go() -> None:
        arrays = fleet._arrays(None)  # what `Fleet.step` passes
        left = step_environments(*arrays, actions, pending, needed, n_steps)
        if left:
            raise RuntimeError(f"{left} environments have no room; expected none")

    return go


def _single_parts(case: Case, n_steps: int) -> _Parts:
    env = make_single(case, n_steps)
    inner: Any = env.unwrapped
    fleet: Fleet = inner._fleet
    table, reset = _base_actions(case, 1), partial(env.reset, seed=SEED)
    _play(env, table[0], reset, n_steps)
    metrics, pending = fleet.outputs.metrics[0].copy(), np.ones(1, dtype=np.bool_)

    def fleet_step() -> None:
        pending[0] = True
        fleet.step(table, pending, inner.simulator.record_arrays)

    short = make_single(case, EPISODE_INTERVALS)
    timed = (
        ("whole", _repeated(partial(env.step, table[0]), n_steps)),
        ("unwrapped", _repeated(partial(inner.step, table[0]), n_steps)),
        ("fleet", _repeated(fleet_step, n_steps)),
        ("kernel", _kernel(fleet, table, n_steps)),
        ("action check", _repeated(partial(inner.actions.checked, table[0]), n_steps)),
        ("infos", _repeated(lambda: interval_info(metrics.tolist()), n_steps)),
    )
    resets = _contestant("reset", _repeated(short.reset, 100), 100, partial(short.reset, seed=SEED))
    contestants = [_contestant(what, go, n_steps, reset) for what, go in timed]
    varied = Simulator(case.pipeline, service_cv=VARIED_CV).model
    draw = partial(draw_factors, varied.service_law, varied.sigma, np.uint64(SEED), _FACTORS)
    factors = _contestant(FACTOR, draw, _FACTORS, _no_preparation)
    return _Parts(1, (*contestants, resets, factors, *_kernel_parts(case, fleet, inner.settings, n_steps)))


def _vector_parts(case: Case, n_envs: int, scale: float) -> _Parts:
    n_steps = max(4, int(scale * _STEPS / n_envs))
    env = make_vector(case, n_envs, 1, n_intervals=n_steps + 1)
    fleet: Fleet = env._fleet
    actions, reset = _base_actions(case, n_envs), partial(env.reset, seed=SEED)
    _play(env, actions, reset, n_steps)
    has, pending = np.ones(n_envs, dtype=np.bool_), np.ones(n_envs, dtype=np.bool_)

    def fleet_step() -> None:
        pending[:] = True
        fleet.step(actions, pending)

    timed = (
        ("whole", _repeated(partial(env.step, actions), n_steps)),
        ("fleet", _repeated(fleet_step, n_steps)),
        ("kernel", _kernel(fleet, actions, n_steps)),
        ("action check", _repeated(partial(env._checked, actions), n_steps)),
        ("infos", _repeated(lambda: step_infos(fleet.outputs.metrics, has), n_steps)),
    )
    contestants = [_contestant(what, go, n_steps * n_envs, reset) for what, go in timed]
    contestants.append(_contestant("reset", env.reset, n_envs, reset))
    return _Parts(n_envs, (*contestants, *_kernel_parts(case, fleet, env.settings, n_steps)))


def _play(env: Any, action: Ints, reset: Callable[[], object], n_steps: int) -> None:
    """Once through, so that room has grown."""
    reset()
    for _ in range(n_steps):
        env.step(action)


def _kernel_parts(case: Case, fleet: Fleet, settings: Any, n_steps: int) -> Iterator[Contestant]:
    """Parts of the step kernel, on arrays as large as the fleet's; `run_interval` takes the sojourns' percentiles."""
    n_envs, episodes, outputs, memory = len(fleet.outputs.reward), fleet.episodes, fleet.outputs, fleet.memory
    realised = np.ascontiguousarray(episodes.seen[:, HISTORY_S : HISTORY_S + settings.episodes.episode_s])
    seeds, kind, interval_s = memory.blocks.words[:, 0].copy(), ARRIVAL_KINDS["poisson"], float(INTERVAL_S)

    draw = partial(draw_intervals, realised, seeds, kind, interval_s, n_steps, memory.work)
    yield _contestant("arrivals", draw, n_steps * n_envs, _no_preparation)
    yield _queueing(case, memory, settings.simulator().model, n_envs)
    sojourns, latencies, n_intervals = _measured_times(case)
    passes, kept = 40, np.zeros(64)
    taken = _repeated(partial(measure_sojourns, *sojourns, kept), passes)
    yield _contestant("sojourns", taken, n_intervals * passes, _no_preparation)
    scratch, sla_s = np.zeros(len(latencies[0])), case.pipeline.sla_s
    taken = _repeated(partial(measure_latencies, *latencies, scratch, kept, sla_s), passes)
    yield _contestant("latencies", taken, n_intervals * passes, _no_preparation)
    world, seen, observation = fleet._arrays(None)[0], episodes.seen, outputs.observation
    observe = partial(observe_environments, world, memory.blocks, seen, observation, memory.work, n_steps, INTERVAL_S)

    yield _contestant("observation", observe, n_steps * n_envs, _no_preparation)


def _queueing(case: Case, memory: KernelMemory, model: Any, n_envs: int) -> Contestant:
    """`run_interval` over as many pipelines, in arrays of the same shape, under arrivals made beforehand."""
    n_stages, n_intervals = case.n_stages, max(3, _GIVEN // (n_envs * case.requests_a_step()))
    own = KernelMemory(n_envs, n_stages)
    own.make_room(places=memory.n_places, slots=memory.n_slots)
    arrival_s, bounds = _side_by_side([draw_arrivals(case, n_intervals, seed=i) for i in range(n_envs)])
    records, table = new_records(n_stages, 0, n_replicas=0), case.table

    passes = max(1, _SERVED // len(arrival_s))

    def go() -> None:
        for _ in range(passes):
            begin_pipelines(own.blocks, records, table[0], np.uint64(SEED))
            run_pipelines(model, own.blocks, own.work, records, arrival_s, bounds, table, float(INTERVAL_S))

    return _contestant("run_interval", go, passes * n_intervals * n_envs, _no_preparation)


def _side_by_side(arrivals: list[Arrivals]) -> tuple[Floats, Ints]:
    """Arrivals of interval 0 of each pipeline, then of interval 1, ...; and where each of these parts begins."""
    parts = [one.interval(number) for number in range(arrivals[0].n_intervals) for one in arrivals]
    return _runs(parts)


def _runs(parts: list[Floats]) -> tuple[Floats, Ints]:
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])


def _measured_times(case: Case) -> tuple[tuple[Floats, Ints], tuple[Floats, Ints], int]:
    """Sojourns of each stage and latencies, as they came in intervals of a recorded run; and how many intervals."""
    arrivals = draw_arrivals(case, _RECORDED, seed=SEED)
    simulator = Simulator(case.pipeline, interval_s=INTERVAL_S, record=True)
    simulator.reset(case.decisions[0], seed=SEED)
    latencies = [simulator.step(case.decisions[0], arrivals.interval(k)).latency_s for k in range(_RECORDED)]
    records = simulator.records()
    by_stage = []
    for stage in range(case.n_stages):
        order = np.argsort(records.end_s[stage], kind="stable")
        end_s = records.end_s[stage][order]
        sojourn_s = end_s - records.enqueue_s[stage][order]
        cuts = np.searchsorted(end_s, np.arange(1, _RECORDED + 1) * INTERVAL_S)
        by_stage.append(np.split(sojourn_s, cuts)[:-1])
    sojourns = [part for parts in zip(*by_stage, strict=True) for part in parts]
    return _runs(sojourns), _runs(latencies), _RECORDED
