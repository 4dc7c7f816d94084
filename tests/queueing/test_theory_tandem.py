"""Stations in tandem against Burke, Reich and Jackson: what leaves M/M/c is Poisson, so the next station is M/M/c too.

Sources: Burke, The output of a queuing system (1956); Reich, Waiting times when queues are in tandem (1957); Jackson,
Networks of waiting lines (1957); Burke, The dependence of delays in tandem queues (1964); Friedman, Reduction methods
for tandem queuing systems (1965). As in the tests of single stations: four standard errors, themselves bounded.
"""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.queueing import Records
from tests.queueing.stations import (
    Estimate,
    FloatArray,
    Station,
    Tandem,
    poisson_arrivals_s,
    replicate,
    run,
    sample_station,
    serve,
    window_s,
)
from tests.reference import formulas

REPLICATIONS, REQUESTS = 40, 50_000
LEVELS = 12
RATE_RPS = 7.0
SPAN_S = 10 / RATE_RPS  # ten requests on average
SERVERS = [(1, 1), (3, 2), (2, 5)]


def markovian(*servers: int, load: float = 0.7) -> Tandem:
    """Exponential stations with these numbers of servers, all at the same load."""
    stations = tuple(Station((load * c / RATE_RPS,), c) for c in servers)
    return Tandem(stations, RATE_RPS, service_law="exponential")


def deterministic(*service_s: float) -> Tandem:
    return Tandem(tuple(Station((s,)) for s in service_s), RATE_RPS)


def departures_s(records: Records, horizon_s: float) -> FloatArray:
    """Instants at which requests leave the first station within the window, in order."""
    begin_s, stop_s = window_s(horizon_s)
    end_s = np.sort(records.end_s[0])
    return end_s[(end_s >= begin_s) & (end_s < stop_s)]


def instants_s(horizon_s: float) -> FloatArray:
    """Instants at which the state is looked at, SPAN_S apart."""
    begin_s, stop_s = window_s(horizon_s)
    return np.arange(begin_s, stop_s, SPAN_S)


def inside_at(records: Records, stage: int, *, at_s: FloatArray) -> FloatArray:
    """Requests that wait or are served in a stage at these instants."""
    entered = np.searchsorted(np.sort(records.enqueue_s[stage]), at_s, side="right")
    left = np.searchsorted(np.sort(records.end_s[stage]), at_s, side="right")
    return (entered - left).astype(np.float64)


