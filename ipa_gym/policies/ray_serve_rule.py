"""The arithmetic of Ray Serve's default autoscaler for one deployment: pure functions, memory handed in and out.

`desired_replicas` is the queue-length rule with its smoothing factors, `delayed` the delay before a change. Averages
are taken by `concurrency.py`, memory is kept by `ray_serve.py`.
Source: Ray 2.60, ray/serve/autoscaling_policy.py (_core_replica_queue_length_policy, _apply_scaling_factors,
_apply_delay_logic); the tests compare with these functions, number for number. Releases that counted control loops
where this one takes times decide the same where loops come on time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND_OFF_S = 1e-6  # as in Ray: a float's error must not hold a change for one more decision


@dataclass(frozen=True, slots=True)
class Delays:
    """How long a change must be wanted without a break before it is made; Ray's defaults."""

    upscale_s: float = 30.0
    downscale_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Pending:
    """Memory between decisions: the direction that is wanted, and since when."""

    direction: int = 0  # 1 up, -1 down, 0 neither
    since_s: float = 0.0  # means nothing where the direction is 0


def desired_replicas(
    ongoing: float, running: int, *, target_ongoing: float, upscaling_factor: float, downscaling_factor: float
) -> int:
    """Replicas that bring the requests a replica back to the target.

    running · (ongoing / (target · running)), and of the difference to what runs the part that the factor allows,
    rounded up; at least one less where fewer are wanted.

    Args:
        ongoing: requests queued and in service, averaged over the look-back period.
        running: replicas that serve, >= 1.
        target_ongoing: requests a replica, > 0.
        upscaling_factor, downscaling_factor: part of the difference that one decision closes, > 0.
    Returns: replicas, >= 0; minimum and maximum are the caller's.
    """
    wanted = running * (ongoing / (target_ongoing * running))
    difference = wanted - running
    factor = upscaling_factor if difference > 0 else downscaling_factor
    scaled = math.ceil(running + factor * difference)
    if math.ceil(wanted) < running and scaled == running:
        scaled -= 1
    return max(0, scaled)


def delayed(desired: int, current: int, pending: Pending, *, delays: Delays, now_s: float) -> tuple[int, Pending]:
    """What is decided now, given that a change waits until it was wanted for as long as its delay.

    Args:
        desired: replicas that the rule wants.
        current: replicas that were decided last, serving or starting.
        pending: memory after the last decision.
        now_s: time of this decision.
    Returns: replicas and the memory for the next decision. A change starts the wait anew, a turn of direction or a
        decision without a wish as well.
    """
    if desired == current:
        return current, Pending()
    direction = 1 if desired > current else -1
    since_s = pending.since_s if pending.direction == direction else now_s
    delay_s = delays.upscale_s if direction > 0 else delays.downscale_s
    if now_s - since_s + _ROUND_OFF_S >= delay_s:
        return desired, Pending()
    return current, Pending(direction, since_s)
