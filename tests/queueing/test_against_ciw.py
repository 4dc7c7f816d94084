"""The simulator against Ciw, wherever Ciw can say the same: request by request, and law against law.

Given the same arrivals and service times both programs must serve every request at the same instant. With their own
random streams only distributions can agree: each replication gives one value, so that the values are independent.
`tests/reference/ciw_models.py` lists what Ciw cannot express.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import ciw
import numpy as np
import pytest
from scipy.stats import ks_2samp

from ipa_gym.pipeline import Configuration, Pipeline, Variant
from ipa_gym.queueing import IntervalOutcome, Records, Simulator
from tests.queueing.small_pipelines import choose, pipeline
from tests.reference.ciw_models import CiwRun, Shifts, run_given, run_random

INTERVAL_S = 10.0
LAWS: Mapping[str, dict[str, float | str]] = {  # name -> options of our simulator; every factor has mean 1
    "deterministic": {},
    "lognormal": {"service_cv": 0.8},
    "exponential": {"service_law": "exponential"},
}


def constant(latency_s: float, *, startup_s: float = 0.0, name: str = "v") -> Variant:
    """A variant that takes as long for any batch."""
    return Variant(name, 50.0, 1.0, startup_s, (1, 2, 4), (latency_s,) * 3)


def simulate(
    what: Pipeline, decisions: list[Configuration], arrival_s: np.ndarray, **options: float | str
) -> tuple[Records, list[IntervalOutcome]]:
    """All intervals of a run that starts with the first decision in force."""
    simulator = Simulator(what, record=True, interval_s=INTERVAL_S, **options)  # type: ignore[arg-type]  # by name
    simulator.reset(decisions[0], seed=5)
    edges = np.searchsorted(arrival_s, INTERVAL_S * np.arange(len(decisions) + 1))
    slices = [arrival_s[a:b] for a, b in pairwise(edges)]
    outcomes = [simulator.step(decision, part) for decision, part in zip(decisions, slices, strict=True)]
    assert simulator.n_arrived == len(arrival_s)
    assert simulator.n_inside == 0  # long enough
    return simulator.records(), outcomes


def service_s(records: Records) -> np.ndarray:
    """What each request needed in each stage (S, n); 1 s where it was dropped before, which Ciw must find out too."""
    return np.nan_to_num(records.end_s - records.start_s, nan=1.0)


def assert_same_services(records: Records, run: CiwRun) -> None:
    np.testing.assert_allclose(records.start_s, run.start_s, rtol=0, atol=1e-9)
    np.testing.assert_allclose(records.end_s, run.end_s, rtol=0, atol=1e-9)


@dataclass(frozen=True, slots=True)
class Chain:
    """A random chain with its load: mean services, servers and arrivals."""

    latency_s: list[float]
    servers: list[int]
    arrival_s: np.ndarray

    @property
    def decision(self) -> Configuration:
        return choose(*[(0, 1, count) for count in self.servers])


def random_chain(rng: np.random.Generator, *, load: tuple[float, float], n_requests: int) -> Chain:
    rate_rps = float(rng.choice([0.7, 5.0, 30.0]))
    servers = rng.integers(1, 6, size=rng.integers(1, 5)).tolist()
    latency_s = [count * float(rng.uniform(*load)) / rate_rps for count in servers]
    return Chain(latency_s, servers, np.cumsum(rng.exponential(1 / rate_rps, n_requests)))


def intervals_for(chain: Chain) -> int:
    """Enough for the last request to be through, however it queued."""
    busy_s = len(chain.arrival_s) * sum(s / n for s, n in zip(chain.latency_s, chain.servers, strict=True))
    return math.ceil((chain.arrival_s[-1] + 2 * busy_s) / INTERVAL_S) + 1


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("law", LAWS)
def test_every_request_of_a_chain_is_served_when_and_where_ciw_serves_it(law: str, seed: int) -> None:
    chain = random_chain(np.random.default_rng(seed), load=(0.5, 1.1), n_requests=600)
    what = pipeline(*[(constant(value),) for value in chain.latency_s], drop_s=math.inf)
    decisions = [chain.decision] * intervals_for(chain)
    records, _ = simulate(what, decisions, chain.arrival_s, **LAWS[law])
    horizon_s = INTERVAL_S * len(decisions)
    run = run_given(chain.arrival_s, service_s(records), servers=chain.servers, horizon_s=horizon_s)
    assert np.isfinite(run.end_s).all()
    assert_same_services(records, run)
    np.testing.assert_array_equal(records.replica + 1, run.server)
    assert (records.start_s > records.enqueue_s).mean() > 0.1  # there was something to queue for


@pytest.mark.parametrize("startup_s", [0.0, 3.25, 10.0, 13.5])
def test_switches_serve_every_request_and_cost_as_shifts_of_servers_do_in_ciw(startup_s: float) -> None:
    # A shift replaces all servers, and busy ones end their service: a switch between two variants that are alike.
    rng = np.random.default_rng(int(startup_s))
    arrival_s = np.cumsum(rng.exponential(1 / 12.0, 2000))  # about 167 s
    twins = (constant(0.23, startup_s=startup_s, name="a"), constant(0.23, startup_s=startup_s, name="b"))
    counts = rng.integers(1, 8, size=(10, 2))  # around 12 · 0.23 = 2.8 busy
    plan = [choose((k % 2, 1, int(first)), (k % 2, 1, int(second))) for k, (first, second) in enumerate(counts)]
    decisions = [plan[min(k // 3, 9)] for k in range(60)]  # each of the ten is repeated twice
    records, outcomes = simulate(pipeline(twins, twins, drop_s=math.inf), decisions, arrival_s, service_cv=0.6)
    switches_s = [3 * k * INTERVAL_S + startup_s for k in range(1, 10)]
    shifts = [Shifts(tuple(row.tolist()), (*switches_s, 1e6)) for row in counts.T]
    run = run_given(arrival_s, service_s(records), servers=shifts, horizon_s=600.0)
    assert_same_services(records, run)
    switched_s = [float(o.switch_s[0]) for o in outcomes if np.isfinite(o.switch_s[0])]
    assert switched_s == switches_s
    np.testing.assert_allclose(sum(o.serving_replica_s for o in outcomes), run.server_s, rtol=1e-9)
    np.testing.assert_allclose(sum(o.busy_replica_s for o in outcomes), run.busy_s, rtol=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("law", LAWS)
def test_requests_that_the_drop_limit_lets_through_are_those_that_do_not_renege_in_ciw(law: str, seed: int) -> None:
    chain = random_chain(np.random.default_rng(seed), load=(0.8, 1.8), n_requests=600)
    limit_s = 3.0 * sum(chain.latency_s)
    what = pipeline(*[(constant(value),) for value in chain.latency_s], drop_s=limit_s)
    decisions = [chain.decision] * intervals_for(chain)
    records, _ = simulate(what, decisions, chain.arrival_s, **LAWS[law])
    horizon_s = INTERVAL_S * len(decisions)
    given = {"servers": chain.servers, "horizon_s": horizon_s, "drop_after_s": limit_s}
    run = run_given(chain.arrival_s, service_s(records), **given)
    assert_same_services(records, run)  # NaN alike: those that were not served
    np.testing.assert_array_equal(records.fate == 1, np.isfinite(run.end_s[-1]))
    assert 0.01 < (records.fate == 2).mean() < 0.95


def test_a_drop_comes_at_the_first_end_of_a_batch_after_the_instant_at_which_ciws_customer_reneges() -> None:
    rng = np.random.default_rng(3)
    arrival_s = np.cumsum(rng.exponential(1 / 9.0, 2000))
    records, _ = simulate(pipeline((constant(0.5),), drop_s=1.3), [choose((0, 1, 3))] * 40, arrival_s)
    given = {"servers": [3], "horizon_s": 400.0, "drop_after_s": 1.3}
    run = run_given(arrival_s, service_s(records), **given)
    dropped = records.fate == 2
    assert dropped.sum() > 400
    np.testing.assert_array_equal(dropped, np.isfinite(run.reneged_s))
    np.testing.assert_allclose(run.reneged_s[dropped], arrival_s[dropped] + 1.3, rtol=0, atol=1e-9)
    ends_s = np.sort(records.end_s[0][~dropped])
    next_end_s = ends_s[np.searchsorted(ends_s, arrival_s[dropped] + 1.3, side="right")]
    np.testing.assert_array_equal(records.left_s[dropped], next_end_s)


def test_request_at_the_drop_limit_is_served_in_both() -> None:
    arrival_s = np.array([0.5, 0.75, 1.0, 1.125])  # served 0.5, 1.75 and, 2.0 old, 3.0; the fourth is 3.125 old at 4.25
    records, _ = simulate(pipeline((constant(1.25),), drop_s=2.0), [choose((0, 1, 1))], arrival_s)
    run = run_given(arrival_s, service_s(records), servers=[1], horizon_s=10.0, drop_after_s=2.0)
    np.testing.assert_array_equal(records.start_s, run.start_s)
    assert run.start_s[0, :3].tolist() == [0.5, 1.75, 3.0]
    assert (records.left_s[3], run.reneged_s[3]) == (4.25, 3.125)


# --- own random streams: laws instead of requests ---

MEAN_S, SERVERS, RATE_RPS = (0.30, 0.18), (3, 2), 7.0  # loads 0.70 and 0.63
FIRST, LAST = 100, 350  # requests that count in a replication
STATISTICS = ("mean wait 1", "mean wait 2", "mean latency", "p90 latency", "share that waits", "last latency")


def replication(start_s: np.ndarray, end_s: np.ndarray, enqueue_s: np.ndarray) -> list[float]:
    """The STATISTICS of one replication, from arrays (2, n)."""
    wait_s, latency_s = (start_s - enqueue_s)[:, FIRST:LAST], (end_s[-1] - enqueue_s[0])[FIRST:LAST]
    summary = (*wait_s.mean(axis=1), latency_s.mean(), np.quantile(latency_s, 0.9), (wait_s[0] > 1e-9).mean())
    return [float(value) for value in (*summary, latency_s[-1])]


def ciw_law(law: str, mean_s: float) -> ciw.dists.Distribution:
    sigma = math.sqrt(math.log1p(0.8**2))
    laws = {
        "deterministic": lambda: ciw.dists.Deterministic(mean_s),
        "lognormal": lambda: ciw.dists.Lognormal(math.log(mean_s) - sigma**2 / 2, sigma),
        "exponential": lambda: ciw.dists.Exponential(1 / mean_s),
    }
    return laws[law]()


@cache
def ciw_replications(law: str, count: int = 160) -> np.ndarray:
    """(count, statistics) of Ciw under its own streams."""
    rows = []
    for seed in range(count):
        laws = [ciw_law(law, mean_s) for mean_s in MEAN_S]
        run = run_random(laws, servers=SERVERS, rate_rps=RATE_RPS, n_requests=LAST, seed=seed)
        rows.append(replication(run.start_s, run.end_s, run.enqueue_s))
    return np.array(rows)


def our_replications(law: str, *, slower: float = 1.0, count: int = 600) -> np.ndarray:
    """(count, statistics) of our simulator; ``slower`` multiplies its service times."""
    what = pipeline(*[(constant(mean_s),) for mean_s in MEAN_S], drop_s=math.inf)
    decision = choose(*[(0, 1, servers) for servers in SERVERS])
    options = {"record": True, "interval_s": 1e5, "service_scale": slower} | LAWS[law]
    simulator, rows = Simulator(what, **options), []
    for seed in range(count):
        simulator.reset(decision, seed=seed)
        simulator.step(decision, np.cumsum(np.random.default_rng(seed).exponential(1 / RATE_RPS, LAST + 50)))
        records = simulator.records()
        rows.append(replication(records.start_s, records.end_s, records.enqueue_s))
    return np.array(rows)


def distances(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Difference of the means in standard errors, and that standard error over the mean; one a statistic."""
    error = np.sqrt(sum(rows.var(axis=0, ddof=1) / len(rows) for rows in (ours, theirs)))
    return (ours.mean(axis=0) - theirs.mean(axis=0)) / error, error / theirs.mean(axis=0)


