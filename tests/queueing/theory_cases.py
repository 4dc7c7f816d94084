"""Stations with an answer in queueing theory: the tests take some loads of them, `make theory` draws whole curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.queueing.stations import Station, Tandem
from tests.reference import formulas

SERVICE_S = 0.1  # mean service time of all cases but batches


@dataclass(frozen=True, slots=True)
class Case:
    """One station at one load and what theory says of it."""

    name: str
    load: float
    tandem: Tandem
    theory: formulas.Theory

    def __str__(self) -> str:
        return f"{self.name} at {self.load:g}"


def mmc(servers: int, load: float) -> Case:
    """Exponential service."""
    rate_rps = load * servers / SERVICE_S
    tandem = Tandem((Station((SERVICE_S,), servers),), rate_rps, service_law="exponential")
    return Case(f"M/M/{servers}", load, tandem, formulas.mmc(rate_rps, service_s=SERVICE_S, servers=servers))


def mdc(servers: int, load: float) -> Case:
    """Deterministic service."""
    rate_rps = load * servers / SERVICE_S
    theory = formulas.mdc(rate_rps, service_s=SERVICE_S, servers=servers)
    return Case(f"M/D/{servers}", load, Tandem((Station((SERVICE_S,), servers),), rate_rps), theory)


def lognormal(service_cv: float, load: float) -> Case:
    """M/G/1 with lognormal service."""
    rate_rps = load / SERVICE_S
    theory = formulas.mg1_lognormal(rate_rps, service_s=SERVICE_S, service_cv=service_cv)
    tandem = Tandem((Station((SERVICE_S,)),), rate_rps, service_cv=service_cv)
    return Case(f"M/G/1, cv {service_cv:g}", load, tandem, theory)


def bulk(batch: int, load: float, *, latency_s: Sequence[float], full: bool = False) -> Case:
    """Deterministic service of up to `batch` at once, from one waiting on, or of full batches only.

    Args:
        load: arrival rate over the rate of full batches.
        latency_s: of batches of 1, 2, 4, ... requests.
    """
    sizes = [1 << power for power in range(len(latency_s))]
    service_s = np.interp(np.arange(1, batch + 1), sizes, latency_s)
    rate_rps = load * batch / float(service_s[-1])
    station = Station(tuple(latency_s), 1, batch)
    tandem = Tandem((station,), rate_rps, batch_timeout_s=np.inf if full else 0.0)
    theory = formulas.bulk_deterministic(rate_rps, service_s=service_s, at_least=batch if full else 1)
    minimum = f"{batch}," if full else ""
    return Case(f"M/D[{minimum}{batch}]/1", load, tandem, theory)


def bulk_affine(batch: int, load: float) -> Case:
    """Batches that take half a service time plus half of one for each request."""
    return bulk(batch, load, latency_s=[SERVICE_S * (0.5 + 0.5 * (1 << power)) for power in range(5)])


def bulk_constant(batch: int, load: float) -> Case:
    """Batches that take as long as one request: Bailey's queue."""
    return bulk(batch, load, latency_s=[SERVICE_S] * 5)


def bulk_full(batch: int, load: float) -> Case:
    """Full batches only: a batch timeout that never passes."""
    return bulk(batch, load, latency_s=[SERVICE_S] * 5, full=True)


def bulk_exponential(batch: int, load: float) -> Case:
    """Batches with exponential service of the same mean."""
    rate_rps = load * batch / SERVICE_S
    theory = formulas.bulk_exponential(rate_rps, service_s=SERVICE_S, batch=batch)
    tandem = Tandem((Station((SERVICE_S,) * 5, 1, batch),), rate_rps, service_law="exponential")
    return Case(f"M/M[{batch}]/1", load, tandem, theory)
