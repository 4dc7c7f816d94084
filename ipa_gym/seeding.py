"""Counter-based random numbers: a pure function of (seed, stream, counter), compiled by numba.

Arrivals and service noise are drawn from here, so that what a request meets depends on the seed and on its own
number alone, never on what a policy did before. SplitMix64's finaliser (Steele, Lea & Flood 2014) mixes the words.
No hidden state, nothing from `np.random`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53


@njit(cache=True, inline="always")
def _mix(word):
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    return word ^ (word >> np.uint64(31))


@njit(cache=True)
def hash_words(seed, stream, counter):
    """Mix three uint64 words into one uint64; equal inputs give equal outputs on every platform."""
    word = _mix(np.uint64(seed) + _GOLDEN)
    word = _mix(word ^ (np.uint64(stream) * _MIX_1 + _GOLDEN))
    return _mix(word ^ (np.uint64(counter) * _MIX_2 + _GOLDEN))


@njit(cache=True)
def uniform(key, index):
    """Number ``index`` of the uniform stream ``key`` (uint64), a float64 in [0, 1)."""
    word = _mix(np.uint64(key) + (np.uint64(index) + np.uint64(1)) * _GOLDEN)
    return np.float64(word >> np.uint64(11)) * _TO_UNIT


@njit(cache=True)
def standard_normal(key):
    """One standard normal from the stream ``key`` by the Box-Muller transform of its first two uniforms."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, 0)))
    return radius * math.cos(2.0 * math.pi * uniform(key, 1))


@njit(cache=True)
def standard_exponential(key):
    """One exponential of mean 1, above 0, from the first uniform of the stream ``key`` by inversion."""
    return -math.log1p(-max(uniform(key, 0), _TO_UNIT / 2))
