"""InferLine: a planner that simulates, and a tuner that follows the traffic envelope; variants stay.

Here is the tuner. The plan is made by `inferline_planner.py`, the arithmetic of envelopes is in
`inferline_envelope.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.deployment import INITIAL, KEPT_VARIANTS, Deployment
from ipa_gym.policies.inferline_envelope import SCALE_DOWN_BINS, excess_rps, observed_envelope, replicas_for
from ipa_gym.policies.inferline_planner import SHORTEST_SAMPLE_S, Plan, SampleSource, make_plan, sample_counts
from ipa_gym.policies.parameters import Parameter, number, whole

_LONGEST_SAMPLE_S = 86_400
_TRACE = "twitter-like"


class InferLinePolicy:
    """InferLine's planner and tuner for given variants.

    Rule of the planner, once for the variants that stay: start with batch 1 and one replica a stage; add replicas where
    throughput is least until the simulated p99 meets the SLA on a sample load; then, as long as one is feasible, take
    the action of least cost: double a batch, or drop a replica. Batches stay from then on.
    Rule of the tuner, at every decision: where the observed traffic envelope exceeds the sample's, grow to
    ceil(r / (μ · ρ)) replicas a stage, r the highest rate that exceeds, μ a replica's throughput, ρ the sample's mean
    rate over the throughput of the stage's planned replicas. Else, ``delay`` seconds after the last change, shrink to
    ceil(r / (μ · min ρ)), r the highest rate of the last 30 s. 1 to the replica cap.

    Where the paper is silent: with fewer replicas than planned the sample's envelope counts for as much less, and what
    exceeds it only so far brings the planned replicas back; without a feasible plan the tuner works on what the planner
    gave up at. Where the environment differs: one kind of hardware, so the planner's third action is missing; batches
    wait to be full, and the simulation knows it; of each 10 s the observation shows the busiest second only, so
    envelopes are made of these and bursts inside a second are not seen; decisions come every interval (10 s), the
    tuner was made to act every second.
    Agent: ``inferline``.
    Source: Crankshaw et al., "InferLine: latency-aware provisioning and scaling for prediction serving pipelines",
        SoCC 2020 (arXiv 1812.01776): algorithms 1 and 2; high-frequency tuning.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "variants": KEPT_VARIANTS,
        "sample": Parameter(
            _TRACE,
            "the name of a shipped trace, or the path of one",
            "load that is planned for, scaled by load_scale_rps / 32",
            lambda value: isinstance(value, str) and bool(value),
        ),
        "sample_start": whole(
            7200,
            low=0,
            high=10**9,
            meaning="first second of the sample, from the start of the trace's training seconds",
        ),
        "sample_length": whole(
            3600, low=SHORTEST_SAMPLE_S, high=_LONGEST_SAMPLE_S, meaning="length of the sample, seconds"
        ),
        "delay": number(15.0, above=0, up_to=86_400, meaning="no shrinking so long after a change, seconds"),
    }

    def __init__(
        self,
        setting: Setting,
        *,
        variants: str | Sequence[str] = INITIAL,
        sample: str = _TRACE,
        sample_start: int = 7200,
        sample_length: int = 3600,
        delay: float = 15.0,
    ) -> None:
        self._setting = setting
        self._deployment = Deployment(setting, variants)
        self._source = SampleSource(sample, sample_start, sample_length)
        sample_counts(self._source, setting.pipeline.load_scale_rps)  # a sample that cannot be used is an error now
        self._delay_s = delay
        self.reset()

    def reset(self) -> None:
        """Forget what the last episode began with and when replicas changed. Plans are kept: no episode changes one."""
        self._deployment.reset()
        self._decisions = 0
        self._changed_s = 0.0
        self._plan: Plan | None = None
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Tune the replicas; an episode's first decision deploys the plan. Shapes as in `Policy.act`."""
        seen = self._deployment.read(observation)
        if self._plan is None:
            kept = tuple(choice.variant for choice in self._deployment.kept)
            self._plan = make_plan(self._setting.pipeline, kept, self._source)
            current = [choice.replicas for choice in self._plan.configuration.stages]
        else:
            current = [choice.replicas for choice in seen.configuration.stages]
        needed, excess = self._needed(self._plan, current, observed_envelope(seen.load_history_rps))
        wanted = [max(pair) for pair in zip(current, needed, strict=True)]
        now_s = self._decisions * self._setting.interval_s
        if wanted == current and now_s - self._changed_s >= self._delay_s:
            recent_rps = float(seen.load_history_rps[-SCALE_DOWN_BINS:].max())
            lowest = (min(self._plan.ratios),) * len(current)
            enough = [min(pair) for pair in zip(current, self._replicas(self._plan, recent_rps, lowest), strict=True)]
            wanted = [max(pair) for pair in zip(enough, needed, strict=True)]
        if wanted != current:
            self._changed_s = now_s
        self._decisions += 1
        self.diagnostics = {
            "feasible": self._plan.feasible,
            "planned": tuple((c.variant, c.batch, c.replicas) for c in self._plan.configuration.stages),
            "excess_rps": excess,
            "replicas": tuple(wanted),
        }
        return self._setting.actions.encode(_with_replicas(self._plan, wanted))

    def _needed(
        self, plan: Plan, current: Sequence[int], observed: Sequence[float]
    ) -> tuple[Sequence[int], float | None]:
        """The fewest replicas that the observed envelope allows, and the rate that exceeds the plan's, if one does."""
        excess = excess_rps(observed, plan.envelope)
        if excess is not None:
            return self._replicas(plan, excess, plan.ratios), excess
        planned = [choice.replicas for choice in plan.configuration.stages]
        part = min(1.0, *(now / then for now, then in zip(current, planned, strict=True)))
        below = excess_rps(observed, [part * limit for limit in plan.envelope]) is not None
        return planned if below else (1,) * len(planned), None

    def _replicas(self, plan: Plan, rate_rps: float, ratios: Sequence[float]) -> list[int]:
        pipeline = self._setting.pipeline
        return [
            min(
                replicas_for(rate_rps, stage.variants[choice.variant].throughput_rps(choice.batch), ratio),
                pipeline.replica_cap,
            )
            for stage, choice, ratio in zip(pipeline.stages, plan.configuration.stages, ratios, strict=True)
        ]


def _with_replicas(plan: Plan, replicas: Sequence[int]) -> Configuration:
    choices: list[StageConfiguration] = [
        replace(choice, replicas=count) for choice, count in zip(plan.configuration.stages, replicas, strict=True)
    ]
    return Configuration(tuple(choices))
