"""Who is timed on a case: SimPy, Ciw, the kernel alone, one environment, many environments; checked before.

Each does the same work every round, under arrivals of the same load; `Sizes` says how much. Environments play whole
episodes of 20 minutes, their resets included, as anyone who uses them has to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from benchmarks.speed_cases import INTERVAL_S, Arrivals, Case, Ints, StagesHeld, draw_arrivals
from benchmarks.speed_clock import Contestant, Run
from benchmarks.speed_kernel import begin_pipelines, run_pipelines
from benchmarks.speed_reference import LeanCiw, LeanSimpy, RequestSimpy, check_same, given, kernel_latencies
from ipa_gym.action import ActionLayout
from ipa_gym.stepping import Fleet
from tests.reference.simpy_model import SimpyModel

SIMPY, CIW, KERNEL, SINGLE = "SimPy", "Ciw", "kernel", "single environment"
SIMPY_REQUESTS, SIMPY_COMPLETE = "SimPy, a process a request", "SimPy, the complete model"
SEED = 7
SHARED_ENVS = 256  # of the vector environment on every case
ENVS = (1, 16, 256, 4096)  # on the base case
EPISODE_INTERVALS = 120
CALLS_AN_EPISODE = EPISODE_INTERVALS + 1  # of a vector environment: the last one resets
_LEAN_WORK = (20_000, 8_000)  # requests times stages of SimPy, of Ciw
_ACTIONS = 16  # tables of actions that random environments go through


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each contestant simulates a round, in requests times stages."""

    scale: float = 1.0

    def kernel_intervals(self, case: Case) -> int:
        """Intervals whose arrivals are made beforehand."""
        return max(20, self._intervals(case, 1_000_000))

    def kernel_passes(self, case: Case) -> int:
        """How often the kernel goes through them."""
        return math.ceil(self.scale * 5_000_000 / (self.kernel_intervals(case) * _work_a_step(case)))

    def horizon_s(self, case: Case, held: StagesHeld, work: float) -> float:
        """Seconds that hold so much work, but 20 requests and five times their service at least."""
        least_s = max(20 / case.rate_rps, 5 * sum(held.service_s))
        return max(least_s, self.scale * work * INTERVAL_S / (case.requests_a_step() * case.n_stages))

    def single_episodes(self, case: Case) -> int:
        """Episodes of one environment."""
        episode = EPISODE_INTERVALS * _work_a_step(case)
        return math.ceil(self.scale * min(20.0, 5_000_000 / episode))

    def vector_calls(self, case: Case, n_envs: int) -> int:
        """Calls of a vector environment: whole episodes, or a part of one where that takes long."""
        work = n_envs * _work_a_step(case) * EPISODE_INTERVALS
        if work <= self.scale * 150_000_000:
            return CALLS_AN_EPISODE * max(1, math.ceil(self.scale * 30_000 / (n_envs * EPISODE_INTERVALS)))
        return max(3, math.ceil(self.scale * 50_000_000 / work * EPISODE_INTERVALS))

    def complete_intervals(self, case: Case) -> int:
        """Intervals of the complete SimPy model."""
        return max(2, min(20, self._intervals(case, 10_000)))

    def _intervals(self, case: Case, work: float) -> int:
        return math.ceil(self.scale * work / _work_a_step(case))


def _work_a_step(case: Case) -> int:
    drawn = 5 if case.service_cv else 1  # a service time that is drawn costs as much as some requests
    return drawn * case.requests_a_step() * case.n_stages


