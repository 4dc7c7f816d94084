"""The same queues in SimPy and in Ciw, as lean as they can be said in them, and the check that all three agree.

Both get arrivals and service times made beforehand and record nothing that they do not have to. They know what the
plainest use of our model needs: a chain of stages with one FIFO queue and c servers each, requests served one by one,
and (SimPy) requests that are dropped when they have grown too old. The complete model in SimPy is in tests/reference/.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import ciw
import numpy as np
import simpy
from numpy.typing import NDArray

from benchmarks.speed_cases import INTERVAL_S, Arrivals, Case, StagesHeld
from ipa_gym.queueing import Simulator
from ipa_gym.queueing.kernel import service_factor
from ipa_gym.queueing.state import DETERMINISTIC
from tests.reference.ciw_models import GivenArrivals, GivenServices

Floats = NDArray[np.float64]
Events = Generator[simpy.Event, tuple[int, float], None]
TOLERANCE_S = 1e-9
EMPTY = np.empty(0)


class Disagreement(ValueError):
    """Two models of the same queues do not give the same completions."""


@dataclass(frozen=True, slots=True)
class Given:
    """What SimPy and Ciw are handed."""

    arrival_s: Floats  # (n,)
    service_s: Floats  # (S, n), of each request in each stage
    held: StagesHeld
    drop_after_s: float
    horizon_s: float


def given(case: Case, arrivals: Arrivals, *, seed: int, horizon_s: float) -> Given:
    """The arrivals before the horizon, and their service times as the kernel draws them.

    Raises: ValueError for a case that the lean models cannot say.
    """
    held = case.held
    if held is None:
        raise ValueError(f"{case.name}: batches or decisions change; expected one request a batch and one decision")
    arrival_s = arrivals.arrival_s[: np.searchsorted(arrivals.arrival_s, horizon_s)]
    service_s = np.repeat(np.array(held.service_s)[:, None], len(arrival_s), axis=1)
    model = Simulator(case.pipeline, service_cv=case.service_cv).model
    if model.service_law != DETERMINISTIC:
        for stage, row in enumerate(service_s):
            row *= [service_factor(model.service_law, model.sigma, np.uint64(seed), stage, i) for i in range(len(row))]
    return Given(arrival_s, service_s, held, case.pipeline.drop_after_s, horizon_s)


class LeanSimpy:
    """A `Store` a stage, and a process a replica that takes the oldest request, serves it, and hands it on."""

    def __init__(self, model: Given) -> None:
        self.latency_s: list[float] = []  # in order of completion
        self.n_dropped = 0
        self._horizon_s, self._drop_after_s = model.horizon_s, model.drop_after_s
        self._env = simpy.Environment()
        self._queues = [simpy.Store(self._env) for _ in model.held.replicas]
        self._env.process(self._arrive(model.arrival_s.tolist()))
        for stage, replicas in enumerate(model.held.replicas):
            service_s = model.service_s[stage].tolist()
            for _ in range(replicas):
                self._env.process(self._serve(stage, service_s))

    def run(self) -> None:
        """Play until the horizon."""
        self._env.run(until=self._horizon_s)

    def _arrive(self, arrival_s: list[float]) -> Events:
        env, first = self._env, self._queues[0]
        for number, t0_s in enumerate(arrival_s):
            yield env.timeout(t0_s - env.now)
            first.put((number, t0_s))

    def _serve(self, stage: int, service_s: list[float]) -> Events:
        env, here, last = self._env, self._queues[stage], stage + 1 == len(self._queues)
        there = None if last else self._queues[stage + 1]
        while True:
            number, t0_s = yield here.get()
            if env.now > t0_s + self._drop_after_s:
                self.n_dropped += 1
                continue
            yield env.timeout(service_s[number])
            if there is None:
                self.latency_s.append(env.now - t0_s)
            else:
                there.put((number, t0_s))


class RequestSimpy:
    """The other usual way, with a `Resource` a stage and a process a request; slower, so that it is not compared with.

    It shows that the comparison is with the faster of the two.
    """

    def __init__(self, model: Given) -> None:
        self.latency_s: list[float] = []  # in order of completion
        self.n_dropped = 0
        self._horizon_s, self._drop_after_s = model.horizon_s, model.drop_after_s
        self._env = simpy.Environment()
        resources = [simpy.Resource(self._env, replicas) for replicas in model.held.replicas]
        self._stages = list(zip(resources, model.service_s.tolist(), strict=True))
        self._env.process(self._arrive(model.arrival_s.tolist()))

    def run(self) -> None:
        """Play until the horizon."""
        self._env.run(until=self._horizon_s)

    def _arrive(self, arrival_s: list[float]) -> Generator[simpy.Event, None, None]:
        env = self._env
        for number, t0_s in enumerate(arrival_s):
            yield env.timeout(t0_s - env.now)
            env.process(self._pass(number, t0_s))

    def _pass(self, number: int, t0_s: float) -> Generator[simpy.Event, None, None]:
        env = self._env
        for resource, service_s in self._stages:
            with resource.request() as turn:
                yield turn
                if env.now > t0_s + self._drop_after_s:
                    self.n_dropped += 1
                    return
                yield env.timeout(service_s[number])
        self.latency_s.append(env.now - t0_s)


class LeanCiw:
    """A node a stage. Ciw records every visit of a node by itself; without reneging, so that nothing may be dropped."""

    def __init__(self, model: Given) -> None:
        n_stages = len(model.held.replicas)
        self._horizon_s, self._arrival_s = model.horizon_s, model.arrival_s
        onwards = [ciw.routing.Direct(to=stage + 2) for stage in range(n_stages - 1)]
        network = ciw.create_network(
            arrival_distributions=[GivenArrivals(model.arrival_s)] + [None] * (n_stages - 1),
            service_distributions=[GivenServices(row) for row in model.service_s],
            number_of_servers=list(model.held.replicas),
            routing=ciw.routing.NetworkRouting(routers=[*onwards, ciw.routing.Leave()]),
        )
        self._last, self._simulation = n_stages, ciw.Simulation(network)

    def run(self) -> None:
        """Play until the horizon."""
        self._simulation.simulate_until_max_time(self._horizon_s)

    @property
    def latency_s(self) -> list[float]:
        """In order of completion."""
        left = sorted(
            (r.exit_date, r.id_number - 1) for r in self._simulation.get_all_records() if r.node == self._last
        )
        return [exit_s - float(self._arrival_s[number]) for exit_s, number in left]


def kernel_latencies(case: Case, arrivals: Arrivals, *, seed: int) -> tuple[Simulator, list[Floats]]:
    """The case in our simulator; afterwards it has room for the same again.

    Returns: the simulator, and latencies in order of completion, those of an interval in each array.
    """
    simulator = Simulator(case.pipeline, interval_s=INTERVAL_S, service_cv=case.service_cv)
    simulator.reset(case.decisions[0], seed=seed)
    steps = range(arrivals.n_intervals)
    decisions = case.decisions
    return simulator, [simulator.step(decisions[k % len(decisions)], arrivals.interval(k)).latency_s for k in steps]


def check_same(name: str, found_s: list[float], expected_s: list[Floats], *, horizon_s: float) -> None:
    """Compare latencies in order of completion up to a horizon.

    Args:
        name: whose they are, and in which case.
        found_s: of the other model, all until the horizon.
        expected_s: of the kernel, interval by interval, at least until the horizon.
    Raises: Disagreement if a latency differs by more than `TOLERANCE_S`, or their number by any.
    """
    by_interval = np.concatenate([[0], np.cumsum([len(part) for part in expected_s])])
    whole = horizon_s / INTERVAL_S
    fewest, most = int(by_interval[int(np.floor(whole))]), int(by_interval[int(np.ceil(whole))])
    if not fewest <= len(found_s) <= most or not found_s:
        raise Disagreement(f"{name}: {len(found_s)} requests complete in {horizon_s:g} s; expected {fewest} to {most}")
    expected = np.concatenate([EMPTY, *expected_s])[: len(found_s)]
    apart_s = np.abs(np.array(found_s) - expected)
    if not apart_s.max() <= TOLERANCE_S:
        first = int(np.argmax(~(apart_s <= TOLERANCE_S)))
        raise Disagreement(f"{name}: completion {first} after {found_s[first]!r} s; expected {expected[first]!r}")
