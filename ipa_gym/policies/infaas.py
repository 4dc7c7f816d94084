"""INFaaS: the least cost that meets accuracy and latency, stage by stage; batches, then replicas or another variant.

Here is when it scales and which way it takes. What each way needs is computed by `infaas_rule.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ipa_gym.optimizer.problem import COST_TOLERANCE_CORES
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.baselines import accurate_variants, least_accurate_variants, named_variants
from ipa_gym.policies.infaas_rule import Way, eligible_variants, largest_batch, replicas_for, stage_budgets_s
from ipa_gym.policies.parameters import Parameter, number, word_or_list


def median_variants(pipeline: Pipeline) -> tuple[int, ...]:
    """Index of each stage's variant of median accuracy, the lower of two; among equals the first."""
    return tuple(
        sorted(range(len(stage.variants)), key=lambda v: (stage.variants[v].accuracy, v))[
            (len(stage.variants) - 1) // 2
        ]
        for stage in pipeline.stages
    )


MEDIAN = "median"
ACCURACY_RULES: Mapping[str, Callable[[Pipeline], tuple[int, ...]]] = {  # whose accuracy is asked for
    "least-accurate": least_accurate_variants,
    MEDIAN: median_variants,
    "accurate": accurate_variants,
}


class INFaaSPolicy:
    """INFaaS' autoscaler on every stage: the user states accuracy and latency, it finds the cheapest way.

    Rule, for each stage at every decision, with the stage's part of the SLA and the measured load (the busiest second
    of the last 10 s):

    1. eligible are the variants that meet the accuracy and that serve one request within the stage's part;
    2. batch: the largest whose filling and service fit the stage's part;
    3. up: where the load exceeds the replicas' throughput less ``headroom``, the cheaper of more replicas and as many
       as it takes of another eligible variant; of equal costs the former, then the more accurate, then the first. At
       once, also where the running variant is not eligible;
    4. down: where such a way has cost less than what runs for ``scale_down_delay`` seconds: one replica less if it is
       the same variant, the switch if it is another.

    Where the paper is silent or the environment differs: a pipeline's SLA is parted by Swayam's rule (INFaaS knows
    single models); the accuracy that a user would ask for is a parameter; cost is cores, loading counts for nothing;
    one variant a stage, where INFaaS runs several side by side; batches wait to be full; decisions come every
    interval (10 s), INFaaS' workers check several times a second. Queues are not looked at.
    Agent: ``infaas``: at least as accurate as the median of the stage's variants.
    Source: Romero, Li, Yadwadkar and Kozyrakis, "INFaaS: automated model-less inference serving", USENIX ATC 2021,
        model-less interface and model autoscaling; its published code for the headroom and the ten checks.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "accuracy": word_or_list(
            MEDIAN, tuple(ACCURACY_RULES), str, meaning="at least as accurate as this variant of every stage"
        ),
        "headroom": number(
            0.05, above=0, up_to=0.9, meaning="part of the replicas' throughput that is kept free (fraction)"
        ),
        "scale_down_delay": number(
            10.0, above=0, up_to=86_400, meaning="a cheaper way must have been there so long, seconds"
        ),
    }

    def __init__(
        self,
        setting: Setting,
        *,
        accuracy: str | Sequence[str] = MEDIAN,
        headroom: float = 0.05,
        scale_down_delay: float = 10.0,
    ) -> None:
        pipeline = setting.pipeline
        named = ACCURACY_RULES[accuracy](pipeline) if isinstance(accuracy, str) else named_variants(pipeline, accuracy)
        self._setting = setting
        self._budgets_s = stage_budgets_s(pipeline)
        self._eligible = tuple(
            eligible_variants(stage, accuracy=stage.variants[index].accuracy, budget_s=budget_s)
            for stage, index, budget_s in zip(pipeline.stages, named, self._budgets_s, strict=True)
        )
        self._headroom = headroom
        self._delay_s = scale_down_delay
        self.reset()

    def reset(self) -> None:
        """Forget since when cheaper ways have been there."""
        self._decisions = 0
        self._cheaper_since_s: list[float | None] = [None] * len(self._setting.pipeline.stages)
        self.diagnostics: Mapping[str, object] = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """Scale every stage for the measured load. Shapes as in `Policy.act`."""
        seen = self._setting.layout.read(observation)
        rate_rps = float(seen.load_history_rps[-1])
        decided = [self._scale(index, choice, rate_rps) for index, choice in enumerate(seen.configuration.stages)]
        self._decisions += 1
        self.diagnostics = {"rate_rps": rate_rps, "scaling": tuple(scaling for _, scaling in decided)}
        return self._setting.actions.encode(Configuration(tuple(choice for choice, _ in decided)))

    def _scale(self, index: int, current: StageConfiguration, rate_rps: float) -> tuple[StageConfiguration, str]:
        """What a stage runs from now on, and in one word what was done."""
        ways = [self._way(index, variant, rate_rps) for variant in self._eligible[index]]
        best = min(ways, key=lambda way: self._rank(index, way, current))
        if current.variant not in self._eligible[index]:
            return self._taken(index, best, "switch")
        own = next(way for way in ways if way.variant == current.variant)
        if own.replicas > current.replicas:
            return self._taken(index, best, "replicate" if best.variant == current.variant else "switch")
        running_cores = current.replicas * self._setting.pipeline.stages[index].variants[current.variant].cores
        if best.cost_cores >= running_cores - COST_TOLERANCE_CORES:
            self._cheaper_since_s[index] = None
        elif self._cheaper_long_enough(index):
            if best.variant != current.variant:
                return self._taken(index, best, "downgrade")
            self._cheaper_since_s[index] = self._now_s  # the next one waits as long again
            return StageConfiguration(current.variant, own.batch, current.replicas - 1), "remove"
        return StageConfiguration(current.variant, own.batch, current.replicas), "keep"

    def _way(self, index: int, variant: int, rate_rps: float) -> Way:
        """As many replicas of a variant as a load takes, with the largest batch that fits."""
        pipeline = self._setting.pipeline
        profile = pipeline.stages[index].variants[variant]
        budget_s = self._budgets_s[index]
        batch = largest_batch(profile, sizes=pipeline.batch_sizes, rate_rps=rate_rps, budget_s=budget_s)
        needed = replicas_for(rate_rps, profile.throughput_rps(batch), headroom=self._headroom)
        return Way(variant, batch, needed, needed * profile.cores)

    def _taken(self, index: int, way: Way, scaling: str) -> tuple[StageConfiguration, str]:
        self._cheaper_since_s[index] = None
        replicas = min(way.replicas, self._setting.pipeline.replica_cap)
        return StageConfiguration(way.variant, way.batch, replicas), scaling

    def _rank(self, index: int, way: Way, current: StageConfiguration) -> tuple[float, float, bool, float]:
        """What makes one way better than another, the most important first; the least is the best."""
        pipeline = self._setting.pipeline
        beyond_cap = max(1.0, way.replicas / pipeline.replica_cap)  # the least of several has most throughput
        accuracy = pipeline.stages[index].variants[way.variant].accuracy
        return beyond_cap, way.cost_cores, way.variant != current.variant, -accuracy

    @property
    def _now_s(self) -> float:
        return self._decisions * self._setting.interval_s

    def _cheaper_long_enough(self, index: int) -> bool:
        since_s = self._cheaper_since_s[index]
        if since_s is None:
            self._cheaper_since_s[index] = since_s = self._now_s
        return self._now_s - since_s >= self._delay_s
