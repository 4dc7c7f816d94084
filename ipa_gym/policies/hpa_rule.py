"""The arithmetic of Kubernetes' horizontal pod autoscaler (autoscaling/v2) for one deployment: pure functions.

`recommend` is the ratio rule, `limited` the stabilisation and the growth limit of one step. Utilisation is in whole
percent, as the controller computes it, so the ceilings are exact integer divisions. Memory is kept by `hpa.py`.
Source: kubernetes.io, "Horizontal Pod Autoscaling" (algorithm details; configurable scaling behavior), and the
controller's replica calculator for the order of the checks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_ROUND_OFF = 1e-9  # of the value's unit; a float's error must not decide on which side of the tolerance it lies
_FLOAT32_DIGITS = 4  # decimals of a percentage that a float32 fraction carries for certain


def whole_percent(utilisation: float) -> int:
    """Utilisation as the controller sees it: whole percent, cut off, free of the float32 observation's noise.

    Args:
        utilisation: fraction, 0..1.
    """
    return math.floor(round(utilisation * 100.0, _FLOAT32_DIGITS))


def recommend(ready: int, unready: int, *, percent: int, target_percent: int, tolerance: float) -> int:
    """Replicas that the ratio rule asks for.

    ceil(ready · percent / target); no change while the ratio is within the tolerance of 1. Replicas that are not ready
    count for nothing, except where the rule would grow: then they count as idle, and if that takes the ratio down to
    the tolerance or below 1, nothing changes. (On the way down ceil is over the ready ones alone, as in Kubernetes.)

    Args:
        ready: serving replicas, >= 1. unready: starting ones.
        percent: mean utilisation of the ready ones, whole percent.
        target_percent: target utilisation, whole percent, >= 1.
        tolerance: fraction; 0.1 is Kubernetes' default.
    Returns: replicas, >= 0; the caller applies minimum and maximum.
    """
    current = ready + unready
    if unready == 0 or percent <= target_percent:
        if within_tolerance(percent, target_percent, tolerance):
            return current
        return ceil_ratio(ready * percent, target_percent)
    damped_percent = ready * percent // current
    if within_tolerance(damped_percent, target_percent, tolerance) or damped_percent < target_percent:
        return current
    return ceil_ratio(current * damped_percent, target_percent)


def limited(current: int, recommendations: Sequence[int], *, replica_cap: int) -> int:
    """Replicas after stabilisation, growth limit and bounds.

    Up at once, at most to max(2 · current, current + 4); down only to the highest of the recommendations of the window,
    never up because of an old one; at least 1, at most the cap.

    Args:
        current: replicas that exist or start, >= 1.
        recommendations: those of the stabilisation window, the newest last, at least one.
        replica_cap: most replicas.
    Source: autoscaling/v2 defaults: scaleUp 100 % or 4 pods a period, whichever is more, no stabilisation; scaleDown
        100 %, stabilizationWindowSeconds 300.
    """
    newest, highest = recommendations[-1], max(recommendations)
    stabilised = max(newest, min(current, highest))
    return max(1, min(stabilised, max(2 * current, current + 4), replica_cap))


def within_tolerance(value: int, target: int, tolerance: float) -> bool:
    """Whether value / target is within the tolerance (a fraction) of 1."""
    return abs(value - target) <= tolerance * target + _ROUND_OFF


def ceil_ratio(numerator: int, denominator: int) -> int:
    """The quotient of two whole numbers, rounded up, exactly."""
    return -(-numerator // denominator)
