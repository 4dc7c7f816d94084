"""What a monitor sees of the stages, from the newest decision and the simulator's outcome: `StageObservation`s.

Between the simulator, which measures, and `observation.py`, which lays the numbers out. Decides and scales nothing.
"""

from __future__ import annotations

import math

from ipa_gym.observation import StageObservation
from ipa_gym.pipeline import Configuration
from ipa_gym.queueing.simulator import IntervalOutcome


def stages_at_start(initial: Configuration) -> tuple[StageObservation, ...]:
    """All stages as an episode begins: the initial configuration serving, nothing waiting, nothing measured yet."""
    return tuple(
        StageObservation(
            variant=choice.variant,
            target_variant=choice.variant,
            batch=choice.batch,
            replicas=choice.replicas,
            starting=0,
            queue_requests=0,
            utilisation=0.0,
            sojourn_p99_s=0.0,
            drops=0,
        )
        for choice in initial.stages
    )


def stages_seen(decision: Configuration, outcome: IntervalOutcome) -> tuple[StageObservation, ...]:
    """All stages at an interval's end.

    Args:
        decision: the newest one; its variants are the targets.
        outcome: the interval's, arrays of shape (n_stages,).
    """
    return tuple(_stage_seen(choice.variant, outcome, stage) for stage, choice in enumerate(decision.stages))


def _stage_seen(target_variant: int, outcome: IntervalOutcome, stage: int) -> StageObservation:
    serving_s, busy_s = float(outcome.serving_replica_s[stage]), float(outcome.busy_replica_s[stage])
    sojourn_p99_s = float(outcome.sojourn_p99_s[stage])
    return StageObservation(
        variant=int(outcome.variant[stage]),
        target_variant=target_variant,
        batch=int(outcome.batch[stage]),
        replicas=int(outcome.serving[stage]),
        starting=int(outcome.starting[stage]),
        queue_requests=int(outcome.queue_requests[stage]),
        utilisation=min(1.0, busy_s / serving_s) if serving_s > 0 else 0.0,  # the sums may differ in the last digit
        sojourn_p99_s=0.0 if math.isnan(sojourn_p99_s) else sojourn_p99_s,
        drops=int(outcome.dropped_at[stage]),
    )
