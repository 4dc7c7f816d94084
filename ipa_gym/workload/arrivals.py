"""Arrival processes: per-second counts in, sorted arrival times out, as a pure function of (seed, second).

Second k of an episode draws from keys of its own, one for the number of requests and one for their times, so any
chunking of a window gives the same floats and nothing a policy does can shift the traffic. The functions named
``fill_*`` are compiled, take arrays only and may be called from a kernel; the others check their arguments and wrap
them. Where the counts come from: `ipa_gym.workload.loading`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ipa_gym.compiling import compiled
from ipa_gym.errors import TraceError, unknown_name
from ipa_gym.seeding import hash_words, uniform

ArrivalKind = Literal["poisson", "exact", "even"]
POISSON, EXACT, EVEN = 0, 1, 2
ARRIVAL_KINDS: Mapping[str, int] = {"poisson": POISSON, "exact": EXACT, "even": EVEN}  # name -> code in the kernels
ARRIVAL_COUNT_STREAM = 0x41525243  # key of second k's number of requests
ARRIVAL_TIME_STREAM = 0x41525254  # key of second k's times
_CHUNK_MEAN = 16.0  # a Poisson mean above it is a sum of independent parts: exp(-16) keeps full precision
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_FEW = np.uint64(40)  # requests of a second that are sorted by comparing all pairs
_CHUNK_TOP = 208  # P(Poisson(16) > 208) < 1e-140: ends the walk where rounding keeps the sum of terms below u
_WALKED = 16  # numbers that are compared with u at once


def _distribution_functions() -> NDArray[np.float64]:
    """Row m: the Poisson distribution function of mean m, by the recursion of `_poisson_part` to the last bit."""
    rows = np.ones((int(_CHUNK_MEAN) + 1, _CHUNK_TOP))
    for mean in range(len(rows)):
        term = below = math.exp(-float(mean))
        rows[mean, 0] = below
        for number in range(1, _CHUNK_TOP):
            term *= mean / number
            below += term
            rows[mean, number] = below
    return rows


_BELOW = _distribution_functions()


@compiled
def _poisson_part(part, u):
    """The Poisson number of mean ``part`` whose distribution function first exceeds ``u``."""
    number, row = 0, np.uint64(part)
    if part == np.float64(row):
        while number < _CHUNK_TOP:
            below_u = 0
            for column in range(np.uint64(number), np.uint64(number + _WALKED)):
                below_u += u >= _BELOW[row, column]
            number += below_u
            if below_u < _WALKED:
                break
        return number
    term = math.exp(-part)
    below = term
    while u >= below and number < _CHUNK_TOP:
        number += 1
        term *= part / number
        below += term
    return number


@compiled
def poisson_count(mean, key):
    """One Poisson number by inversion, exact for any mean >= 0.

    A Poisson number of mean m is the sum of independent ones whose means add up to m. Parts of mean 16 at most take
    one uniform of the stream ``key`` (uint64) each and walk the distribution function: O(mean) steps.
    """
    total = 0
    index = 0
    left = mean
    while left > 0.0:
        part = min(left, _CHUNK_MEAN)
        left -= part
        total += _poisson_part(part, uniform(key, index))
        index += 1
    return total


@compiled
def fill_counts(
    counts,  # int64[k]   in, requests of each second in the trace, >= 0
    first_second,  # int64      number of the first of them in the episode
    seed,  # uint64
    kind,  # int64      POISSON, EXACT or EVEN
    realised,  # int64[k]   out, requests that arrive in each second
):
    """Draw the number of requests of k consecutive seconds (kind POISSON) or copy it; return their sum."""
    total = 0
    for i in range(counts.shape[0]):
        if kind == POISSON:
            key = hash_words(seed, np.uint64(ARRIVAL_COUNT_STREAM), np.uint64(first_second + i))
            realised[i] = poisson_count(float(counts[i]), key)
        else:
            realised[i] = counts[i]
        total += realised[i]
    return total


@compiled
def _sorted_few(key, second, number, arrival_s, first, rank, drawn_s):
    """Write a second's uniform times to places ``first``, ..., each to the place that its rank among them gives it.

    All pairs are compared, without a branch: for a few that is faster than any sort.
    """
    for j in range(number):
        drawn_s[j] = second + uniform(key, j)
        rank[j] = 0
    for i in range(number):
        before = 0
        for j in range(i):
            earlier = drawn_s[j] <= drawn_s[i]
            before += earlier
            rank[j] += not earlier
        rank[i] += before
    for j in range(number):
        arrival_s[first + np.uint64(rank[j])] = drawn_s[j]


@compiled
def _sorted_many(key, second, number, arrival_s, first, bucket, drawn):
    """Write a second's uniform times to places ``first``, ..., sorted: thrown into as many buckets, then by insertion.

    Linear in their number.
    """
    last, width = number - _ONE, np.float64(number)
    for j in range(number):
        bucket[j] = 0
    for j in range(number):
        drawn[j] = uniform(key, j)
        bucket[min(np.uint64(drawn[j] * width), last)] += 1
    total = 0
    for b in range(number):
        size = bucket[b]
        bucket[b] = total
        total += size
    for j in range(number):
        b = min(np.uint64(drawn[j] * width), last)
        arrival_s[first + np.uint64(bucket[b])] = second + drawn[j]
        bucket[b] += 1
    for place in range(first + _ONE, first + number):
        value, back = arrival_s[place], np.uint64(place)
        while back > first and arrival_s[back - _ONE] > value:
            arrival_s[back] = arrival_s[back - _ONE]
            back -= _ONE
        arrival_s[back] = value


@compiled
def fill_times(
    realised,  # int64[k]             in, requests of each second, >= 0
    first_second,  # int64                number of the first of them in the episode
    seed,  # uint64
    kind,  # int64                POISSON, EXACT or EVEN
    arrival_s,  # float64[>= sum]      out, sorted, seconds since episode start
    ranks,  # int64[>= most]       working space for the most requests of a second
    drawn,  # float64[>= most]     working space
):
    """Place each second's requests inside [second, second + 1), sorted; return how many were written.

    EVEN puts request i of c at second + (i + 1/2) / c; the other kinds draw uniform places.
    """
    written = 0
    for i in range(realised.shape[0]):
        second, number, first = float(first_second + i), np.uint64(realised[i]), np.uint64(written)
        if kind == EVEN:
            for j in range(number):
                arrival_s[first + j] = second + (j + 0.5) / number
        else:
            key = hash_words(seed, np.uint64(ARRIVAL_TIME_STREAM), np.uint64(first_second + i))
            if number <= _FEW:
                _sorted_few(key, second, number, arrival_s, first, ranks, drawn)
            else:
                _sorted_many(key, second, number, arrival_s, first, ranks, drawn)
        written += realised[i]
        place = np.uint64(written)
        while place > first and arrival_s[place - _ONE] >= second + 1.0:  # the sum was rounded up to the next second
            place -= _ONE
            arrival_s[place] = np.nextafter(second + 1.0, second)
    return written


@compiled
def fill_interval(
    realised,  # int64[n]             in, requests of each second of the episode
    seed,  # uint64
    kind,  # int64                POISSON, EXACT or EVEN
    start_s,  # float64
    stop_s,  # float64
    arrival_s,  # float64[>= enough]   out, sorted, seconds since episode start
    ranks,  # int64[>= enough]     working space
    drawn,  # float64[>= enough]   working space
):
    """Place the requests of [start_s, stop_s), whole seconds or not; return how many they are."""
    first, end = seconds_of(start_s, stop_s, realised.shape[0])
    written = fill_times(realised[first:end], first, seed, kind, arrival_s, ranks, drawn)
    if start_s == first and stop_s >= end:
        return written
    kept = 0
    for place in range(written):
        if start_s <= arrival_s[place] < stop_s:
            arrival_s[kept] = arrival_s[place]
            kept += 1
    return kept


@compiled
def seconds_of(start_s, stop_s, n_seconds):
    """The whole seconds [first, end) of an episode that [start_s, stop_s) touches."""
    return int(start_s), min(math.ceil(stop_s), n_seconds)


def realised_counts(
    counts: NDArray[np.int64], *, seed: int, kind: ArrivalKind, first_second: int = 0
) -> NDArray[np.int64]:
    """Requests that really arrive in each second of a window.

    Args:
        counts: integers (n_seconds,), the trace's requests in each second, >= 0.
        seed: 0 to 2^64 - 1; the same seed gives the same numbers.
        kind: ``poisson`` draws the number with the count as mean; ``exact`` and ``even`` keep the count.
        first_second: number of the window's first second in the episode, >= 0; parts of a window agree with the whole.
    Returns: int64 (n_seconds,), requests.
    Raises: TraceError on counts or numbers out of range; UnknownNameError on an unknown kind.
    """
    mean_counts = _checked_counts("counts", counts)
    realised = np.empty_like(mean_counts)
    fill_counts(mean_counts, _checked_second(first_second), _checked_seed(seed), _kind_code(kind), realised)
    return realised


def arrival_times(
    realised: NDArray[np.int64], *, first_second: int, seed: int, kind: ArrivalKind
) -> NDArray[np.float64]:
    """Times at which the requests of consecutive seconds arrive.

    Args:
        realised: integers (k,), requests of each second, from `realised_counts`.
        first_second: number of the first of them in the episode, >= 0.
        seed: 0 to 2^64 - 1, the seed given to `realised_counts`.
        kind: ``even`` places request i of c at second + (i + 1/2) / c, the others draw uniform places in the second.
    Returns: float64 (sum of realised,), seconds since episode start, sorted, inside [first_second, first_second + k).
    Raises: TraceError on counts or numbers out of range; UnknownNameError on an unknown kind.
    """
    numbers = _checked_counts("realised", realised)
    arrival_s = np.empty(int(numbers.sum()), dtype=np.float64)
    ranks, drawn = (np.empty(int(numbers.max(initial=0)), dtype=kind_of) for kind_of in (np.int64, np.float64))
    fill_times(numbers, _checked_second(first_second), _checked_seed(seed), _kind_code(kind), arrival_s, ranks, drawn)
    return arrival_s


def _checked_counts(name: str, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TraceError(
            f"{name} has shape {array.shape} and type {array.dtype}; expected integers of shape (n_seconds,)"
        )
    if array.size and int(array.min()) < 0:
        second = int(np.argmax(array < 0))
        raise TraceError(f"{name}[{second}] is {int(array[second])}; expected a number of requests, at least 0")
    return np.array(array, dtype=np.int64)


def _checked_second(first_second: int) -> int:
    if not 0 <= first_second < 2**53:
        raise TraceError(f"first_second is {first_second}; expected a whole number from 0")
    return int(first_second)


def _checked_seed(seed: int) -> np.uint64:
    if not 0 <= seed < 2**64:
        raise TraceError(f"seed is {seed}; expected a whole number from 0 to 2^64 - 1")
    return np.uint64(seed)


def _kind_code(kind: str) -> int:
    if kind not in ARRIVAL_KINDS:
        raise unknown_name("arrival kind", kind, ARRIVAL_KINDS)
    return ARRIVAL_KINDS[kind]
