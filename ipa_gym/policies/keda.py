"""KEDA on the measured rate, one autoscaler for each stage; variants and batch sizes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ipa_gym.observation import HISTORY_BIN_S, HISTORY_BINS, StageObservation
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.deployment import INITIAL, KEPT_VARIANTS, Deployment
from ipa_gym.policies.hpa_rule import limited
from ipa_gym.policies.keda_rule import measured_rate_rps, recommend
from ipa_gym.policies.parameters import Parameter, number, whole
from ipa_gym.workload.trace import HISTORY_S

_PERCENT = 100.0


class KEDAPolicy:
    """Replicas follow the measured rate over what a replica can carry; Kubernetes' autoscaler smooths the rest.

    Rule, for each stage at every decision: recommend ceil(rate / threshold), the threshold being 80 % of a replica's
    throughput h(b), no change while rate / (threshold · replicas) is within 10 % of 1; grow at once, at most to
    max(2n, n + 4); shrink only to the highest recommendation of the last 300 s, the replicas found at the start among
    them; 1 to the replica cap. The arithmetic is in `keda_rule.py` and `hpa_rule.py`.

    The rate: KEDA's documentation scales on sum(rate(requests[2m])), the mean rate of two minutes. The observation has
    no mean, but the highest second of each 10 s; the metric is the mean of the last twelve of these, and so lies above
    the mean rate (at Poisson arrivals of 20 a second by a third). It comes from the load history, which begins before
    the episode, so that the first decision has a metric too. Every stage is given the rate at which requests reach the
    pipeline.
    Where the environment differs from a cluster: a decision comes every interval (Kubernetes asks KEDA every 15 s;
    KEDA's own polling every 30 s only wakes what sleeps at zero replicas, which is left out), and the growth limit
    holds per decision. While a variant switch is under way the replicas stay.
    Agent: ``keda``.
    Source: keda.sh, Prometheus scaler and ScaledObject specification (metricType AverageValue); kubernetes.io,
    "Horizontal Pod Autoscaling".
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "threshold_percent": number(
            80.0, above=0, up_to=1_000, meaning="rate a replica, percent of its throughput at the batch size"
        ),
        "rate_window": whole(
            HISTORY_S,
            low=HISTORY_BIN_S,
            high=HISTORY_S,
            meaning="seconds over which the rate is averaged, begun tens count",
        ),
        "tolerance": number(
            0.1, above=0, up_to=1, meaning="no change while rate / threshold is this near to the replicas (fraction)"
        ),
        "stabilization": number(
            300.0, above=0, up_to=86_400, meaning="window of the recommendations when shrinking, seconds"
        ),
        "variants": KEPT_VARIANTS,
    }

    def __init__(
        self,
        setting: Setting,
        *,
        threshold_percent: float = 80.0,
        rate_window: int = HISTORY_S,
        tolerance: float = 0.1,
        stabilization: float = 300.0,
        variants: str | Sequence[str] = INITIAL,
    ) -> None:
        self._pipeline = setting.pipeline
        self._threshold_fraction = threshold_percent / _PERCENT
        self._bins = min(HISTORY_BINS, -(-rate_window // HISTORY_BIN_S))
        self._tolerance = tolerance
        self._stabilization_s = stabilization
        self._deployment = Deployment(setting, variants)
        self.reset()

    def reset(self) -> None:
        """Forget the recommendations and what the last episode began with."""
        self._deployment.reset()
        self._history: list[list[tuple[float, int]]] = [[] for _ in self._pipeline.stages]  # (time_s, replicas)
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Scale every stage by the measured rate. Shapes as in `Policy.act`."""
        seen = self._deployment.read(observation)
        rate_rps = measured_rate_rps(seen.load_history_rps.tolist(), self._bins)
        replicas = self._deployment.scaled(seen, partial(self._scale, rate_rps=rate_rps))
        self.diagnostics = {
            "rate_rps": rate_rps,
            "threshold_rps": tuple(self._threshold_rps(index) for index in range(len(replicas))),
            "recommended": tuple(history[-1][1] for history in self._history),
            "replicas": tuple(replicas),
        }
        return self._deployment.decide(replicas)

    def _scale(self, index: int, stage: StageObservation, current: int, *, rate_rps: float) -> int:
        """Replicas of one stage from now on; ``current`` serve or start."""
        now_s = self._deployment.now_s
        recent = [(at_s, count) for at_s, count in self._history[index] if at_s > now_s - self._stabilization_s]
        if not self._history[index]:
            recent = [(now_s, current)]  # what runs when the autoscaler begins is its first recommendation
        held = self._deployment.switching(index, stage)
        asked = current if held else self._recommended(index, current, rate_rps)
        self._history[index] = [*recent, (now_s, asked)]
        if held:
            return current
        counts = [count for _, count in self._history[index]]
        return limited(current, counts, replica_cap=self._pipeline.replica_cap)

    def _recommended(self, index: int, current: int, rate_rps: float) -> int:
        return recommend(rate_rps, current, threshold_rps=self._threshold_rps(index), tolerance=self._tolerance)

    def _threshold_rps(self, index: int) -> float:
        kept = self._deployment.kept[index]
        variant = self._pipeline.stages[index].variants[kept.variant]
        return self._threshold_fraction * variant.throughput_rps(kept.batch)
