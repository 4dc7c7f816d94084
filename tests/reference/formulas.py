"""Queueing theory's own answers for the stations that the simulator can be set to: closed forms and solved chains.

`Theory` holds what is compared. Nothing here knows the simulator. Poisson arrivals throughout, first in, first out,
infinite room; a load below 1 is the caller's business. `test_formulas.py` derives each of them a second way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import poisson

FloatArray = NDArray[np.float64]
N_LEVELS = 500  # states of a solved chain; at load 0.95 and deterministic service the mass beyond is below 1e-16


@dataclass(frozen=True, slots=True)
class Theory:
    """A station in steady state; times in seconds, numbers in requests."""

    mean_wait_s: float  # from entering the queue to the start of service
    p_wait: float  # probability that a request waits at all
    waiting: FloatArray  # (n,) P(k requests wait) at any instant, k = 0, 1, ...
    inside: FloatArray | None  # (n,) P(k requests wait or are served); None: no formula here
    wait_tail: Callable[[float], float] | None = None  # t -> P(wait > t); None: no formula here


def erlang_c(offered: float, servers: int) -> float:
    """Probability that a request waits in M/M/c, through Erlang B's recursion, which cannot overflow.

    Args:
        offered: arrival rate times mean service time, below `servers`.
    Source: Erlang (1917); Gross & Harris, Fundamentals of Queueing Theory, 2.3.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return servers * blocked / (servers - offered * (1.0 - blocked))


def mmc(rate_rps: float, *, service_s: float, servers: int) -> Theory:
    """M/M/c: Erlang C, exponential wait of those who wait, geometric queue. Source: Erlang (1917)."""
    offered = rate_rps * service_s
    load, p_wait, spare_rps = offered / servers, erlang_c(offered, servers), servers / service_s - rate_rps
    level = np.arange(N_LEVELS)
    log_weight = np.minimum(level, servers) * np.log(offered) - gammaln(np.minimum(level, servers) + 1.0)
    inside = np.exp(log_weight + np.maximum(level - servers, 0) * np.log(load))
    inside *= p_wait * (1.0 - load) / inside[servers]  # P(N = c) = C (1 - load)
    return Theory(
        mean_wait_s=p_wait / spare_rps,
        p_wait=p_wait,
        waiting=_waiting(inside, servers),
        inside=inside,
        wait_tail=lambda t: float(p_wait * np.exp(-spare_rps * t)),
    )


def mmc_wait_quantile_s(fraction: float, *, rate_rps: float, service_s: float, servers: int) -> float:
    """Time that a `fraction` of the requests wait at most, in M/M/c; 0 if that many do not wait."""
    p_wait = erlang_c(rate_rps * service_s, servers)
    return max(0.0, float(np.log(p_wait / (1.0 - fraction))) / (servers / service_s - rate_rps))


def mdc(rate_rps: float, *, service_s: float, servers: int) -> Theory:
    """M/D/c: the number inside one service time later is what did not leave plus a Poisson number.

    Source: Crommelin, Delay probability formulae (1932), the chain solved numerically; distribution of the wait by
    Franx, A simple solution for the M/D/c waiting time distribution (Operations Research Letters 29, 2001).
    """
    offered = rate_rps * service_s
    level = np.arange(N_LEVELS)
    inside = _stationary(np.maximum(level - servers, 0), np.full(N_LEVELS, offered))
    waiting = _waiting(inside, servers)
    at_most = np.cumsum(waiting)

    def wait_tail(t: float) -> float:
        services = int(t / service_s) + 1
        top = services * servers - 1
        arrivals = poisson.pmf(np.arange(top + 1), rate_rps * (services * service_s - t))
        return float(1.0 - (at_most[np.minimum(np.arange(top, -1, -1), len(at_most) - 1)] * arrivals).sum())

    return Theory(
        mean_wait_s=_mean(waiting) / rate_rps,
        p_wait=1.0 - float(inside[:servers].sum()),
        waiting=waiting,
        inside=inside,
        wait_tail=wait_tail,
    )


