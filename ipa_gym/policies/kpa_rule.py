"""The arithmetic of Knative's pod autoscaler (KPA) for one revision: pure functions, memory handed in and out.

`recommend` is one tick: stable and panic mode, rate limits. Windows are averaged by `concurrency.py`, memory is kept by
`kpa.py`.
Source: github.com/knative/serving, pkg/autoscaler/scaling/autoscaler.go (Scale and newAutoscaler), the order of the
checks as there; pkg/reconciler/autoscaling/resources/target.go for the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND_OFF_S = 1e-9  # a float's error must not end the panic a tick too soon
_MEAN_STEPS = 1e6  # Knative cuts the windows' averages off after six decimals
_ROUND_OFF = 1e-9  # pods; a float's error must not add one
_LEAST_TARGET = 0.01  # Knative's TargetMin


@dataclass(frozen=True, slots=True)
class Limits:
    """What the autoscaler is set to; Knative's defaults."""

    stable_window_s: float = 60.0
    panic_threshold: float = 2.0  # panic pods over ready ones at which the panic begins
    max_scale_up_rate: float = 1000.0  # most pods over ready ones
    max_scale_down_rate: float = 2.0  # most ready pods over those that stay


@dataclass(frozen=True, slots=True)
class Panic:
    """Memory between ticks: whether the autoscaler panics, and what it will not go below while it does."""

    since_s: float | None = None  # when the threshold was last crossed; None: stable mode
    pods: int = 0  # most pods asked for during this panic


@dataclass(frozen=True, slots=True)
class Load:
    """What one tick sees: concurrency averaged over both windows, requests, and the ready pods."""

    stable: float
    panic: float
    ready: int


def concurrency_target(batch: int, fraction: float) -> float:
    """Requests that a replica should hold: the fraction of what it takes at once, Knative's containerConcurrency."""
    return max(_LEAST_TARGET, batch * fraction)


def begin(ready: int, *, now_s: float) -> Panic:
    """Memory of a new autoscaler: it panics at first where more than one pod runs, since it has no history yet."""
    return Panic(now_s if ready > 1 else None, ready)


def recommend(load: Load, panic: Panic, *, target: float, limits: Limits, now_s: float) -> tuple[int, Panic]:
    """One tick of the autoscaler.

    Each window asks for ceil(concurrency / target) pods, held between floor(ready / max_scale_down_rate) and
    ceil(ready · max_scale_up_rate). The panic begins, and its 60 s begin anew, while the panic window's ceil(...) is at
    least panic_threshold · ready; it ends once it is older than the stable window. While it lasts the larger of the two
    counts, and nothing is taken away.

    Args:
        load: concurrency of both windows and the ready pods; 0 of these count as 1.
        panic: memory after the last tick.
        target: requests a pod, > 0, see `concurrency_target`.
        now_s: time of the tick.
    Returns: pods, >= 0, and the memory for the next tick; minimum and maximum are the caller's, as in Knative.
    """
    ready = max(1, load.ready)
    stable_pods, panic_pods = _pods(load.stable, target), _pods(load.panic, target)
    desired = _within_rates(stable_pods, ready, limits)
    panic = _mood(panic, panic_pods / ready >= limits.panic_threshold, limits=limits, now_s=now_s)
    if panic.since_s is None:
        return desired, panic
    pods = max(desired, _within_rates(panic_pods, ready, limits), panic.pods)
    return pods, Panic(panic.since_s, pods)


def _pods(concurrency: float, target: float) -> int:
    return math.ceil(math.floor(concurrency * _MEAN_STEPS) / _MEAN_STEPS / target - _ROUND_OFF)


def _within_rates(pods: int, ready: int, limits: Limits) -> int:
    most = math.ceil(limits.max_scale_up_rate * ready)
    least = math.floor(ready / limits.max_scale_down_rate)
    return min(max(pods, least), most)


def _mood(panic: Panic, over: bool, *, limits: Limits, now_s: float) -> Panic:
    if over:
        return Panic(now_s, panic.pods)
    if panic.since_s is not None and now_s - panic.since_s > limits.stable_window_s + _ROUND_OFF_S:
        return Panic()
    return panic
