"""Laws, state and refusals of the simulator."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.pipeline import Configuration, Variant
from ipa_gym.queueing import Simulator
from ipa_gym.queueing.quantile import MOST_KEPT, latency_quantiles, quantile_in_place
from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline, started, step

TWO = pipeline((FAST, SLOW), (SLOW, FAST), drop_s=6.0)


def random_step(rng: np.random.Generator, clock_s: float) -> tuple[Configuration, np.ndarray]:
    decision = choose(*[tuple(int(rng.integers(*b)) for b in ((0, 2), (1, 5), (1, 11))) for _ in range(2)])
    return decision, clock_s + np.sort(rng.uniform(0, 10, rng.poisson(40)))


@pytest.mark.parametrize("seed", range(20))
def test_requests_are_conserved_at_every_step_under_random_decisions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    simulator = started(TWO, choose((0, 1, 1), (0, 1, 1)), service_cv=1.0)
    for _ in range(30):
        outcome = simulator.step(*random_step(rng, simulator.clock_s))
        fate = simulator.records().fate
        assert simulator.n_completed + simulator.n_dropped + simulator.n_inside == simulator.n_arrived
        assert [int((fate == kind).sum()) for kind in range(3)] == [
            simulator.n_inside,
            simulator.n_completed,
            simulator.n_dropped,
        ]
        assert outcome.dropped == outcome.dropped_at.sum()
        assert outcome.completed == len(outcome.latency_s)


def test_restored_state_continues_bit_for_bit_through_a_pickle() -> None:
    rng = np.random.default_rng(7)
    original = started(TWO, choose((0, 1, 1), (0, 1, 1)), service_cv=0.7)
    for _ in range(5):
        original.step(*random_step(rng, original.clock_s))
    other = Simulator(TWO, record=True, service_cv=0.7)
    saved, arrived = original.get_state(), original.n_arrived
    other.set_state(pickle.loads(pickle.dumps(saved)))
    for _ in range(10):
        decision, arrivals = random_step(rng, original.clock_s)
        assert repr(original.step(decision, arrivals)) == repr(other.step(decision, arrivals))
    np.testing.assert_array_equal(original.records().left_s, other.records().left_s)
    for _ in range(2):  # the copy moves neither with the original nor with the one that took it over
        other.set_state(saved)
        assert other.n_arrived == other.n_completed + other.n_dropped + other.n_inside == arrived < original.n_arrived
        other.step(*random_step(rng, other.clock_s))


def test_same_seed_same_world_and_another_seed_another() -> None:
    def latencies(seed: int) -> list[float]:
        simulator = Simulator(TWO, service_cv=0.5)
        simulator.reset(choose((0, 1, 2), (1, 1, 2)), seed=seed)
        return step(simulator, choose((0, 1, 2), (1, 1, 2)), 0.0, 1.0, 2.0).latency_s.tolist()

    assert latencies(3) == latencies(3) != latencies(4)


def test_policy_cannot_change_the_factor_of_a_request_served_alone() -> None:
    def service_s(replicas: int) -> list[float]:
        simulator = Simulator(pipeline((FAST,)), service_cv=0.5, record=True)
        simulator.reset(choose((0, 1, replicas)), seed=3)
        step(simulator, choose((0, 1, replicas)), 0.0, 0.1, 0.2)
        records = simulator.records()
        return (records.end_s[0] - records.start_s[0]).tolist()

    assert service_s(1) == pytest.approx(service_s(3), abs=1e-12)


def test_service_factor_has_mean_one_and_the_given_variation() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 10)), service_cv=0.5, interval_s=1e6)
    step(simulator, choose((0, 1, 10)), *np.arange(40_000.0))
    records = simulator.records()
    factor = records.end_s[0] - records.start_s[0]  # l(1) = 1 s
    assert abs(factor.mean() - 1.0) < 4 * 0.5 / math.sqrt(40_000)
    assert abs(factor.std() - 0.5) < 0.03


def test_exponential_service_has_the_mean_and_the_tail_of_its_law() -> None:
    simulator = Simulator(pipeline((FAST,)), service_law="exponential", record=True, interval_s=1e6)
    simulator.reset(choose((0, 1, 10)), seed=5)
    step(simulator, choose((0, 1, 10)), *np.arange(40_000.0))
    factor = simulator.records().end_s[0] - simulator.records().start_s[0]  # l(1) = 1 s
    assert abs(factor.mean() - 1.0) < 4 / math.sqrt(40_000)
    for limit in (0.5, 1.0, 3.0):
        expected = math.exp(-limit)
        error = math.sqrt(expected * (1 - expected) / 40_000)
        assert abs((factor > limit).mean() - expected) < 4 * error


def test_exponential_service_refuses_a_variation_and_a_wrong_name() -> None:
    with pytest.raises(OptionError, match="service_cv is"):
        Simulator(TWO, service_law="exponential", service_cv=0.5)
    with pytest.raises(UnknownNameError, match="exponential"):
        Simulator(TWO, service_law="exponentiall")  # type: ignore[arg-type]  # a wrong name


@pytest.mark.parametrize("seed", range(5))
def test_replica_records_add_up_to_the_cost_and_bound_the_batches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    simulator = started(TWO, choose((0, 1, 1), (0, 1, 1)), service_cv=0.7)
    cost, requests = 0.0, 0
    for _ in range(30):
        decision, arrivals = random_step(rng, simulator.clock_s)
        cost += simulator.step(decision, arrivals).core_seconds
        requests += len(arrivals)
    records, paid = simulator.records(), 0.0
    for stage, fleet in enumerate(records.replicas):
        cores = np.array([variant.cores for variant in TWO.stages[stage].variants])
        until = np.fmin(fleet.gone_s, simulator.clock_s)
        paid += float((cores[fleet.variant] * (until - fleet.started_s)).sum())
        served = records.replica[stage] >= 0
        by = records.replica[stage, served]
        assert served.sum() > requests / 4
        assert (records.start_s[stage, served] >= fleet.joined_s[by]).all()
        told = ~np.isnan(fleet.told_s[by])
        assert (records.start_s[stage, served][told] <= fleet.told_s[by][told]).all()
        assert not (records.end_s[stage, served] > fleet.gone_s[by]).any()
        for slot in range(fleet.slot.max() + 1):  # a slot holds one replica at a time
            held = fleet.slot == slot
            assert (fleet.started_s[held][1:] >= fleet.gone_s[held][:-1]).all()
    assert paid == pytest.approx(cost, rel=1e-9)


def mean_wait_s(*, rate_rps: float, service_s: float, seed: int) -> float:
    """Mean wait in the queue of an M/D/1 station, 1,000 s after 100 s of warm-up."""
    constant = Variant("constant", 50.0, 1.0, 0.0, (1, 2, 4), (service_s,) * 3)
    simulator = started(pipeline((constant,), timeout_s=0.0), choose((0, 1, 1)), interval_s=1100.0)
    gaps = np.random.default_rng(seed).exponential(1 / rate_rps, int(1300 * rate_rps))
    times = np.cumsum(gaps)
    simulator.step(choose((0, 1, 1)), times[times < 1100.0])
    records = simulator.records()
    waits = (records.start_s[0] - records.enqueue_s[0])[records.arrival_s > 100.0]
    return float(np.nanmean(waits))


def test_mean_wait_matches_pollaczek_khinchine() -> None:
    waits_s = np.array([mean_wait_s(rate_rps=8.0, service_s=0.1, seed=seed) for seed in range(40)])
    error_s = waits_s.std(ddof=1) / np.sqrt(len(waits_s))
    assert error_s < 0.005
    assert abs(waits_s.mean() - 0.2) < 4 * error_s  # load 0.8: 0.8 · 0.1 / (2 · 0.2) = 0.2 s


@pytest.mark.parametrize("size", [1, 2, 3, 10, 31, 32, 33, 70, 101, 200, 280, 500, 3300])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.95, 0.99, 1.0])
def test_quantile_equals_numpys(size: int, fraction: float) -> None:
    kept = np.empty(MOST_KEPT)
    for seed in range(20):
        values = np.random.default_rng(seed).integers(0, size, size) / 8
        found = quantile_in_place(values.copy(), np.uint64(size), fraction, kept)
        assert found == pytest.approx(np.quantile(values, fraction))


@pytest.mark.parametrize("size", [*range(1, 40), 320, 321, 640, 641, 642, 660, 1000, 3200, 3201, 3300, 10_000])
def test_latency_quantiles_equal_numpys_and_need_the_values_alone(size: int) -> None:
    kept = np.empty(MOST_KEPT)
    for seed in range(10):
        rng = np.random.default_rng([size, seed])
        values = rng.permutation(np.arange(size, dtype=float)) if seed % 2 else rng.integers(0, 4, size) / 8
        place_s = np.concatenate([values, [np.inf, -np.inf, np.nan]])  # what stands behind them is not theirs
        found = latency_quantiles(place_s, np.uint64(size), kept)
        assert found == pytest.approx(np.quantile(values, (0.5, 0.95, 0.99)).tolist(), rel=1e-12)


def test_quantiles_of_nothing_are_nan() -> None:
    nothing, kept = np.empty(0), np.empty(MOST_KEPT)
    assert math.isnan(quantile_in_place(nothing, np.uint64(0), 0.5, kept))
    assert np.isnan(latency_quantiles(nothing, np.uint64(0), kept)).all()


def test_long_overload_without_drops_keeps_every_request() -> None:
    simulator = started(pipeline((FAST,), drop_s=math.inf), choose((0, 1, 1)))
    for k in range(50):
        step(simulator, choose((0, 1, 1)), *(10.0 * k + np.arange(100) / 10))
    assert (simulator.n_arrived, simulator.n_completed) == (5000, 499)
    assert simulator.n_inside == 4501
    waiting = simulator.records().start_s[0]
    np.testing.assert_array_equal(waiting[:500], np.arange(500.0))


@pytest.mark.parametrize(
    ("decision", "arrivals", "words"),
    [
        (choose((0, 1, 1)), [], "1 stages"),
        (choose((2, 1, 1), (0, 1, 1)), [], "variant 2"),
        (choose((0, 8, 1), (0, 1, 1)), [], "batch 1 to 4"),
        (choose((0, 1, 0), (0, 1, 1)), [], "replicas 1 to 10"),
        (choose((0, 1, 1), (0, 1, 1)), [2.0, 1.0], "sorted"),
        (choose((0, 1, 1), (0, 1, 1)), [10.0], "10.0"),
        (choose((0, 1, 1), (0, 1, 1)), [math.nan], "nan"),
    ],
)
def test_unusable_input_is_refused_in_words(decision: Configuration, arrivals: list[float], words: str) -> None:
    simulator = started(TWO, choose((0, 1, 1), (0, 1, 1)))
    with pytest.raises(OptionError, match=words):
        step(simulator, decision, *arrivals)
    assert simulator.clock_s == 0.0


@pytest.mark.parametrize("option", ["interval_s", "service_cv", "service_scale", "startup_scale"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_unusable_option_is_named(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=option):
        Simulator(TWO, **{option: value})  # type: ignore[arg-type]  # floats only


def test_step_before_reset_and_records_unasked_are_refused() -> None:
    simulator = Simulator(TWO)
    with pytest.raises(OptionError, match="reset"):
        step(simulator, choose((0, 1, 1), (0, 1, 1)))
    with pytest.raises(OptionError, match="record=True"):
        simulator.records()
