"""KPA: Knative's pod autoscaler, one for each stage; variants and batch sizes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ipa_gym.observation import StageObservation
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.concurrency import Sample, ongoing_requests, window_mean, younger_than
from ipa_gym.policies.deployment import INITIAL, KEPT_VARIANTS, Deployment
from ipa_gym.policies.kpa_rule import Limits, Load, Panic, begin, concurrency_target, recommend
from ipa_gym.policies.parameters import Parameter, number

_PERCENT = 100.0


@dataclass(slots=True)
class _Memory:
    """What the autoscaler of one stage remembers."""

    samples: list[Sample] = field(default_factory=list)
    panic: Panic = field(default_factory=Panic)
    desired: int = 0  # pods of the newest tick, before minimum and maximum
    stable: float = 0.0
    burst: float = 0.0


class KPAPolicy:
    """Replicas follow the requests that a stage holds, over a long window, and over a short one when they surge.

    Rule, for each stage at every decision: ceil(mean concurrency of the last 60 s / target) replicas, the target being
    0.7 of the batch size; not fewer than floor(ready / 2), not more than 1,000 · ready. Where the last 6 s ask for at
    least twice the ready replicas, panic: from then on the larger of both windows counts and nothing is taken away,
    until this has not happened for more than 60 s. An autoscaler that finds more than one replica begins in panic, as
    it has no history. 1 to the replica cap. The arithmetic is in `kpa_rule.py`.

    The target: Knative aims at 70 % of containerConcurrency, the most requests that a container handles at once; that
    is the batch size here. Requests wait in the stage's queue as they would in Knative's activator, and count.
    Where the environment differs from a cluster: a decision comes every interval (Knative: 2 s), and so does a sample
    of the concurrency (Knative: a mean of each second), see `concurrency.py`; in an interval longer than the panic
    window the newest sample is the panic window. The excess burst capacity only routes requests through the
    activator, and scaling to zero needs it: both are left out. The first decision and a variant switch under way have
    no metric: the replicas stay.
    Agent: ``kpa``.
    Source: github.com/knative/serving, pkg/autoscaler/scaling/autoscaler.go; defaults of the ConfigMap
    config-autoscaler.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "target_percent": number(70.0, above=0, up_to=100, meaning="target concurrency, percent of the batch size"),
        "stable_window": number(60.0, above=0, up_to=3_600, meaning="window of stable mode, seconds"),
        "panic_window_percent": number(10.0, above=0, up_to=100, meaning="panic window, percent of the stable one"),
        "panic_threshold_percent": number(
            200.0,
            above=100,
            up_to=1_000,
            meaning="panic when the panic window asks for this percent of the ready replicas",
        ),
        "max_scale_up_rate": number(
            1_000.0, above=1, up_to=10_000, meaning="most replicas over ready ones, a decision"
        ),
        "max_scale_down_rate": number(2.0, above=1, up_to=10_000, meaning="most ready replicas over those that stay"),
        "variants": KEPT_VARIANTS,
    }

    def __init__(
        self,
        setting: Setting,
        *,
        target_percent: float = 70.0,
        stable_window: float = 60.0,
        panic_window_percent: float = 10.0,
        panic_threshold_percent: float = 200.0,
        max_scale_up_rate: float = 1_000.0,
        max_scale_down_rate: float = 2.0,
        variants: str | Sequence[str] = INITIAL,
    ) -> None:
        self._replica_cap = setting.pipeline.replica_cap
        self._target_fraction = target_percent / _PERCENT
        self._panic_window_s = stable_window * panic_window_percent / _PERCENT
        self._limits = Limits(stable_window, panic_threshold_percent / _PERCENT, max_scale_up_rate, max_scale_down_rate)
        self._deployment = Deployment(setting, variants)
        self.reset()

    def reset(self) -> None:
        """Forget the samples, the panic and what the last episode began with."""
        self._deployment.reset()
        self._memories: list[_Memory] = []
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Scale every stage by its concurrency. Shapes as in `Policy.act`."""
        seen = self._deployment.read(observation)
        now_s = self._deployment.now_s
        if not self._memories:
            self._memories = [_Memory(panic=begin(stage.replicas, now_s=now_s)) for stage in seen.stages]
        replicas = self._deployment.scaled(seen, self._scale)
        self.diagnostics = {
            "stable_requests": tuple(memory.stable for memory in self._memories),
            "panic_requests": tuple(memory.burst for memory in self._memories),
            "panicking": tuple(memory.panic.since_s is not None for memory in self._memories),
            "recommended": tuple(memory.desired for memory in self._memories),
            "replicas": tuple(replicas),
        }
        return self._deployment.decide(replicas)

    def _scale(self, index: int, stage: StageObservation, current: int) -> int:
        """Replicas of one stage from now on; ``current`` serve or start."""
        memory = self._memories[index]
        if not self._deployment.measured(index, stage):
            memory.desired = current
            return current
        now_s, window_s = self._deployment.now_s, self._limits.stable_window_s
        memory.samples.append((now_s, ongoing_requests(stage)))
        memory.samples = younger_than(memory.samples, window_s, now_s=now_s)
        memory.stable = window_mean(memory.samples, window_s, now_s=now_s)
        memory.burst = window_mean(memory.samples, self._panic_window_s, now_s=now_s)
        memory.desired, memory.panic = recommend(
            Load(memory.stable, memory.burst, stage.replicas),
            memory.panic,
            target=concurrency_target(stage.batch, self._target_fraction),
            limits=self._limits,
            now_s=now_s,
        )
        return min(max(memory.desired, 1), self._replica_cap)
