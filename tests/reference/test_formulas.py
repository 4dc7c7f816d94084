"""The formulas that the simulator is compared with, each checked by a second derivation or a published number."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference import formulas

LOADS = (0.3, 0.6, 0.9)


def test_erlang_c_gives_the_textbook_values() -> None:
    assert formulas.erlang_c(0.7, 1) == pytest.approx(0.7)
    assert formulas.erlang_c(1.0, 2) == pytest.approx(1 / 3)
    assert formulas.erlang_c(2.0, 3) == pytest.approx(4 / 9)
    assert formulas.erlang_c(4.0, 5) == pytest.approx(0.5541, abs=5e-5)


@pytest.mark.parametrize("servers", [1, 2, 5, 20])
def test_mmc_numbers_sum_to_one_and_obey_little(servers: int) -> None:
    rate_rps = 0.8 * servers
    theory = formulas.mmc(rate_rps, service_s=1.0, servers=servers)
    assert theory.inside is not None
    assert theory.inside.sum() == pytest.approx(1.0)
    assert theory.inside[servers:].sum() == pytest.approx(theory.p_wait)
    assert (np.arange(len(theory.waiting)) * theory.waiting).sum() == pytest.approx(rate_rps * theory.mean_wait_s)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [1, 2, 5, 20])
def test_crommelins_chain_and_the_random_walk_agree(servers: int, load: float) -> None:
    theory = formulas.mdc(load * servers / 0.5, service_s=0.5, servers=servers)
    mean_wait_s, p_wait = formulas.mdc_by_random_walk(load * servers / 0.5, service_s=0.5, servers=servers)
    assert theory.mean_wait_s == pytest.approx(mean_wait_s, rel=1e-6)
    assert theory.p_wait == pytest.approx(p_wait, rel=1e-6)
    assert theory.wait_tail is not None
    assert theory.wait_tail(0.0) == pytest.approx(p_wait, rel=1e-6)
    step_s = 0.01 / servers  # the mean is the integral of the tail
    integral_s = step_s * sum(theory.wait_tail((i + 0.5) * step_s) for i in range(int(300 / (1 - load))))
    assert integral_s == pytest.approx(mean_wait_s, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("load", LOADS)
def test_md1_agrees_with_erlangs_and_pollaczeks_closed_forms(load: float) -> None:
    theory = formulas.mdc(load / 0.5, service_s=0.5, servers=1)
    assert theory.inside is not None
    assert theory.wait_tail is not None
    np.testing.assert_allclose(theory.inside[:12], formulas.md1_inside(load, 12), rtol=1e-7, atol=1e-12)
    assert theory.mean_wait_s == pytest.approx(load * 0.5 / (2 * (1 - load)))
    for t in (0.0, 0.2, 0.7, 1.9):
        assert theory.wait_tail(t) == pytest.approx(formulas.md1_wait_tail(t, rate_rps=load / 0.5, service_s=0.5))


@pytest.mark.parametrize("load", LOADS)
def test_lognormal_service_tends_to_md1_and_obeys_little(load: float) -> None:
    narrow = formulas.mg1_lognormal(load / 0.5, service_s=0.5, service_cv=1e-3)
    exact = formulas.mdc(load / 0.5, service_s=0.5, servers=1)
    assert narrow.inside is not None
    assert exact.inside is not None
    np.testing.assert_allclose(narrow.inside[:40], exact.inside[:40], rtol=1e-3, atol=1e-9)
    wide = formulas.mg1_lognormal(load / 0.5, service_s=0.5, service_cv=0.5)
    queue = (np.arange(len(wide.waiting)) * wide.waiting).sum()
    assert queue == pytest.approx(load / 0.5 * wide.mean_wait_s, rel=1e-6)  # the chain's mean is Pollaczek's


@pytest.mark.parametrize("load", LOADS)
def test_bulk_service_of_one_is_md1(load: float) -> None:
    bulk = formulas.bulk_deterministic(load / 0.5, service_s=np.array([0.5]))
    single = formulas.mdc(load / 0.5, service_s=0.5, servers=1)
    assert bulk.inside is not None
    assert single.inside is not None
    assert bulk.mean_wait_s == pytest.approx(single.mean_wait_s)
    assert bulk.p_wait == pytest.approx(load)
    np.testing.assert_allclose(bulk.inside, single.inside, atol=1e-12)


@pytest.mark.parametrize("at_least", [1, 4])
@pytest.mark.parametrize("load", [0.3, 0.8])
def test_bulk_service_agrees_with_a_walk_over_single_requests(load: float, at_least: int) -> None:
    service_s = np.array([1.0, 1.2, 1.4, 1.6])
    rate_rps = load * 4 / 1.6
    theory = formulas.bulk_deterministic(rate_rps, service_s=service_s, at_least=at_least)
    rng = np.random.default_rng(3)
    arrival_s = np.cumsum(rng.exponential(1 / rate_rps, 200_000)).tolist()
    waits_s, first, free_s = [], 0, 0.0
    while first + 4 <= len(arrival_s):  # the batch that begins with request `first`, straight from the rule
        free_s = max(free_s, arrival_s[first + at_least - 1])
        size = sum(arrival_s[first + i] <= free_s for i in range(4))
        waits_s += [free_s - arrival_s[first + i] for i in range(size)]
        free_s += service_s[size - 1]
        first += size
    batches = np.array(waits_s[: 100 * (len(waits_s) // 100)]).reshape(100, -1).mean(axis=1)
    error_s = batches.std(ddof=1) / 10
    assert error_s < 0.02 * theory.mean_wait_s
    assert abs(batches.mean() - theory.mean_wait_s) < 4 * error_s


def test_exponential_bulk_service_of_one_is_mm1() -> None:
    bulk = formulas.bulk_exponential(0.8, service_s=1.0, batch=1)
    single = formulas.mmc(0.8, service_s=1.0, servers=1)
    assert bulk.mean_wait_s == pytest.approx(single.mean_wait_s)
    assert bulk.p_wait == pytest.approx(0.8)
    np.testing.assert_allclose(bulk.waiting[:400], single.waiting[:400], atol=1e-12)


def test_burkes_probability_of_two_zero_waits_in_equal_stations() -> None:
    assert formulas.both_waits_zero(0.5, first_service_s=1.0, second_service_s=1.0) == pytest.approx(1 / 3)  # not 1/4
