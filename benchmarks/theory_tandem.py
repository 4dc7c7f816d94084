"""What `make theory` measures on two stations in tandem: what follows from Burke and Reich, as rows of a table.

The tests of the same claims, with their sources, are in `tests/queueing/test_theory_tandem.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from ipa_gym.queueing import Records
from tests.queueing.stations import Estimate, FloatArray, Station, Tandem, replicate, sample_station, window_s
from tests.reference import formulas

RATE_RPS = 7.0
LOADS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the second station
FIRST_LOAD = 0.7
GAPS = (*np.linspace(0.05, 0.65, 4).tolist(), 0.699, 0.701, *np.linspace(0.8, 5.0, 22).tolist())  # in mean gaps
SECONDS = ((1, 1), (3, 2), (2, 5))  # servers of the first and of the second station


def measure_tandems(*, replications: int, requests: int) -> pl.DataFrame:
    """Columns claim, case, x, theory, simulated, error."""
    rows: list[dict[str, object]] = []

    def add(claim: str, case: str, x: Sequence[float], expected: FloatArray, found: Estimate) -> None:
        table = zip(x, expected, np.atleast_1d(found.mean), np.atleast_1d(found.error), strict=True)
        rows.extend(
            {"claim": claim, "case": case, "x": at, "theory": float(t), "simulated": float(m), "error": float(e)}
            for at, t, m, e in table
        )

    for case, tandem, tail in _departing():
        found = replicate(tandem, _gap_tail, requests=requests, n=replications)
        gap_s = np.array(GAPS) / RATE_RPS
        add("gaps between departures are longer than x (share)", case, GAPS, tail(gap_s), found)
    for servers in SECONDS:
        for load in LOADS:
            theory = formulas.mmc(RATE_RPS, service_s=load * servers[1] / RATE_RPS, servers=servers[1])
            samples = sample_station(_markovian(servers, load), requests=requests, n=replications, stage=1)
            found = Estimate.of([[s.mean_wait_s] for s in samples])
            case = f"M/M/{servers[0]} → M/M/{servers[1]}"
            add("mean wait in the second station (s)", case, [load], np.array([theory.mean_wait_s]), found)
    for load in LOADS:
        first_s, second_s = FIRST_LOAD / RATE_RPS, load / RATE_RPS
        both = formulas.both_waits_zero(RATE_RPS, first_service_s=first_s, second_service_s=second_s)
        joint = (1 - 1 / np.e) ** 2  # both sojourns below their means, if independent
        found = replicate(_markovian((1, 1), load), _joint(load), requests=requests, n=replications)
        claims = (("no wait in either station (share)", both), ("both sojourns below their means (share)", joint))
        for index, (claim, expected) in enumerate(claims):
            part = Estimate(found.mean[index], found.error[index])
            add(claim, "M/M/1 → M/M/1", [load], np.array([expected]), part)
    return pl.DataFrame(rows)


def _markovian(servers: tuple[int, int], load: float) -> Tandem:
    first, second = servers
    stations = (Station((FIRST_LOAD * first / RATE_RPS,), first), Station((load * second / RATE_RPS,), second))
    return Tandem(stations, RATE_RPS, service_law="exponential")


def _departing() -> list[tuple[str, Tandem, Callable[[FloatArray], FloatArray]]]:
    """Stations whose departures are looked at, with the law of the gaps between them."""
    service_s = FIRST_LOAD / RATE_RPS

    def poisson(gap_s: FloatArray) -> FloatArray:
        return np.exp(-RATE_RPS * gap_s)

    def deterministic(gap_s: FloatArray) -> FloatArray:
        late = (1 - FIRST_LOAD) * np.exp(-RATE_RPS * (gap_s - service_s))
        return np.where(gap_s < service_s, 1.0, late)

    return [
        ("behind M/M/1", Tandem((Station((service_s,)),), RATE_RPS, service_law="exponential"), poisson),
        ("behind M/M/5", Tandem((Station((5 * service_s,), 5),), RATE_RPS, service_law="exponential"), poisson),
        ("behind M/D/1", Tandem((Station((service_s,)),), RATE_RPS), deterministic),
    ]


def _gap_tail(records: Records, horizon_s: float) -> FloatArray:
    begin_s, stop_s = window_s(horizon_s)
    end_s = np.sort(records.end_s[0])
    gap_s = np.sort(np.diff(end_s[(end_s >= begin_s) & (end_s < stop_s)]))
    return 1.0 - np.searchsorted(gap_s, np.array(GAPS) / RATE_RPS, side="right") / len(gap_s)


def _joint(second_load: float) -> Callable[[Records, float], FloatArray]:
    """Shares of the requests that wait in neither station, and that spend less than the mean time in each."""
    load = np.array([[FIRST_LOAD], [second_load]])
    mean_s = load / RATE_RPS / (1 - load)

    def measure(records: Records, horizon_s: float) -> FloatArray:
        begin_s, stop_s = window_s(horizon_s)
        inside = (records.arrival_s >= begin_s) & (records.arrival_s < stop_s)
        waits = (records.start_s == records.enqueue_s)[:, inside].all(axis=0).mean()
        short = ((records.end_s - records.enqueue_s)[:, inside] < mean_s).all(axis=0).mean()
        return np.array([waits, short])

    return measure
