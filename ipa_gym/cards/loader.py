"""Loads pipeline cards: by name or path, validated, converted to frozen values.

`load_pipeline` is what most callers need; `load_card` adds the paper's settings and sources.
The slowdown is applied here, so that everyone behind sees the same latencies. Fields: `ipa_gym.cards.schema`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from ipa_gym import catalog
from ipa_gym.cards.card import PaperProfile, PaperRun, PipelineCard
from ipa_gym.cards.checks import check_card
from ipa_gym.cards.forecast_field import forecast_of_card
from ipa_gym.cards.messages import from_validation
from ipa_gym.cards.schema import PaperRun as PaperRunModel
from ipa_gym.cards.schema import PipelineCardModel, StageCard, VariantCard
from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.pipeline import Baselines, Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant


def load_pipeline(name_or_path: str | Path) -> Pipeline:
    """The pipeline of a shipped card (``"video"``) or of the user's own file.

    Raises: UnknownNameError if there is no such card; CardError, one line, if the card is broken.
    """
    return load_card(name_or_path).pipeline


def load_card(name_or_path: str | Path) -> PipelineCard:
    """A whole card: pipeline, paper's settings, sources. Raises: as `load_pipeline`."""
    path = catalog.find("envs", name_or_path)
    return convert_card(read_card_model(path), path)


def read_card_model(path: Path) -> PipelineCardModel:
    """Read and validate a card file. Raises: CardError, one line."""
    return parse_card_model(read_text(path), path)


def parse_card_model(text: str, file: object) -> PipelineCardModel:
    """Parse and validate a card's text; ``file`` names it in errors. Raises: CardError, one line."""
    data = parse_mapping(text, file)
    try:
        model = PipelineCardModel.model_validate(data)
    except ValidationError as error:
        raise from_validation(file, PipelineCardModel, error) from None
    check_card(model, file)
    return model


def convert_card(model: PipelineCardModel, path: Path) -> PipelineCard:
    """Turn a validated card into the values that the program uses."""
    stages = tuple(_stage(stage, model.slowdown) for stage in model.stages)
    pipeline = Pipeline(
        name=model.name,
        title=model.title,
        stages=stages,
        sla_s=model.sla,
        drop_after_s=model.drop_after,
        batch_timeout_s=model.batch_timeout,
        batch_cap=model.batch_cap,
        replica_cap=model.replica_cap,
        slowdown=model.slowdown,
        objective=Objective(**model.objective.model_dump()),
        forecast=forecast_of_card(model.forecast, path),
        initial=_initial(model, stages),
        baselines=_baselines(model, stages),
        version=model.version,
    )
    disabled = [f"{stage.name}/{v.name}" for stage in model.stages for v in stage.variants if not v.enabled]
    return PipelineCard(
        path=path,
        pipeline=pipeline,
        disabled=tuple(disabled),
        sources=_sources(model),
        paper_runs=tuple(_paper_run(run) for run in model.paper.runs),
    )


def _stage(stage: StageCard, slowdown: float) -> Stage:
    return Stage(name=stage.name, variants=tuple(_variant(v, slowdown) for v in stage.variants if v.enabled))


def _variant(variant: VariantCard, slowdown: float) -> Variant:
    sizes = tuple(sorted(variant.latency))
    return Variant(
        name=variant.name,
        accuracy=float(variant.accuracy),
        cores=float(variant.cores),
        startup_s=float(variant.startup),
        batch_sizes=sizes,
        latency_s=tuple(slowdown * variant.latency[size] for size in sizes),
    )


def _initial(model: PipelineCardModel, stages: tuple[Stage, ...]) -> Configuration | None:
    if model.initial is None:
        return None
    return Configuration(
        stages=tuple(
            StageConfiguration(
                variant=stage.variant_index(choice.variant), batch=choice.batch, replicas=choice.replicas
            )
            for stage, choice in zip(stages, model.initial, strict=True)
        )
    )


def _baselines(model: PipelineCardModel, stages: tuple[Stage, ...]) -> Baselines:
    names, replicas = model.baselines.fa2_high, model.baselines.rim
    return Baselines(
        fa2_high_variants=None if names is None else tuple(map(Stage.variant_index, stages, names)),
        rim_replicas=None if replicas is None else tuple(replicas),
    )


def _paper_run(run: PaperRunModel) -> PaperRun:
    given: dict[str, object] = run.set.model_dump(exclude_unset=True, exclude={"profiles", "replicas"})
    if run.set.replicas is not None:
        given["replicas"] = tuple(run.set.replicas)
    if run.set.profiles:
        given["profiles"] = {name: PaperProfile(**p.model_dump()) for name, p in run.set.profiles.items()}
    return PaperRun(policies=_as_tuple(run.policy), loads=_as_tuple(run.load), given=given, source=run.source or "")


def _as_tuple(names: str | Sequence[str]) -> tuple[str, ...]:  # one name or several
    return (names,) if isinstance(names, str) else tuple(names)


def _sources(model: PipelineCardModel) -> Mapping[str, str]:
    sources = dict(model.sources)
    for stage in model.stages:
        for variant in stage.variants:
            for field, text in variant.sources.items():
                sources[f"stages/{stage.name}/{variant.name}/{field}"] = text
    return sources