def md1_inside(load: float, levels: int) -> FloatArray:
    """P(k inside) of M/D/1 in closed form, for the first levels (its signs alternate: digits cancel beyond about 15).

    Source: Erlang (1909); Gross & Harris, 5.1.
    """
    probability = np.zeros(levels)
    probability[0] = 1.0 - load
    for n in range(1, levels):
        total = np.exp(n * load)
        for k in range(n):
            power = (k * load) ** (n - k - 1) / np.exp(gammaln(n - k))
            total += (-1.0) ** (n - k) * np.exp(k * load) * power * (k * load / (n - k) + 1.0)
        probability[n] = (1.0 - load) * total
    return probability


def md1_wait_tail(t: float, *, rate_rps: float, service_s: float) -> float:
    """P(wait > t) of M/D/1. Source: Erlang, The theory of probabilities and telephone conversations (1909)."""
    k = np.arange(int(t / service_s) + 1)
    x = rate_rps * (k * service_s - t)
    return float(1.0 - (1.0 - rate_rps * service_s) * (x**k / np.exp(gammaln(k + 1.0)) * np.exp(-x)).sum())


def mdc_by_random_walk(rate_rps: float, *, service_s: float, servers: int) -> tuple[float, float]:
    """Mean wait in seconds and P(wait > 0) of M/D/c as sums over a random walk.

    Every c-th request meets the same server, so the wait is that of the walk with steps D - Erlang(c): its mean is the
    sum of E[S_k; S_k > 0] / k and P(no wait) is exp of minus the sum of P(S_k > 0) / k, S_k = k D - Erlang(k c).
    Source: Crommelin (1932), Pollaczek; Spitzer, A combinatorial lemma (1956).
    """
    k = np.arange(1, 4000)
    arrivals = k * rate_rps * service_s
    late, later = poisson.sf(k * servers - 1, arrivals), poisson.sf(k * servers, arrivals)
    positive_part_s = k * service_s * late - k * servers / rate_rps * later
    return float((positive_part_s / k).sum()), float(1.0 - np.exp(-(late / k).sum()))


def pollaczek_khinchine_wait_s(rate_rps: float, *, service_s: float, service_cv: float) -> float:
    """Mean wait of M/G/1. Source: Pollaczek (1930), Khinchine (1932)."""
    load = rate_rps * service_s
    return load * service_s * (1.0 + service_cv**2) / (2.0 * (1.0 - load))


def mg1_lognormal(rate_rps: float, *, service_s: float, service_cv: float, levels: int = 200) -> Theory:
    """M/G/1 with lognormal service of mean `service_s`: the mean in closed form, the number inside from the chain.

    The number that a departure leaves behind is the number at any instant. Level n is passed upwards as often as
    downwards, which gives p(n + 1) from p(0..n) in positive terms alone; no state is cut off.
    Source: Kendall's embedded chain (1951, 1953).
    """
    arrivals = _arrivals_in_lognormal_service(rate_rps * service_s, cv=service_cv, levels=levels)
    more = 1.0 - np.cumsum(arrivals)  # P(more than k arrive during one service)
    load = rate_rps * service_s
    inside = np.zeros(levels)
    inside[0] = 1.0 - load
    for n in range(levels - 1):
        inside[n + 1] = (inside[0] * more[n] + (inside[1 : n + 1] * more[n:0:-1]).sum()) / arrivals[0]
    return Theory(
        mean_wait_s=pollaczek_khinchine_wait_s(rate_rps, service_s=service_s, service_cv=service_cv),
        p_wait=load,
        waiting=_waiting(inside, 1),
        inside=inside,
    )


