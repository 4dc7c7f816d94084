"""What a pipeline card may contain: pydantic models that mirror the YAML, field by field.

Checks here concern one field or one list; what spans the card is in `ipa_gym.cards.checks`. Nothing here reads
files, and nothing outside `ipa_gym.cards` and `ipa_gym.profiling` sees these models: `ipa_gym.cards.loader`
converts them at once. Times are seconds and rates requests per second of the *profile*, before `slowdown`.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from ipa_gym.accuracy import AccuracyMeasure

MAX_BATCH = 64
BATCH_SIZES: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
PaperPolicy = Literal["ipa", "fa2-low", "fa2-high", "rim", "*"]
PaperLoad = Literal["bursty", "steady-low", "steady-high", "fluctuating", "*"]

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
BatchCap = Annotated[int, Field(strict=True, ge=1, le=MAX_BATCH)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Name = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


def require(condition: bool, found: object, allowed: str) -> None:
    """Raise the validation error that `messages.py` turns into "is <found>; expected <allowed>"."""
    if not condition:
        raise PydanticCustomError("card", "{allowed}", {"allowed": allowed, "found": found})


def require_unique(names: list[str]) -> None:
    """Raise if a name occurs twice in a list of stages or variants."""
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"{twice!r} twice", "each name once")


class CardModel(BaseModel):
    """Base: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileSpec(CardModel):
    """How `ipa_gym.profiling` generates a variant's latency and startup; see docs/cards.md."""

    family: Text  # variants of one family share the shape in batch and in cores
    measured_as: Text | None = None  # the variant's name in profile_points.csv
    series: Text | None = None  # the notebook whose rows anchor this variant, if several measured it
    throughput_rps: Positive | None = None  # at batch 1 on the card's cores, read off published results
    gflops: Positive | None = None  # for variants that were neither measured nor published
    parameters_millions: Positive


class VariantCard(CardModel):
    """One model of a stage's task."""

    name: Name
    accuracy: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=100)]
    cores: Positive
    startup: NonNegative
    latency: dict[Annotated[int, Field(strict=True)], Number]
    enabled: Annotated[bool, Field(strict=True)] = True
    profile: ProfileSpec | None = None
    sources: dict[Literal["accuracy", "cores", "startup", "latency"], Text] = {}

    @field_validator("latency")
    @classmethod
    def _check_latency(cls, latency: dict[int, float]) -> dict[int, float]:
        sizes = sorted(latency)
        strange = [size for size in sizes if size not in BATCH_SIZES]
        require(not strange, f"given for batch {strange[:1]}", "batch sizes that are powers of two from 1 to 64")
        missing = [size for size in BATCH_SIZES if size <= max(sizes, default=1) and size not in latency]
        require(not missing, f"without batch {missing}", "every power of two from 1 to the largest profiled batch")
        for size in sizes:
            require(latency[size] > 0, f"{latency[size]} s at batch {size}", "seconds > 0")
        for smaller, larger in itertools.pairwise(sizes):
            found = f"{latency[smaller]} s at batch {smaller} and {latency[larger]} s at batch {larger}"
            require(latency[larger] >= latency[smaller], found, "a latency that does not fall as the batch grows")
        return latency


class StageCard(CardModel):
    """One task of the chain."""

    name: Name
    variants: Annotated[list[VariantCard], Field(min_length=1)]

    @field_validator("variants")
    @classmethod
    def _check_variants(cls, variants: list[VariantCard]) -> list[VariantCard]:
        require_unique([variant.name for variant in variants])
        require(any(variant.enabled for variant in variants), "all disabled", "at least one enabled variant")
        return variants


class ObjectiveCard(CardModel):
    """Weights of IPA's objective and of the reward's SLA penalty."""

    alpha: NonNegative
    beta: NonNegative
    delta: NonNegative
    rho: NonNegative
    accuracy_measure: AccuracyMeasure


class ChoiceCard(CardModel):
    """What one stage runs at the start of an episode."""

    variant: Text
    batch: Annotated[int, Field(strict=True, ge=1, le=MAX_BATCH)] = 1
    replicas: Count


class BaselinesCard(CardModel):
    """What the heuristics keep fixed: one entry a stage."""

    fa2_high: list[Text] | None = None  # names of variants
    rim: list[Count] | None = None  # replicas


class PaperProfile(CardModel):
    """Another base allocation of a variant in some published runs."""

    cores: Positive
    throughput_rps: Positive  # of one replica at batch 1, before margins


class PaperSet(CardModel):
    """What a published run had different from the card; only what is given changes."""

    alpha: NonNegative | None = None
    beta: NonNegative | None = None
    batch_cap: BatchCap | None = None
    load_factor: Positive | None = None  # the planner multiplied the predicted load by it
    throughput_factor: Positive | None = None  # planned throughput over profiled; default 1 / slowdown
    replicas: list[Count] | None = None  # RIM's, one a stage
    profiles: dict[Text, PaperProfile] = {}  # by variant name


class PaperRun(CardModel):
    """Settings of the published runs of some policies under some loads."""

    policy: PaperPolicy | list[PaperPolicy] = "*"
    load: PaperLoad | list[PaperLoad] = "*"
    set: PaperSet
    source: Text | None = None


class PaperCard(CardModel):
    """Differences of single published runs; read by the comparison with the paper only. Later runs win."""

    runs: list[PaperRun] = []


class PipelineCardModel(CardModel):
    """A whole pipeline card."""

    name: Name
    title: Text
    version: Text
    sla: Positive
    drop_after: Positive
    batch_timeout: Positive
    batch_cap: BatchCap
    replica_cap: Count
    threshold: Positive | None = None  # requests/s a replica must sustain; base allocation only
    slowdown: Positive = 1.0
    forecast: Text = "reactive"  # checked by `forecast_of_card`
    objective: ObjectiveCard
    sources: dict[Text, Text] = {}
    stages: Annotated[list[StageCard], Field(min_length=1)]
    baselines: BaselinesCard = BaselinesCard()
    initial: list[ChoiceCard] | None = None
    paper: PaperCard = PaperCard()

    @field_validator("batch_cap")
    @classmethod
    def _check_batch_cap(cls, batch_cap: int) -> int:
        require(batch_cap in BATCH_SIZES, batch_cap, "a power of two from 1 to 64")
        return batch_cap

    @field_validator("stages")
    @classmethod
    def _check_stages(cls, stages: list[StageCard]) -> list[StageCard]:
        require_unique([stage.name for stage in stages])
        return stages