class Field:
    """The contestants of one case; making it checks that they agree.

    Raises: `speed_reference.Disagreement`.
    """

    def __init__(self, case: Case, sizes: Sizes) -> None:
        self.case, self.sizes = case, sizes
        held = case.held
        horizons_s = (0.0, 0.0) if held is None else tuple(sizes.horizon_s(case, held, work) for work in _LEAN_WORK)
        n_intervals = max(sizes.kernel_intervals(case), math.ceil(max(horizons_s) / INTERVAL_S))
        self.arrivals = draw_arrivals(case, n_intervals, seed=SEED)
        self.simulator, expected_s = kernel_latencies(case, self.arrivals, seed=SEED)
        self._completed = sum(len(part) for part in expected_s)
        if held is None:
            self._check_complete(expected_s)
            return
        self._simpy, self._ciw = (given(case, self.arrivals, seed=SEED, horizon_s=h) for h in horizons_s)
        for made, model in ((LeanSimpy, self._simpy), (RequestSimpy, self._simpy), (LeanCiw, self._ciw)):
            lean = made(model)
            lean.run()
            name = f"{case.name} at {case.rate_rps} requests/s, {made.__name__}"
            check_same(name, lean.latency_s, expected_s, horizon_s=model.horizon_s)

    def _check_complete(self, expected_s: list[Any]) -> None:
        n = self.sizes.complete_intervals(self.case)
        found_s = [latency for k in _play_complete(self.case, self.arrivals, n) for latency in k["latency_s"]]
        check_same(f"{self.case.name}, {SIMPY_COMPLETE}", found_s, expected_s, horizon_s=n * INTERVAL_S)

    def everywhere(self) -> Iterator[Contestant]:
        """Those that are timed on every case."""
        if self.case.held is not None:
            yield Contestant(SIMPY, partial(self._lean, LeanSimpy, self._simpy))
            yield Contestant(CIW, partial(self._lean, LeanCiw, self._ciw))
        else:
            yield self.complete()
        yield Contestant(KERNEL, self._kernel, bytes_per_env=lambda: _bytes(self.simulator.memory.blocks))
        yield self._single()

    def other_simpy(self) -> Contestant:
        """SimPy in the slower of the two usual ways."""
        return Contestant(SIMPY_REQUESTS, partial(self._lean, RequestSimpy, self._simpy))

    def complete(self) -> Contestant:
        """The complete model in SimPy: what our kernel computes, and records of everything besides."""
        n = self.sizes.complete_intervals(self.case)
        requests = int(self.arrivals.bounds[n])

        def prepare() -> Run:
            return Run(lambda: list(_play_complete(self.case, self.arrivals, n)), n, requests)

        return Contestant(SIMPY_COMPLETE, prepare)

    def vector(self, n_envs: int, n_threads: int | None) -> Contestant:
        """Environments in one call, through Gymnasium's interface."""
        env = make_vector(self.case, n_envs, n_threads)
        actions, n_calls = _actions(self.case, n_envs), self.sizes.vector_calls(self.case, n_envs)
        fleet: Fleet = env._fleet
        simulated = n_envs * (n_calls - n_calls // CALLS_AN_EPISODE)

        def go() -> None:
            step = env.step
            for index in range(n_calls):
                step(actions[index % len(actions)])

        def prepare() -> Run:
            env.reset(seed=SEED)
            return Run(go, simulated, simulated * self.case.requests_a_step())

        return Contestant(
            vector_name(n_envs),
            prepare,
            n_envs=n_envs,
            n_threads=len(fleet.memory.work.decision),
            bytes_per_env=lambda: fleet_bytes(fleet) / n_envs,
        )

    def _lean(self, made: Callable[[Any], Any], model: Any) -> Run:  # Any: one of the classes of speed_reference.py
        return Run(made(model).run, model.horizon_s / INTERVAL_S, len(model.arrival_s))

    def _kernel(self) -> Run:
        passes, table, simulator = self.sizes.kernel_passes(self.case), self.case.table, self.simulator
        given_s, bounds = self.arrivals.arrival_s, self.arrivals.bounds

        def go() -> None:
            memory, records = simulator.memory, simulator.record_arrays
            for _ in range(passes):
                begin_pipelines(memory.blocks, records, table[0], np.uint64(SEED))
                completed = run_pipelines(
                    simulator.model, memory.blocks, memory.work, records, given_s, bounds, table, float(INTERVAL_S)
                )
                if completed != self._completed:
                    raise RuntimeError(f"the compiled loop completes {completed} requests, not {self._completed}")

        return Run(go, passes * self.arrivals.n_intervals, passes * len(given_s))

    def _single(self) -> Contestant:
        n_episodes, actions = self.sizes.single_episodes(self.case), _actions(self.case, 1)
        env = make_single(self.case, EPISODE_INTERVALS)
        fleet: Fleet = env.unwrapped._fleet

        def go() -> None:
            step = env.step
            for _ in range(n_episodes):
                env.reset()
                for index in range(EPISODE_INTERVALS):
                    step(actions[index % len(actions)][0])

        def prepare() -> Run:
            env.reset(seed=SEED)
            n_steps = n_episodes * EPISODE_INTERVALS
            return Run(go, n_steps, n_steps * self.case.requests_a_step())

        return Contestant(SINGLE, prepare, bytes_per_env=lambda: fleet_bytes(fleet))


def make_single(case: Case, n_intervals: int) -> gymnasium.Env[Any, Any]:
    """One environment with episodes of so many steps and with the wrappers that `gymnasium.make` adds."""
    n_seconds = n_intervals * INTERVAL_S
    return gymnasium.make(
        "ipa_gym/Pipeline-v0",
        pipeline=case.pipeline,
        trace=case.trace(2 * n_seconds),
        episode_s=n_seconds,
        service_cv=case.service_cv,
    )


def make_vector(
    case: Case, n_envs: int, n_threads: int | None, *, n_intervals: int = EPISODE_INTERVALS
) -> Any:  # Any: its private arrays are measured
    """Many environments with episodes of so many steps, which reset themselves."""
    n_seconds = n_intervals * INTERVAL_S
    return gymnasium.make_vec(
        "ipa_gym/Pipeline-v0",
        num_envs=n_envs,
        vectorization_mode="vector_entry_point",
        pipeline=case.pipeline,
        trace=case.trace(2 * n_seconds),
        episode_s=n_seconds,
        service_cv=case.service_cv,
        n_threads=n_threads,
    )


def vector_name(n_envs: int) -> str:
    """How so many environments are called in the tables."""
    return f"vector environment of {n_envs}"


def fleet_bytes(fleet: Fleet) -> int:
    """Arrays that grow with the number of environments."""
    return _bytes(fleet.memory.blocks) + _bytes(fleet.episodes) + _bytes(fleet.outputs)


def _bytes(arrays: tuple[Any, ...]) -> int:
    return sum(array.nbytes for array in arrays)


def _actions(case: Case, n_envs: int) -> list[Ints]:
    """Tables of one action an environment: the case's decision, or different random ones."""
    layout = ActionLayout(case.pipeline)
    encoded = np.array([layout.encode(decision) for decision in case.decisions])
    if len(encoded) == 1:
        return [np.repeat(encoded, n_envs, axis=0)]
    rng = np.random.default_rng(SEED)
    return [encoded[rng.integers(len(encoded), size=n_envs)] for _ in range(_ACTIONS)]


def _play_complete(case: Case, arrivals: Arrivals, n_intervals: int) -> Iterator[dict[str, Any]]:
    model = SimpyModel(case.pipeline, interval_s=INTERVAL_S, service_cv=case.service_cv)
    model.reset(case.decisions[0], seed=SEED)
    for index in range(n_intervals):
        decision = case.decisions[index % len(case.decisions)]
        yield model.step(decision, arrivals.interval(index).tolist())