def bulk_deterministic(rate_rps: float, *, service_s: FloatArray, at_least: int = 1) -> Theory:
    """M/D(a,b)/1: the server starts as soon as `at_least` wait and takes as many as wait, up to b.

    A batch of k takes ``service_s[k - 1]``, b = len(service_s). The chain of the numbers that wait when a batch ends is
    solved numerically; between two such instants arrivals are Poisson, so time averages follow by integration: from
    level i, level i + j holds for P(more than j arrive in the service) / rate. The mean wait is Little's.
    Source: Bailey, On queueing processes with bulk service (1954); the rule with a minimum: Neuts, A general
    class of bulk queues with Poisson input (1967).
    """
    left = np.arange(N_LEVELS)  # waiting when a batch ends
    taken_from = np.maximum(left, at_least)
    batch = np.minimum(taken_from, len(service_s))
    mean_arrivals = rate_rps * np.asarray(service_s, dtype=np.float64)[batch - 1]
    chain = _stationary(taken_from - batch, mean_arrivals)
    waiting, inside = np.zeros(N_LEVELS), np.zeros(N_LEVELS)
    for level in range(N_LEVELS):
        held = chain[level] * poisson.sf(np.arange(N_LEVELS), mean_arrivals[level])
        waiting[taken_from[level] - batch[level] :] += held[: N_LEVELS - (taken_from[level] - batch[level])]
        inside[taken_from[level] :] += held[: N_LEVELS - taken_from[level]]
    idle = np.cumsum(chain)[:at_least]  # server idle with k waiting: it stays 1 / rate at each k from where it began
    waiting[:at_least] += idle
    inside[:at_least] += idle
    cycle = waiting.sum()  # mean time from batch end to batch end, times the rate
    return Theory(
        mean_wait_s=_mean(waiting / cycle) / rate_rps,
        p_wait=1.0 - float(idle[-1] / cycle),
        waiting=waiting / cycle,
        inside=inside / cycle,
    )


def bulk_exponential(rate_rps: float, *, service_s: float, batch: int) -> Theory:
    """M/M(1,b)/1, service of any batch exponential with the same mean: the queue behind a busy server is geometric.

    P(busy, n wait) = C r^n with r in (0, 1) the root of mu r^(b+1) - (rate + mu) r + rate, P(idle) = C mu / rate: put
    into the balance equations, both hold. Source: Neuts (1967); Medhi, Stochastic Models in Queueing Theory.
    """
    mu = 1.0 / service_s
    ratio = float(brentq(lambda r: mu * r ** (batch + 1) - (rate_rps + mu) * r + rate_rps, 0.0, 1.0 - 1e-9, xtol=1e-15))
    scale = 1.0 / (1.0 / (1.0 - ratio) + mu / rate_rps)
    waiting = scale * ratio ** np.arange(N_LEVELS)
    waiting[0] += scale * mu / rate_rps
    return Theory(
        mean_wait_s=scale * ratio / (1.0 - ratio) ** 2 / rate_rps,
        p_wait=scale / (1.0 - ratio),
        waiting=waiting,
        inside=None,
    )


def both_waits_zero(rate_rps: float, *, first_service_s: float, second_service_s: float) -> float:
    """P(a request waits at neither of two M/M/1 stations in tandem), which is not the product of the two.

    Who finds the first empty is served for an exponential time in which the second, with a geometric number inside,
    only empties. Source: Burke, The dependence of delays in tandem queues (1964).
    """
    first_load, second_load = rate_rps * first_service_s, rate_rps * second_service_s
    faster = first_service_s / (first_service_s + second_service_s)  # P(second's service ends before the first's)
    return (1.0 - first_load) * (1.0 - second_load) / (1.0 - second_load * faster)


def _stationary(kept: NDArray[np.int64], mean_arrivals: FloatArray) -> FloatArray:
    """Stationary law of the chain that goes from state i to kept[i] + Poisson(mean_arrivals[i]), cut at its size."""
    size = len(kept)
    level = np.arange(size)
    transition = poisson.pmf(level[None, :] - kept[:, None], mean_arrivals[:, None])
    equations = transition.T - np.eye(size)
    equations[-1] = 1.0
    return np.maximum(np.linalg.solve(equations, np.eye(size)[-1]), 0.0)


def _arrivals_in_lognormal_service(mean: float, *, cv: float, levels: int) -> FloatArray:
    """P(k arrivals during a lognormal service), k < levels, `mean` on average; the trapezoid rule in the normal."""
    sigma = np.sqrt(np.log1p(cv * cv))
    z = np.linspace(-10.0, 10.0, 8001)
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    expected = mean * np.exp(sigma * z - 0.5 * sigma * sigma)
    return np.array([(weight * poisson.pmf(k, expected)).sum() for k in range(levels)])


def _waiting(inside: FloatArray, servers: int) -> FloatArray:
    return np.concatenate(([inside[: servers + 1].sum()], inside[servers + 1 :]))


def _mean(distribution: FloatArray) -> float:
    return float((np.arange(len(distribution)) * distribution).sum())
