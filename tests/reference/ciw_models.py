"""Chains of stages in Ciw (an independent queueing simulator): as much of our model as Ciw can say.

What Ciw can say: batches of one request, any number of servers, shifts of servers, and reneging with the deadline of
`drop_after`. What it cannot: a server that serves several requests together, a batch timeout, replicas of the same
kind that join or leave one at a time (all servers of a shift are replaced), and baulking as anything like our drops,
since nobody is refused on entering. Nothing here knows `ipa_gym`: plain arrays go in and come out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ciw
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shifts:
    """Servers of one stage over time: ``counts[i]`` until ``until_s[i]``; busy ones of a shift end their service."""

    counts: tuple[int, ...]
    until_s: tuple[float, ...]  # ascending; the last lies beyond the end of the run


@dataclass(frozen=True, slots=True)
class CiwRun:
    """What became of n requests in S stages; NaN: did not happen. Times in seconds."""

    enqueue_s: Floats  # (S, n) entered the stage's queue
    start_s: Floats  # (S, n) service began
    end_s: Floats  # (S, n) service ended
    server: NDArray[np.int64]  # (S, n) from 1, -1: none
    reneged_s: Floats  # (n,) when the request gave up
    server_s: Floats  # (S,) server-seconds present
    busy_s: Floats  # (S,) server-seconds in service


class GivenArrivals(ciw.dists.Distribution):
    """Arrivals at given instants, then none."""

    def __init__(self, arrival_s: Floats) -> None:
        self.arrival_s, self.n_sent = arrival_s.tolist(), 0

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        """Seconds from ``t``, the last arrival, to the next one."""
        if self.n_sent == len(self.arrival_s):
            return math.inf
        self.n_sent += 1
        return self.arrival_s[self.n_sent - 1] - (t or 0.0)


class GivenServices(ciw.dists.Distribution):
    """Service times given for each request, whatever the order of service."""

    def __init__(self, service_s: Floats) -> None:
        self.service_s = service_s.tolist()

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        """Seconds of service of customer ``ind``; Ciw counts customers from 1."""
        return self.service_s[ind.id_number - 1]


class Patience(ciw.dists.Distribution):
    """Patience that runs from the arrival at the chain, not from that at the stage."""

    def __init__(self, arrival_s: Floats, drop_after_s: float) -> None:
        self.deadline_s = (arrival_s + drop_after_s).tolist()

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        """Seconds that customer ``ind`` still waits in the queue that it enters at ``t``."""
        return max(0.0, self.deadline_s[ind.id_number - 1] - (t or 0.0))


class Chain(ciw.routing.ProcessBased):
    """From stage to stage; whoever is past the deadline leaves instead of entering the next stage.

    Without this Ciw would serve a late customer that meets a free server. Our model never does, it drops the request
    at that instant, so both serve the same requests.
    """

    def __init__(self, n_stages: int, deadline_s: Floats | None) -> None:
        super().__init__(lambda ind, simulation: list(range(2, n_stages + 1)))
        self.deadline_s = deadline_s

    def next_node(self, ind: Any, node_id: int) -> Any:
        """The node that customer ``ind`` goes to from ``node_id``."""
        now = self.simulation.current_time
        if self.deadline_s is not None and ind.route and now > self.deadline_s[ind.id_number - 1]:
            return self.simulation.nodes[-1]
        return super().next_node(ind, node_id)


def run_given(
    arrival_s: Floats,
    service_s: Floats,
    *,
    servers: Sequence[int | Shifts],
    horizon_s: float,
    drop_after_s: float = math.inf,
) -> CiwRun:
    """Send given requests with given service times through a chain of stages.

    Args:
        arrival_s: float64 (n,), sorted, above 0 and without ties: at a tie between nodes Ciw draws lots.
        service_s: float64 (S, n), seconds that each request needs in each stage.
        servers: servers of each stage, fixed or in shifts.
        horizon_s: when the run ends; requests still inside then have NaN where nothing was recorded.
        drop_after_s: age at which a waiting request gives up.
    """
    n_stages = len(service_s)
    impatient = math.isfinite(drop_after_s)
    patience = Patience(arrival_s, drop_after_s) if impatient else None
    network = ciw.create_network(
        arrival_distributions=[GivenArrivals(arrival_s)] + [None] * (n_stages - 1),
        service_distributions=[GivenServices(row) for row in service_s],
        number_of_servers=[_ciw_servers(choice) for choice in servers],
        reneging_time_distributions=[patience] * n_stages,
        routing=Chain(n_stages, arrival_s + drop_after_s if impatient else None),
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(horizon_s)
    return _unpacked(simulation, n_stages, len(arrival_s))


def run_random(
    laws: Sequence[ciw.dists.Distribution], *, servers: Sequence[int], rate_rps: float, n_requests: int, seed: int
) -> CiwRun:
    """A chain under Ciw's own Poisson arrivals and service times; ends when ``n_requests`` have left.

    Returns: their run; requests behind them are cut off. ``seed`` sets Ciw's process-wide generators.
    """
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate_rps)] + [None] * (len(laws) - 1),
        service_distributions=list(laws),
        number_of_servers=list(servers),
        routing=Chain(len(laws), None),
    )
    simulation = ciw.Simulation(network)
    overtaken = 10 * sum(servers)  # requests overtake one another where several are served at once
    simulation.simulate_until_max_customers(n_requests + overtaken)
    return _unpacked(simulation, len(laws), n_requests)


def _ciw_servers(choice: int | Shifts) -> int | ciw.Schedule:
    if isinstance(choice, Shifts):
        return ciw.Schedule(numbers_of_servers=list(choice.counts), shift_end_dates=list(choice.until_s))
    return choice


def _unpacked(simulation: ciw.Simulation, n_stages: int, n_requests: int) -> CiwRun:
    enqueue_s, start_s, end_s = (np.full((n_stages, n_requests), np.nan) for _ in range(3))
    server, reneged_s = np.full((n_stages, n_requests), -1), np.full(n_requests, np.nan)
    for record in simulation.get_all_records():
        request, stage = record.id_number - 1, record.node - 1
        if request >= n_requests:
            continue
        enqueue_s[stage, request] = record.arrival_date
        if record.record_type == "renege":
            reneged_s[request] = record.exit_date
        else:
            start_s[stage, request], end_s[stage, request] = record.service_start_date, record.service_end_date
            server[stage, request] = record.server_id
    nodes = simulation.transitive_nodes
    server_s = np.array([sum(node.all_servers_total) for node in nodes])
    busy_s = np.array([sum(node.all_servers_busy) for node in nodes])
    return CiwRun(enqueue_s, start_s, end_s, server, reneged_s, server_s=server_s, busy_s=busy_s)
