"""Ray Serve's default autoscaler, one for each stage; variants and batch sizes stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ipa_gym.observation import StageObservation
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.concurrency import Sample, ongoing_requests, window_mean, younger_than
from ipa_gym.policies.deployment import INITIAL, KEPT_VARIANTS, Deployment
from ipa_gym.policies.parameters import Parameter, number
from ipa_gym.policies.ray_serve_rule import Delays, Pending, delayed, desired_replicas


@dataclass(slots=True)
class _Memory:
    """What the autoscaler of one stage remembers."""

    samples: list[Sample] = field(default_factory=list)
    pending: Pending = field(default_factory=Pending)
    ongoing: float = 0.0  # mean over the look-back period
    desired: int = 0  # what the rule wanted at the newest decision, before the delay


class RayServePolicy:
    """Replicas follow the requests that a stage holds, half a minute late upwards and ten minutes late downwards.

    Rule, for each stage at every decision: the mean of the ongoing requests over the last 30 s, divided by 2 a replica,
    rounded up; more replicas once that was wanted for 30 s without a break, fewer once it was for 600 s, then as many
    as are wanted at that moment. 1 to the replica cap. The arithmetic is in `ray_serve_rule.py`.

    The target of 2 is Ray's default and knows nothing of batch sizes. It suits replicas that work on several requests
    at once; where a replica serves batches of 1, half of the busy ones seem enough. Then it shrinks too far, a queue
    builds up during the 30 s, and that backlog over 2 asks for many more replicas than the load needs.
    Where the environment differs from a cluster: a decision comes every interval (Ray's control loop: 0.1 s, on
    metrics that are taken every 6 s and reach it every 10 s); the ongoing requests are sampled as `concurrency.py`
    says. The first decision and a variant switch under way have no metric: the replicas stay.
    Agent: ``ray-serve``.
    Source: Ray 2.60, ray/serve/autoscaling_policy.py and AutoscalingConfig in ray/serve/config.py.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "target_ongoing_requests": number(
            2.0, above=0, up_to=1_000, meaning="requests a replica, queued or in service"
        ),
        "look_back_period": number(30.0, above=0, up_to=3_600, meaning="window of the mean, seconds"),
        "upscale_delay": number(30.0, above=0, up_to=86_400, meaning="growth is made once wanted for so long, seconds"),
        "downscale_delay": number(
            600.0, above=0, up_to=86_400, meaning="shrinking is made once wanted for so long, seconds"
        ),
        "upscaling_factor": number(
            1.0, above=0, up_to=100, meaning="part of the growth that one change makes (a ratio)"
        ),
        "downscaling_factor": number(
            1.0, above=0, up_to=100, meaning="part of the shrinking that one change makes (a ratio)"
        ),
        "variants": KEPT_VARIANTS,
    }

    def __init__(
        self,
        setting: Setting,
        *,
        target_ongoing_requests: float = 2.0,
        look_back_period: float = 30.0,
        upscale_delay: float = 30.0,
        downscale_delay: float = 600.0,
        upscaling_factor: float = 1.0,
        downscaling_factor: float = 1.0,
        variants: str | Sequence[str] = INITIAL,
    ) -> None:
        self._n_stages = len(setting.pipeline.stages)
        self._replica_cap = setting.pipeline.replica_cap
        self._target_ongoing = target_ongoing_requests
        self._look_back_s = look_back_period
        self._delays = Delays(upscale_delay, downscale_delay)
        self._upscaling_factor = upscaling_factor
        self._downscaling_factor = downscaling_factor
        self._deployment = Deployment(setting, variants)
        self.reset()

    def reset(self) -> None:
        """Forget the samples, the wishes and what the last episode began with."""
        self._deployment.reset()
        self._memories = [_Memory() for _ in range(self._n_stages)]
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Scale every stage by its ongoing requests. Shapes as in `Policy.act`."""
        seen = self._deployment.read(observation)
        replicas = self._deployment.scaled(seen, self._scale)
        self.diagnostics = {
            "ongoing_requests": tuple(memory.ongoing for memory in self._memories),
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
        now_s = self._deployment.now_s
        memory.samples.append((now_s, ongoing_requests(stage)))
        memory.samples = younger_than(memory.samples, self._look_back_s, now_s=now_s)
        memory.ongoing = window_mean(memory.samples, self._look_back_s, now_s=now_s)
        memory.desired = desired_replicas(
            memory.ongoing,
            max(1, stage.replicas),
            target_ongoing=self._target_ongoing,
            upscaling_factor=self._upscaling_factor,
            downscaling_factor=self._downscaling_factor,
        )
        decided, memory.pending = delayed(memory.desired, current, memory.pending, delays=self._delays, now_s=now_s)
        return min(max(decided, 1), self._replica_cap)
