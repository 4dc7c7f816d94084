"""One station in steady state against queueing theory: waits, queue lengths, probability of waiting.

Each expectation is within four standard errors of the mean over independent replications, and the standard error is
bounded, so that a wrong model cannot hide in noise. `make theory` draws the same comparison over many loads.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.queueing import theory_cases as cases
from tests.queueing.stations import Estimate, Sample, Station, Tandem, sample_station, time_at_level
from tests.reference import formulas

REPLICATIONS, REQUESTS = 40, 50_000
LEVELS = 30
RELATIVE_ERROR = 0.02  # largest standard error of a mean wait or a probability, over the expectation
LEVEL_ERROR = 0.003  # largest standard error of a level's share of the time
TAIL_ERROR = 0.004  # and of the share of requests that wait longer than a given time

EXPONENTIAL = [cases.mmc(c, load) for c in (1, 2, 5) for load in (0.6, 0.85)] + [cases.mmc(20, 0.8)]
DETERMINISTIC = [cases.mdc(c, load) for c in (1, 2, 5) for load in (0.6, 0.9)] + [cases.mdc(20, 0.8)]
LOGNORMAL = [*(cases.lognormal(0.5, load) for load in (0.6, 0.9)), *(cases.lognormal(2.0, load) for load in (0.2, 0.4))]
BULK = [
    *(cases.bulk_affine(4, load) for load in (0.3, 0.6, 0.9)),
    *(cases.bulk_affine(b, 0.9) for b in (2, 16)),
    *(cases.bulk_constant(8, load) for load in (0.3, 0.6, 0.9)),
    *(cases.bulk_full(4, load) for load in (0.3, 0.9)),
    *(cases.bulk_exponential(4, load) for load in (0.6, 0.8)),
]
EVERY = EXPONENTIAL + DETERMINISTIC + LOGNORMAL + BULK
WITH_TAIL = [case for case in EVERY if case.theory.wait_tail is not None]


@cache
def sampled(index: int) -> list[Sample]:
    """Replications of ``EVERY[index]``, run once for the tests that read different things off them."""
    case = EVERY[index]
    tail_at_s = [quantile * case.theory.mean_wait_s for quantile in (0.5, 1.0, 3.0)]
    requests = REQUESTS * (2 if case.tandem.stations[0].servers > 5 else 1)  # few of them wait
    return sample_station(case.tandem, requests=requests, n=REPLICATIONS, levels=LEVELS, tail_at_s=tail_at_s)


def samples_of(case: cases.Case) -> list[Sample]:
    return sampled(EVERY.index(case))


@pytest.mark.parametrize("case", EVERY, ids=str)
def test_mean_wait_is_theorys(case: cases.Case) -> None:
    wait_s = Estimate.of([sample.mean_wait_s for sample in samples_of(case)])
    assert wait_s.error < RELATIVE_ERROR * case.theory.mean_wait_s
    assert wait_s.agrees(case.theory.mean_wait_s)


@pytest.mark.parametrize("case", EVERY, ids=str)
def test_probability_of_waiting_is_theorys(case: cases.Case) -> None:
    p_wait = Estimate.of([sample.p_wait for sample in samples_of(case)])
    assert p_wait.error < RELATIVE_ERROR * case.theory.p_wait
    assert p_wait.agrees(case.theory.p_wait)


@pytest.mark.parametrize("case", EVERY, ids=str)
def test_time_with_each_number_waiting_is_theorys(case: cases.Case) -> None:
    expected = case.theory.waiting[:LEVELS]
    seen = expected > 1e-3
    share = Estimate.of([sample.waiting[seen] for sample in samples_of(case)])
    assert seen.sum() >= 3
    assert (share.error < LEVEL_ERROR).all()
    assert share.agrees(expected[seen])


@pytest.mark.parametrize("case", [case for case in EVERY if case.theory.inside is not None], ids=str)
def test_time_with_each_number_inside_is_theorys(case: cases.Case) -> None:
    assert case.theory.inside is not None
    expected = case.theory.inside[:LEVELS]
    seen = expected > 1e-3
    share = Estimate.of([sample.inside[seen] for sample in samples_of(case)])
    assert seen.sum() >= 4
    assert (share.error < LEVEL_ERROR).all()
    assert share.agrees(expected[seen])


@pytest.mark.parametrize("case", WITH_TAIL, ids=str)
def test_share_of_requests_that_wait_longer_is_theorys(case: cases.Case) -> None:
    assert case.theory.wait_tail is not None
    tail = Estimate.of([sample.wait_tail for sample in samples_of(case)])
    assert (tail.error < TAIL_ERROR).all()
    assert tail.agrees([case.theory.wait_tail(factor * case.theory.mean_wait_s) for factor in (0.5, 1.0, 3.0)])


@pytest.mark.parametrize("servers", [1, 5])
def test_nine_in_ten_wait_no_longer_than_erlangs_quantile(servers: int) -> None:
    case = cases.mmc(servers, 0.8)
    quantile_s = formulas.mmc_wait_quantile_s(
        0.9, rate_rps=case.tandem.rate_rps, service_s=cases.SERVICE_S, servers=servers
    )
    samples = sample_station(case.tandem, requests=REQUESTS, n=REPLICATIONS, tail_at_s=[quantile_s])
    longer = Estimate.of([sample.wait_tail[0] for sample in samples])
    assert longer.error < TAIL_ERROR
    assert longer.agrees(0.1)


@pytest.mark.parametrize(("change", "value"), [("latency", 0.102), ("servers", 3), ("cv", 0.3)])
def test_the_bound_notices_a_station_that_is_a_little_different(change: str, value: float) -> None:
    """2 % slower, one server of two more, or some spread, against M/D/2 at load 0.85."""
    case = cases.mdc(2, 0.85)
    other = Tandem(
        (Station((value if change == "latency" else 0.1,), int(value) if change == "servers" else 2),),
        case.tandem.rate_rps,
        service_cv=value if change == "cv" else 0.0,
    )
    samples = sample_station(other, requests=REQUESTS, n=REPLICATIONS)
    assert not Estimate.of([sample.mean_wait_s for sample in samples]).agrees(case.theory.mean_wait_s)


def test_time_at_level_of_three_requests_by_hand() -> None:
    """Present: one from 1 to 4, one from 2 to 3, one from 6 on; seen from 0 to 8: 0 for 3 s, 1 for 4 s, 2 for 1 s."""
    shares = time_at_level(np.array([1.0, 2.0, 6.0]), np.array([4.0, 3.0, np.nan]), begin_s=0.0, stop_s=8.0, levels=4)
    np.testing.assert_array_equal(shares, np.array([3.0, 4.0, 1.0, 0.0]) / 8.0)
