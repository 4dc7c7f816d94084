"""Arrival processes: placement, chunking, and the law of the Poisson counts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipa_gym.errors import TraceError, UnknownNameError
from ipa_gym.seeding import hash_words, uniform
from ipa_gym.workload.arrivals import (
    ARRIVAL_KINDS,
    ARRIVAL_TIME_STREAM,
    arrival_times,
    fill_interval,
    poisson_count,
    realised_counts,
)

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=30)
KINDS = st.sampled_from(sorted(ARRIVAL_KINDS))


def test_even_puts_requests_at_the_middles_of_equal_parts() -> None:
    times = arrival_times(np.array([2, 0, 4]), first_second=10, seed=1, kind="even")
    assert times.tolist() == [10.25, 10.75, 12.125, 12.375, 12.625, 12.875]


def test_exact_and_even_keep_the_counts() -> None:
    counts = np.array([3, 0, 17])
    for kind in ("exact", "even"):
        assert realised_counts(counts, seed=5, kind=kind).tolist() == [3, 0, 17]  # type: ignore[arg-type]


@settings(deadline=None)  # the first example may compile
@given(counts=COUNTS, seed=st.integers(0, 2**64 - 1), kind=KINDS, data=st.data())
def test_any_chunking_gives_the_same_floats(counts: list[int], seed: int, kind: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(counts)))
    array = np.array(counts)
    whole = realised_counts(array, seed=seed, kind=kind)  # type: ignore[arg-type]
    tail = realised_counts(array[cut:], seed=seed, kind=kind, first_second=cut)  # type: ignore[arg-type]
    assert tail.tolist() == whole[cut:].tolist()
    times = arrival_times(whole, first_second=0, seed=seed, kind=kind)  # type: ignore[arg-type]
    parts = [
        arrival_times(part, first_second=first, seed=seed, kind=kind)  # type: ignore[arg-type]
        for part, first in ((whole[:cut], 0), (whole[cut:], cut))
    ]
    assert np.concatenate(parts).tolist() == times.tolist()


@settings(deadline=None)  # the first example may compile
@given(counts=COUNTS, first=st.integers(0, 2**40), seed=st.integers(0, 2**64 - 1), kind=KINDS)
def test_times_are_sorted_and_stay_in_their_second(counts: list[int], first: int, seed: int, kind: str) -> None:
    times = arrival_times(np.array(counts), first_second=first, seed=seed, kind=kind)  # type: ignore[arg-type]
    assert np.all(np.diff(times) >= 0)
    assert np.bincount((np.floor(times) - first).astype(int), minlength=len(counts)).tolist() == counts


def uniforms(seed: int, second: int, number: int) -> list[float]:
    """The places of a second's requests, drawn one by one."""
    key = np.uint64(hash_words(np.uint64(seed), np.uint64(ARRIVAL_TIME_STREAM), np.uint64(second)))
    return [uniform(key, index) for index in range(number)]


@pytest.mark.parametrize("number", [1, 2, 31, 32, 33, 34, 100, 1000, 4099])  # how they are sorted depends on how many
def test_times_of_a_second_are_its_uniforms_in_order(number: int) -> None:
    for second in (0, 7, 1_000_003):
        times = arrival_times(np.array([number]), first_second=second, seed=2**63 + 5, kind="poisson")
        assert times.tolist() == sorted(second + place for place in uniforms(2**63 + 5, second, number))


def test_seconds_of_many_and_of_few_requests_stand_side_by_side() -> None:
    counts = np.array([3000, 0, 2, 33, 32, 5000, 1])
    times = arrival_times(counts, first_second=4, seed=9, kind="exact")
    expected = [4 + i + place for i, number in enumerate(counts.tolist()) for place in uniforms(9, 4 + i, number)]
    assert times.tolist() == sorted(expected)


@pytest.mark.parametrize("number", [5, 500])
def test_a_time_that_rounds_up_to_the_next_second_stays_in_its_own(number: int) -> None:
    """From 2^51 s on floats are half a second apart: every uniform above 3/4 would round up."""
    second = 2**51
    times = arrival_times(np.array([number, 1]), first_second=second, seed=1, kind="exact")
    rounded = [min(second + place, math.nextafter(second + 1.0, 0.0)) for place in uniforms(1, second, number)]
    assert times[:number].tolist() == sorted(rounded)
    assert max(uniforms(1, second, number)) > 0.75
    assert times[number] >= second + 1


@settings(deadline=None)  # the first example may compile
@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    cuts=st.lists(st.one_of(st.floats(0, 8), st.integers(0, 32).map(lambda n: n / 4)), max_size=12),
    seed=st.integers(0, 2**64 - 1),
    kind=KINDS,
)
def test_intervals_with_any_boundaries_lose_and_double_nothing(
    counts: list[int], cuts: list[float], seed: int, kind: str
) -> None:
    realised, room = np.array(counts), sum(counts)
    whole = arrival_times(realised, first_second=0, seed=seed, kind=kind)  # type: ignore[arg-type]
    bounds = [0.0, *sorted(cut for cut in cuts if cut < len(counts)), float(len(counts))]
    pieces: list[float] = []
    for start_s, stop_s in itertools.pairwise(bounds):
        arrival_s, ranks, drawn = np.full(room, np.nan), np.zeros(room, dtype=np.int64), np.zeros(room)
        code = ARRIVAL_KINDS[kind]
        number = fill_interval(realised, np.uint64(seed), code, start_s, stop_s, arrival_s, ranks, drawn)
        assert ((arrival_s[:number] >= start_s) & (arrival_s[:number] < stop_s)).all()
        pieces += arrival_s[:number].tolist()
    assert pieces == whole.tolist()


