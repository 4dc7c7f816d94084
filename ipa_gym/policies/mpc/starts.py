"""`StartingReplicas`: when the replicas that a policy asked for will be ready, remembered from its own decisions.

The observation says how many of a stage are starting, not since when. The bookkeeping follows "Decisions" in
docs/model.md; what the observation says goes first. Next: `reconstruction.py`.
"""

from __future__ import annotations

from ipa_gym.observation import StageObservation
from ipa_gym.pipeline import StageConfiguration
from ipa_gym.queueing.state import Floats


class StartingReplicas:
    """The starting replicas of one stage.

    Args:
        startup_s: float64 (n_variants,), seconds from a decision until a replica of it serves.
    """

    def __init__(self, startup_s: Floats) -> None:
        self._startup_s = startup_s
        self._variant = -1
        self._ready_s: list[float] = []  # seconds from now, ascending

    def ready_s(self, seen: StageObservation) -> list[float]:
        """Seconds from now until each starting replica is ready, ascending, as many as are seen to start.

        They are those that are remembered to be ready latest; of others, whoever started them, half the startup is
        left. A replica that is ready and waits for the rest of a switch has a number of at most 0.
        """
        known = self._ready_s if seen.target_variant == self._variant else []
        unknown = max(0, seen.starting - len(known))
        half_s = 0.5 * float(self._startup_s[seen.target_variant])
        return sorted([half_s] * unknown + known[len(known) + unknown - seen.starting :])

    def decide(self, seen: StageObservation, choice: StageConfiguration, interval_s: float) -> tuple[float, ...]:
        """Note a decision, and let the interval that follows it pass.

        Args:
            seen: the stage as it was when that was decided.
        Returns: seconds from the decision until each replica that starts under it is ready, ascending.
        """
        kept = self.ready_s(seen) if choice.variant == seen.target_variant else []
        serving = seen.replicas if choice.variant == seen.variant else 0
        more = choice.replicas - serving - len(kept)
        startup_s = float(self._startup_s[choice.variant])
        started = sorted(kept + [startup_s] * more) if more >= 0 else kept[: max(0, len(kept) + more)]
        self._variant = choice.variant
        self._ready_s = [ready_s - interval_s for ready_s in started]
        return tuple(started)


def serving_times_s(
    before: StageObservation, after: StageObservation, started: tuple[float, ...], interval_s: float
) -> tuple[float, float]:
    """Replica-seconds that the old and the new variant served in the interval between two observations.

    Args:
        before, after: the stage when the interval's decision was taken, and at its end.
        started: what `StartingReplicas.decide` gave for that decision.
    Returns: of the variant that served before; of another one that took over (0: none did).
    """
    if before.variant != after.variant:
        took_over_s = min(interval_s, max([*started, 0.0]))
        return before.replicas * took_over_s, after.replicas * (interval_s - took_over_s)
    if after.target_variant != after.variant:
        return after.replicas * interval_s, 0.0
    return after.replicas * interval_s - sum(ready_s for ready_s in started if 0.0 < ready_s < interval_s), 0.0
