"""What the load was, from the observation: `mean_of_maximum`, `arrivals_of_interval`, `LoadMemory`.

The history in the observation holds maxima of ten Poisson seconds, which lie above the mean; how busy the first stage
was tells the number of requests itself. Next: `scenarios.py`, `reconstruction.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ipa_gym.observation import HISTORY_BIN_S, Observation, StageObservation
from ipa_gym.policies.mpc.starts import serving_times_s
from ipa_gym.queueing.state import Floats
from ipa_gym.workload.trace import HISTORY_S

_MEAN_OF_TEN = 1.53875  # expected maximum of ten standard normal numbers
_SKEW = (0.3443 + _MEAN_OF_TEN**2 - 1.0) / 6.0  # (E[z^2] - 1) / 6, z that maximum, of variance 0.3443
LEAST_RPS = 0.05  # a load that is planned for as good as none


def mean_of_maximum(maximum_rps: float) -> float:
    """The mean of Poisson seconds whose maximum over ten is this in expectation, requests/s.

    E[max] = m + 1.539 sqrt(m) + 0.285, solved for m: the Cornish-Fisher expansion of the Poisson law to its skewness,
    with the moments of the maximum of ten standard normal numbers. For means from 2 on it is within 2.5 %; for 0.5 it
    gives 0.45.
    Source: Fisher & Cornish (1960) for the expansion; Harter (1961) for the order statistics.
    """
    left = max(0.0, maximum_rps - _SKEW)
    root = 0.5 * (math.sqrt(_MEAN_OF_TEN**2 + 4.0 * left) - _MEAN_OF_TEN)
    return root * root


@dataclass(frozen=True, slots=True)
class StageInterval:
    """An interval of a stage, as the two observations around it show it."""

    before: StageObservation  # when the interval's decision was taken
    after: StageObservation  # at its end
    started: tuple[float, ...]  # seconds until each replica that started under the decision was ready
    interval_s: float


def arrivals_of_interval(passed: StageInterval, service_s: Floats, *, timeout_s: float) -> float:
    """Requests that entered a stage in an interval: those served or dropped, and those that wait beside the earlier.

    What its replicas were busy with is a number of batches; of batches above 1 their fill is the one that agrees best
    with the rate that follows from it, a batch holding what comes in within the timeout.

    Args:
        service_s: float64 (n_variants, b + 1), seconds of a batch of k.
        timeout_s: longest wait for a batch to fill, seconds.
    """
    before, after = passed.before, passed.after
    old_s, new_s = serving_times_s(before, after, passed.started, passed.interval_s)
    busy_s = after.utilisation * (old_s + new_s)
    old_share = old_s / (old_s + new_s) if old_s + new_s > 0.0 else 1.0
    best, best_misfit = 0.0, math.inf
    for fill in range(1, after.batch + 1):
        batch_s = old_share * service_s[before.variant, fill] + (1.0 - old_share) * service_s[after.variant, fill]
        served = fill * busy_s / float(batch_s)
        misfit = abs(fill - min(after.batch, 1.0 + served / passed.interval_s * timeout_s))
        if misfit < best_misfit:
            best, best_misfit = served, misfit
    return max(0.0, best + after.queue_requests - before.queue_requests + after.drops)


class LoadMemory:
    """The mean load of an episode so far, an interval at a time.

    Args:
        interval_s: seconds between decisions.
        smoothing: weight of the newest 10 s in the level.
        memory_s: seconds of intervals that are kept one by one.
    """

    def __init__(self, interval_s: float, *, smoothing: float, memory_s: float) -> None:
        self._interval_s = interval_s
        self._bin_weight = smoothing
        self.weight: float = 1.0 - (1.0 - smoothing) ** (interval_s / HISTORY_BIN_S)  # of the newest interval
        self._keep = math.ceil(min(memory_s, HISTORY_S) / interval_s)
        self._n_rates, self._sum_rps = 0.0, 0.0
        self.level_rps = 0.0  # smoothed mean, never below `LEAST_RPS`
        self.rates_rps: tuple[float, ...] = ()  # of the last intervals, the newest first, none below `LEAST_RPS`

    def begin(self, seen: Observation) -> None:
        """Take the history at an episode's start.

        Half way between the maxima and the means of Poisson seconds: what lies before an episode is a trace's counts,
        which need not vary as much as Poisson numbers.
        """
        rates = [0.5 * (maximum + mean_of_maximum(maximum)) for maximum in seen.load_history_rps.tolist()]
        self.level_rps = rates[0]
        for rate in rates:
            self._smooth(rate, self._bin_weight)
        self.rates_rps = (self.level_rps,)
        self._n_rates = HISTORY_S / self._interval_s
        self._sum_rps = self._n_rates * sum(rates) / len(rates)

    def add(self, arrivals: float, seen: Observation) -> None:
        """Take the next interval; its rate is at most the highest second in the history that it touches."""
        bins = min(len(seen.load_history_rps), math.ceil(self._interval_s / HISTORY_BIN_S))
        rate = min(arrivals / self._interval_s, float(seen.load_history_rps[-bins:].max()))
        self._smooth(rate, self.weight)
        self._n_rates, self._sum_rps = self._n_rates + 1.0, self._sum_rps + rate
        self.rates_rps = (max(LEAST_RPS, rate), *self.rates_rps[: self._keep])

    @property
    def expected_requests(self) -> float:
        """Mean requests of an interval, over the episode so far and what the history said; at least 1."""
        return max(1.0, self._interval_s * self._sum_rps / max(1.0, self._n_rates))

    @property
    def noise(self) -> float:
        """Variance of the level around the mean load, as a part of its square: that of Poisson counts, smoothed."""
        return self.weight / (2.0 - self.weight) / (self.level_rps * self._interval_s)

    def _smooth(self, rate: float, weight: float) -> None:
        self.level_rps = max(LEAST_RPS, self.level_rps + weight * (rate - self.level_rps))
