"""HPA: Kubernetes' horizontal pod autoscaler, one for each stage; variants and batch sizes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ipa_gym.observation import StageObservation
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.deployment import INITIAL, KEPT_VARIANTS, Deployment
from ipa_gym.policies.hpa_rule import limited, recommend, whole_percent
from ipa_gym.policies.parameters import Parameter, number, whole


class HPAPolicy:
    """The autoscaler that people run today: replicas follow utilisation, nothing else changes.

    Rule, for each stage at every decision: recommend ceil(ready · utilisation / target) replicas, no change within the
    tolerance of 10 %; starting replicas count as idle where the rule would grow; grow at once, at most to
    max(2n, n + 4); shrink only to the highest recommendation of the last 300 s; 1 to the replica cap. The arithmetic
    is in `hpa_rule.py`.

    Where the environment differs from a cluster: a decision comes every interval (Kubernetes: 15 s), and the growth
    limit holds per decision; utilisation is busy over serving replica-time of the last interval, the counterpart of
    CPU usage over request. The first observation of an episode has no interval behind it: the replicas stay, and their
    number is the window's first recommendation, as when a cluster's autoscaler meets a deployment. While a variant
    switch is under way (only after the first decision, if ``variants`` asks for one) there is no metric of the new
    replicas: they stay as they are.
    Agent: ``hpa``.
    Source: kubernetes.io, "Horizontal Pod Autoscaling"; the API's default metric is 80 % average utilisation.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "target_percent": whole(80, low=1, high=100, meaning="target utilisation, percent of a serving replica's time"),
        "tolerance": number(
            0.1, above=0, up_to=1, meaning="no change while utilisation / target is this near to 1 (fraction)"
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
        target_percent: int = 80,
        tolerance: float = 0.1,
        stabilization: float = 300.0,
        variants: str | Sequence[str] = INITIAL,
    ) -> None:
        self._setting = setting
        self._target_percent = target_percent
        self._tolerance = tolerance
        self._stabilization_s = stabilization
        self._deployment = Deployment(setting, variants)
        self.reset()

    def reset(self) -> None:
        """Forget the recommendations and what the last episode began with."""
        self._deployment.reset()
        self._history: list[list[tuple[float, int]]] = [[] for _ in self._setting.pipeline.stages]  # (time_s, replicas)
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Scale every stage by its utilisation. Shapes as in `Policy.act`."""
        seen = self._deployment.read(observation)
        replicas = self._deployment.scaled(seen, self._scale)
        self.diagnostics = {
            "utilisation_percent": tuple(whole_percent(stage.utilisation) for stage in seen.stages),
            "recommended": tuple(history[-1][1] for history in self._history),
            "replicas": tuple(replicas),
        }
        return self._deployment.decide(replicas)

    def _scale(self, index: int, stage: StageObservation, current: int) -> int:
        """Replicas of one stage from now on; ``current`` serve or start."""
        now_s = self._deployment.now_s
        no_metric = not self._deployment.measured(index, stage)
        asked = current if no_metric else self._recommended(stage)
        recent = [(at_s, count) for at_s, count in self._history[index] if at_s > now_s - self._stabilization_s]
        self._history[index] = [*recent, (now_s, asked)]
        if no_metric:
            return current
        counts = [count for _, count in self._history[index]]
        return limited(current, counts, replica_cap=self._setting.pipeline.replica_cap)

    def _recommended(self, stage: StageObservation) -> int:
        return recommend(
            stage.replicas,
            stage.starting,
            percent=whole_percent(stage.utilisation),
            target_percent=self._target_percent,
            tolerance=self._tolerance,
        )