def test_a_request_at_a_boundary_belongs_to_the_interval_that_it_opens() -> None:
    arrival_s, ranks, drawn = np.zeros(3), np.zeros(3, dtype=np.int64), np.zeros(3)
    found = []
    for start_s in (0.0, 0.5, 1.0):  # one request at 0.5, three at 1 + 1/6, 1.5 and 1 + 5/6
        args = (np.array([1, 3]), np.uint64(0), ARRIVAL_KINDS["even"], start_s, start_s + 0.5, arrival_s, ranks, drawn)
        found.append(arrival_s[: fill_interval(*args)].tolist())
    assert found == [[], [0.5], [1 + 0.5 / 3]]


@pytest.mark.parametrize("mean", [0.0, 0.3, 1.0, 7.0, 15.5, 16.0, 16.5, 33.0, 160.0])
def test_poisson_number_is_the_first_whose_distribution_function_exceeds_the_uniform(mean: float) -> None:
    """Parts of 16 and one of the rest, each from a uniform of its own, summed from the definition."""
    from scipy.stats import poisson

    parts = [16.0] * int(mean // 16) + ([mean % 16] if mean % 16 else [])
    for number in range(400):
        key = np.uint64(hash_words(np.uint64(3), np.uint64(number), np.uint64(7)))
        expected = sum(int(poisson.ppf(uniform(key, index), part)) for index, part in enumerate(parts))
        assert poisson_count(mean, key) == expected


@pytest.mark.parametrize(("mean", "n_seconds"), [(1, 200_000), (16, 100_000), (17, 100_000), (3_000, 20_000)])
def test_poisson_numbers_have_the_counts_as_mean_and_variance(mean: int, n_seconds: int) -> None:
    drawn = realised_counts(np.full(n_seconds, mean), seed=11, kind="poisson")
    mean_error = math.sqrt(mean / n_seconds)
    variance_error = math.sqrt((mean + 2 * mean**2) / n_seconds)  # fourth moment of a Poisson number
    assert mean_error < 0.01 * max(mean, 10)
    assert abs(drawn.mean() - mean) < 4 * mean_error
    assert abs(drawn.var() - mean) < 4 * variance_error


def test_poisson_numbers_follow_the_distribution_at_a_split_mean() -> None:
    """Mean 20 is drawn as 16 + 4; the histogram must be that of Poisson(20)."""
    n_seconds = 100_000
    drawn = realised_counts(np.full(n_seconds, 20), seed=3, kind="poisson")
    for number in (8, 14, 20, 26, 32):
        share = math.exp(-20 + number * math.log(20) - math.lgamma(number + 1))
        error = math.sqrt(share * (1 - share) / n_seconds)
        assert abs(np.mean(drawn == number) - share) < 4 * error


def test_poisson_numbers_of_neighbouring_seconds_and_seeds_are_uncorrelated() -> None:
    counts = np.full(100_000, 9)
    one, other = (realised_counts(counts, seed=seed, kind="poisson") for seed in (1, 2))
    error = 1 / math.sqrt(len(counts))
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 4 * error
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 * error


def test_times_are_uniform_in_the_second_and_independent_of_the_number() -> None:
    counts = np.full(20_000, 10)
    drawn = realised_counts(counts, seed=7, kind="poisson")
    times = arrival_times(drawn, first_second=0, seed=7, kind="poisson")
    place = times - np.floor(times)
    error = math.sqrt(1 / 12 / len(place))
    assert abs(place.mean() - 0.5) < 4 * error
    second_mean = np.bincount(np.floor(times).astype(int), weights=place, minlength=20_000) / np.maximum(drawn, 1)
    used = drawn > 0
    assert abs(np.corrcoef(drawn[used], second_mean[used])[0, 1]) < 4 / math.sqrt(used.sum())


def test_another_seed_moves_the_requests() -> None:
    counts = np.full(50, 5)
    one, other = (arrival_times(counts, first_second=0, seed=seed, kind="exact") for seed in (1, 2))
    assert not np.isin(one, other).any()


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ([1, -2], {}, r"counts\[1\] is -2"),
        ([1.5], {}, "type float64"),
        ([[1]], {}, r"shape \(1, 1\)"),
        ([1], {"seed": -1}, "seed is -1"),
        ([1], {"first_second": -1}, "first_second is -1"),
    ],
)
def test_faults_are_named(counts: list[int], options: dict[str, int], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        realised_counts(np.array(counts), **({"seed": 1, "kind": "poisson"} | options))  # type: ignore[arg-type]


def test_an_unknown_kind_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'poisson'"):
        realised_counts(np.array([1]), seed=1, kind="posson")  # type: ignore[arg-type]
