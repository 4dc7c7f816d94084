"""A pipeline card as the program uses it: the pipeline and, beside it, what only some callers need.

`PipelineCard` holds the paper's settings and the source of each number; `Pipeline` alone is what
environments and planners see. Frozen values only; reading is in `ipa_gym.cards.loader`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ipa_gym.pipeline import Pipeline, Stage, Variant


@dataclass(frozen=True, slots=True)
class PaperProfile:
    """Another base allocation: cores of one replica, and requests/s at batch 1 before margins."""

    cores: float
    throughput_rps: float


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """What one published run (policy and load) had different from the card; None: as in the card."""

    alpha: float | None = None
    beta: float | None = None
    batch_cap: int | None = None
    load_factor: float = 1.0  # the planner multiplies the predicted load by it
    throughput_factor: float | None = None  # planned over profiled throughput; None: 1 / slowdown
    replicas: tuple[int, ...] | None = None
    profiles: Mapping[str, PaperProfile] = field(default_factory=dict)

    def planned_pipeline(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline as the published run's planner saw it; `load_factor` and `replicas` remain the caller's."""
        weights = replace(
            pipeline.objective,
            alpha=pipeline.objective.alpha if self.alpha is None else self.alpha,
            beta=pipeline.objective.beta if self.beta is None else self.beta,
        )
        stages = tuple(
            Stage(name=stage.name, variants=tuple(self._planned_variant(v, pipeline) for v in stage.variants))
            for stage in pipeline.stages
        )
        changed = replace(pipeline, stages=stages, objective=weights)
        return changed if self.batch_cap is None else changed.with_limits(batch_cap=self.batch_cap)

    def _planned_variant(self, variant: Variant, pipeline: Pipeline) -> Variant:
        slowdown = pipeline.slowdown if self.throughput_factor is None else 1.0 / self.throughput_factor
        profile = self.profiles.get(variant.name)
        ratio = slowdown / pipeline.slowdown
        if profile is not None:  # the same shape in batch, through the other batch-1 throughput
            ratio = slowdown / profile.throughput_rps / variant.latency_s[0]
        latency_s = tuple(seconds * ratio for seconds in variant.latency_s)
        return replace(variant, latency_s=latency_s, cores=variant.cores if profile is None else profile.cores)


@dataclass(frozen=True, slots=True)
class PaperRun:
    """One entry of the card's `paper.runs`: the policies and loads it speaks about ("*": all), and what it sets."""

    policies: tuple[str, ...]
    loads: tuple[str, ...]
    given: Mapping[str, object]  # fields of PaperSettings that this run sets
    source: str

    def applies(self, policy: str, load: str) -> bool:
        """Whether this entry speaks about a policy under a load."""
        return bool({policy, "*"} & set(self.policies)) and bool({load, "*"} & set(self.loads))


@dataclass(frozen=True, slots=True)
class PipelineCard:
    """A pipeline card, converted: see the module's docstring."""

    path: Path
    pipeline: Pipeline
    disabled: tuple[str, ...]  # "stage/variant" of variants in the card that do not take part
    sources: Mapping[str, str]  # "sla", "alpha", "stages/object-detection/yolov5n/latency" -> where from
    paper_runs: tuple[PaperRun, ...]

    def paper_settings(self, policy: str, load: str) -> PaperSettings:
        """Settings of the published run of ``policy`` under ``load``: all entries that apply, later ones winning."""
        merged: dict[str, object] = {}
        for run in self.paper_runs:
            if run.applies(policy, load):
                merged.update(run.given)
        return PaperSettings(**merged)  # type: ignore[arg-type]  # the keys were checked by the schema
