"""What an autoscaler finds deployed: variants and batch sizes that stay, and a clock that counts its decisions.

Shared by the policies that set replicas only: `hpa.py`, `kpa.py`, `ray_serve.py`, `keda.py`. Nothing here says how many
replicas there should be: each policy's rule does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ipa_gym.observation import Observation, StageObservation
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.baselines import named_variants
from ipa_gym.policies.fa2 import VARIANT_RULES
from ipa_gym.policies.parameters import Parameter, word_or_list

INITIAL = "initial"
KEPT_VARIANTS: Parameter = word_or_list(
    INITIAL, (INITIAL, *VARIANT_RULES), str, meaning="what every stage runs, for good"
)


class Deployment:
    """The part of a configuration that an autoscaler keeps, and the time since the episode began.

    Args:
        setting: of the policy.
        variants: the parameter ``variants``: what the episode starts with, a rule of FA2, or a name for each stage.
    Raises: OptionError or UnknownNameError for names that do not fit the pipeline.
    """

    def __init__(self, setting: Setting, variants: str | Sequence[str]) -> None:
        self._setting = setting
        self._variants = _indices(setting.pipeline, variants)
        self.reset()

    def reset(self) -> None:
        """Forget what the last episode began with, and start the clock anew."""
        self._decisions = 0
        self._kept: tuple[StageConfiguration, ...] = ()  # variants and batches that stay; the replicas mean nothing

    @property
    def now_s(self) -> float:
        """Seconds since the episode's first decision: decisions so far times the interval."""
        return self._decisions * self._setting.interval_s

    @property
    def kept(self) -> tuple[StageConfiguration, ...]:
        """Variant and batch of each stage, which stay; known once something was read."""
        return self._kept

    def read(self, observation: ObservationArray) -> Observation:
        """Read an observation; the first of an episode says what is deployed."""
        seen = self._setting.layout.read(observation)
        if not self._kept:
            initial = seen.configuration.stages
            variants = self._variants or tuple(choice.variant for choice in initial)
            self._kept = tuple(
                StageConfiguration(variant, choice.batch, choice.replicas)
                for variant, choice in zip(variants, initial, strict=True)
            )
        return seen

    def switching(self, index: int, stage: StageObservation) -> bool:
        """Whether a stage (index from 0) does not serve its variant yet: autoscalers then leave the replicas alone."""
        return stage.variant != self._kept[index].variant

    def measured(self, index: int, stage: StageObservation) -> bool:
        """Whether the observation measures the replicas of the variant that stays.

        Not at the first decision, which has no interval behind it, nor while a variant switch is under way.
        """
        return self._decisions > 0 and not self.switching(index, stage)

    def scaled(self, seen: Observation, rule: Callable[[int, StageObservation, int], int]) -> list[int]:
        """Replicas of each stage by a rule of its index, what is seen of it, and how many serve or start now."""
        stages = zip(seen.stages, seen.configuration.stages, strict=True)
        return [rule(index, stage, choice.replicas) for index, (stage, choice) in enumerate(stages)]

    def decide(self, replicas: Sequence[int]) -> ActionArray:
        """The action that sets these replicas, one number a stage; the clock moves on by an interval."""
        self._decisions += 1
        choices = tuple(
            StageConfiguration(kept.variant, kept.batch, count)
            for kept, count in zip(self._kept, replicas, strict=True)
        )
        return self._setting.actions.encode(Configuration(choices))


def _indices(pipeline: Pipeline, given: str | Sequence[str]) -> tuple[int, ...] | None:
    if isinstance(given, str):
        return None if given == INITIAL else VARIANT_RULES[given](pipeline)
    return named_variants(pipeline, given)
