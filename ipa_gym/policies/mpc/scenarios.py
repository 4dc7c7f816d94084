"""`Scenarios`: what may arrive in the next seconds, sampled around the smoothed load.

How far each sample lies from the level is spread evenly over its distribution instead of drawn, so that few samples
cover it; the requests of each second are Poisson numbers. The same decision of an episode always draws the same ones.
Next: `rollouts.py`.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.observation import HISTORY_BIN_S
from ipa_gym.queueing.state import Ints


class Arrivals(NamedTuple):
    """Sampled arrivals."""

    counts: Ints  # (n_samples, n_seconds), requests of each second
    seeds: NDArray[np.uint64]  # (n_samples,), of their places within the seconds


class Scenarios:
    """Samples of the load to come.

    The mean load of sample i at t seconds from now is level · exp(z_i σ_t − σ_t² / 2), z_i the (i + ½) / n quantile of
    the standard normal law, and σ_t² = noise + volatility² · t / 10: a geometric random walk around a level that is
    itself uncertain.

    Args:
        n_samples: how many.
        n_seconds: how far ahead.
        volatility: standard deviation of the logarithm of the mean load after 10 s.
        seed: of the draws, beside the number of the decision.
    """

    def __init__(self, n_samples: int, n_seconds: int, *, volatility: float, seed: int) -> None:
        self._seed, self._n_samples = seed, n_samples
        normal = NormalDist()
        self._z = np.array([normal.inv_cdf((i + 0.5) / n_samples) for i in range(n_samples)])[:, None]
        self._walk = volatility**2 * (np.arange(n_seconds) + 0.5)[None, :] / HISTORY_BIN_S

    def draw(self, level_rps: float, *, noise: float, decision: int) -> Arrivals:
        """The samples of one decision.

        Args:
            level_rps: mean load now.
            noise: variance of that level, as a part of its square.
            decision: number of the decision in the episode.
        """
        rng = np.random.default_rng([self._seed, decision])
        variance = self._walk + noise
        counts = rng.poisson(level_rps * np.exp(self._z * np.sqrt(variance) - 0.5 * variance))
        return Arrivals(counts, rng.integers(0, 2**63, self._n_samples, dtype=np.uint64))