def correlation(first: FloatArray, second: FloatArray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@pytest.mark.parametrize("servers", SERVERS, ids=str)
def test_second_station_is_an_mmc_of_its_own(servers: tuple[int, int]) -> None:
    theory = formulas.mmc(RATE_RPS, service_s=0.7 * servers[1] / RATE_RPS, servers=servers[1])
    samples = sample_station(markovian(*servers), requests=REQUESTS, n=REPLICATIONS, levels=LEVELS, stage=1)
    wait_s = Estimate.of([sample.mean_wait_s for sample in samples])
    p_wait = Estimate.of([sample.p_wait for sample in samples])
    inside = Estimate.of([sample.inside for sample in samples])
    assert theory.inside is not None
    assert wait_s.error < 0.02 * theory.mean_wait_s
    assert wait_s.agrees(theory.mean_wait_s)
    assert p_wait.error < 0.02 * theory.p_wait
    assert p_wait.agrees(theory.p_wait)
    assert (inside.error < 0.002).all()
    assert inside.agrees(theory.inside[:LEVELS])


def test_fifth_station_still_waits_like_mm1() -> None:
    theory = formulas.mmc(RATE_RPS, service_s=0.1, servers=1)
    samples = sample_station(markovian(1, 1, 1, 1, 1), requests=REQUESTS, n=REPLICATIONS, stage=4)
    wait_s = Estimate.of([sample.mean_wait_s for sample in samples])
    assert wait_s.error < 0.02 * theory.mean_wait_s
    assert wait_s.agrees(theory.mean_wait_s)


@pytest.mark.parametrize("servers", [1, 3])
def test_gaps_between_departures_are_exponential(servers: int) -> None:
    at_s = np.array([0.1, 0.5, 1.0, 2.0, 4.0]) / RATE_RPS

    def longer(records: Records, horizon_s: float) -> FloatArray:
        return (np.diff(departures_s(records, horizon_s))[:, None] > at_s).mean(axis=0)

    share = replicate(markovian(servers), longer, requests=REQUESTS, n=REPLICATIONS)
    assert (share.error < 0.001).all()
    assert share.agrees(np.exp(-RATE_RPS * at_s))


def test_gaps_behind_deterministic_service_are_not_exponential_but_as_derived() -> None:
    """One service time s if a request waited, else s plus an exponential: P(gap > x) = (1 - load) e^-rate(x - s)."""
    service_s, at_s = 0.1, np.array([0.1001, 0.2, 0.4])

    def longer(records: Records, horizon_s: float) -> FloatArray:
        return (np.diff(departures_s(records, horizon_s))[:, None] > at_s).mean(axis=0)

    share = replicate(deterministic(service_s), longer, requests=REQUESTS, n=REPLICATIONS)
    assert (share.error < 0.001).all()
    assert share.agrees(0.3 * np.exp(-RATE_RPS * (at_s - service_s)))
    assert not share.agrees(np.exp(-RATE_RPS * at_s))


def dispersion_and_memory(records: Records, horizon_s: float) -> FloatArray:
    """Variance over mean of the departures per SPAN_S, and the correlation of each gap with the next."""
    end_s, edges_s = departures_s(records, horizon_s), instants_s(horizon_s)
    counts = np.diff(np.searchsorted(end_s, edges_s))
    gaps_s = np.diff(end_s)
    return np.array([counts.var() / counts.mean(), correlation(gaps_s[1:], gaps_s[:-1])])


@pytest.mark.parametrize("servers", [1, 3])
def test_departures_are_counted_like_a_poisson_process_without_memory(servers: int) -> None:
    found = replicate(markovian(servers), dispersion_and_memory, requests=REQUESTS, n=REPLICATIONS)
    assert (found.error < [0.01, 0.002]).all()
    assert found.agrees([1.0, 0.0])


def test_departures_of_deterministic_service_are_more_even_than_poisson() -> None:
    found = replicate(deterministic(0.1), dispersion_and_memory, requests=REQUESTS, n=REPLICATIONS)
    assert found.mean[0] < 1.0 - 10 * found.error[0]


@pytest.mark.parametrize("servers", [1, 3])
def test_past_departures_tell_nothing_about_who_is_inside_and_future_ones_do(servers: int) -> None:
    def past_and_future(records: Records, horizon_s: float) -> FloatArray:
        at_s = instants_s(horizon_s)
        left = np.diff(np.searchsorted(np.sort(records.end_s[0]), at_s))
        inside = inside_at(records, 0, at_s=at_s)
        return np.array([correlation(inside[1:], left), correlation(inside[:-1], left)])

    found = replicate(markovian(servers), past_and_future, requests=REQUESTS, n=REPLICATIONS)
    assert (found.error < 0.005).all()
    assert abs(found.mean[0]) < 4 * found.error[0]
    assert found.mean[1] > 0.2


def test_numbers_inside_two_stations_have_jacksons_product_form() -> None:
    def joint(records: Records, horizon_s: float) -> FloatArray:
        first, second = (inside_at(records, stage, at_s=instants_s(horizon_s)) for stage in (0, 1))
        return np.array([[((first == i) & (second == j)).mean() for j in range(4)] for i in range(4)])

    found = replicate(markovian(1, 1), joint, requests=REQUESTS, n=REPLICATIONS)
    geometric = 0.3 * 0.7 ** np.arange(4)
    assert (found.error < 0.002).all()
    assert found.agrees(np.outer(geometric, geometric))


def test_sojourns_in_two_single_servers_are_independent() -> None:
    """Reich: exponential sojourns of mean 1 / (mu - rate), independent; checked by correlation and a joint tail."""
    mean_s = 1 / (10.0 - RATE_RPS)

    def sojourns(records: Records, horizon_s: float) -> FloatArray:
        begin_s, stop_s = window_s(horizon_s)
        inside = (records.arrival_s >= begin_s) & (records.arrival_s < stop_s)
        first_s, second_s = (records.end_s - records.enqueue_s)[:, inside]
        both = ((first_s > mean_s) & (second_s > mean_s)).mean()
        return np.array([correlation(first_s, second_s), both])

    found = replicate(markovian(1, 1), sojourns, requests=REQUESTS, n=REPLICATIONS)
    assert (found.error < [0.005, 0.002]).all()
    assert found.agrees([0.0, np.exp(-2.0)])


@pytest.mark.parametrize("second_load", [0.4, 0.7])
def test_waits_in_two_single_servers_depend_on_each_other_as_burke_found(second_load: float) -> None:
    """The waits, unlike the sojourns, are dependent: both are zero more often than if they were independent."""
    first_s, second_s = 0.7 / RATE_RPS, second_load / RATE_RPS
    tandem = Tandem((Station((first_s,)), Station((second_s,))), RATE_RPS, service_law="exponential")

    def neither_waits(records: Records, horizon_s: float) -> float:
        begin_s, stop_s = window_s(horizon_s)
        inside = (records.arrival_s >= begin_s) & (records.arrival_s < stop_s)
        wait_s = (records.start_s - records.enqueue_s)[:, inside]
        return float((wait_s == 0.0).all(axis=0).mean())

    share = replicate(tandem, neither_waits, requests=REQUESTS, n=REPLICATIONS)
    expected = formulas.both_waits_zero(RATE_RPS, first_service_s=first_s, second_service_s=second_s)
    assert share.error < 0.002
    assert share.agrees(expected)
    assert not share.agrees(0.3 * (1 - second_load))


def test_nobody_waits_behind_a_slower_deterministic_station() -> None:
    records, _ = run(deterministic(0.125, 0.0625), requests=REQUESTS, seed=1)
    assert (records.start_s[1] == records.enqueue_s[1]).all()
    assert (records.start_s[0] > records.enqueue_s[0]).mean() > 0.8


@pytest.mark.parametrize("servers", [1, 4])
def test_order_of_deterministic_stations_does_not_change_when_requests_leave(servers: int) -> None:
    """Friedman: with as many servers in each, the departures from the last station are the same in either order."""
    first, second = (Station((s * servers,), servers) for s in (0.07, 0.125))
    horizon_s = REQUESTS / RATE_RPS
    arrival_s = poisson_arrivals_s(RATE_RPS, horizon_s, seed=5)
    one_way, other_way = (
        serve(Tandem(stations, RATE_RPS), arrival_s, horizon_s=horizon_s, seed=5)
        for stations in ((first, second), (second, first))
    )
    np.testing.assert_allclose(np.sort(one_way.left_s), np.sort(other_way.left_s), rtol=0, atol=1e-6)
    assert (one_way.start_s[0] != other_way.start_s[0]).mean() > 0.1