@pytest.mark.parametrize("law", LAWS)
def test_waits_and_latencies_have_ciws_law_under_own_random_streams(law: str) -> None:
    ours, theirs = our_replications(law), ciw_replications(law)
    difference, relative_error = distances(ours, theirs)
    assert (relative_error < 0.07).all(), dict(zip(STATISTICS, relative_error, strict=True))
    assert (abs(difference) < 4.0).all(), dict(zip(STATISTICS, difference, strict=True))
    for column, name in enumerate(STATISTICS):  # 6e-5: what 4 standard errors are for a normal law
        assert ks_2samp(ours[:, column], theirs[:, column]).pvalue > 6e-5, name


@pytest.mark.parametrize("law", LAWS)
def test_the_comparison_of_laws_would_notice_services_a_tenth_longer(law: str) -> None:
    difference, _ = distances(our_replications(law, slower=1.1), ciw_replications(law))
    assert (difference[:5] > 4.0).all()


@pytest.mark.parametrize("law", ["lognormal", "exponential"])
def test_service_factors_have_ciws_law(law: str) -> None:
    n = 20_000  # far apart, one replica: independent draws
    what = pipeline((constant(1.0),), drop_s=math.inf)
    simulator = Simulator(what, record=True, interval_s=1e9, **LAWS[law])  # type: ignore[arg-type]  # by name
    simulator.reset(choose((0, 1, 1)), seed=8)
    simulator.step(choose((0, 1, 1)), 1024.0 * np.arange(n))
    records = simulator.records()
    ciw.seed(8)
    theirs = ciw_law(law, 1.0)
    factors = records.end_s[0] - records.start_s[0]
    assert ks_2samp(factors, [theirs.sample() for _ in range(n)]).pvalue > 6e-5
