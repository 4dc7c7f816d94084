"""Checks that need the whole card: batch sizes up to the cap, a reachable SLA, names and lengths that must agree.

Each raises one `CardError`. Checks of single fields are in `ipa_gym.cards.schema`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipa_gym.cards.messages import card_error, nearest
from ipa_gym.cards.schema import BATCH_SIZES, PipelineCardModel, VariantCard

SOURCED_FIELDS = (
    "sla",
    "drop_after",
    "batch_timeout",
    "batch_cap",
    "replica_cap",
    "threshold",
    "slowdown",
    "forecast",
    "initial",
)
OBJECTIVE_FIELDS = ("alpha", "beta", "delta", "rho", "accuracy_measure")
BASELINE_FIELDS = ("fa2_high", "rim")


def check_card(card: PipelineCardModel, file: object) -> None:
    """Run every check. Raises: CardError for the first that fails."""
    check_batch_sizes(card, file)
    check_sla(card, file)
    check_baselines(card, file)
    check_initial(card, file)
    check_paper(card, file)
    check_sources(card, file)


def check_batch_sizes(card: PipelineCardModel, file: object) -> None:
    """Every variant is profiled at each power of two from 1 to the batch cap."""
    needed = [size for size in BATCH_SIZES if size <= card.batch_cap]
    for s, stage in enumerate(card.stages):
        for v, variant in enumerate(stage.variants):
            missing = [size for size in needed if size not in variant.latency]
            if missing:
                path = f"stages[{s}].variants[{v}].latency"
                allowed = f"every power of two from 1 to the batch_cap {card.batch_cap}"
                raise card_error(file, path, f"without batch {missing}", allowed=allowed)


def check_sla(card: PipelineCardModel, file: object) -> None:
    """Some configuration meets the SLA: the fastest variants at batch 1 do."""
    fastest_s = card.slowdown * sum(
        min(variant.latency[1] for variant in stage.variants if variant.enabled) for stage in card.stages
    )
    if fastest_s > card.sla:
        allowed = f"at least {fastest_s:.4g} s, what the fastest variants need at batch 1 with the slowdown"
        raise card_error(file, "sla", f"{card.sla}", allowed=allowed)


def check_baselines(card: PipelineCardModel, file: object) -> None:
    """The baselines name one enabled variant, or one number of replicas, for each stage."""
    if card.baselines.fa2_high is not None:
        names = card.baselines.fa2_high
        _check_length(card, file, "baselines.fa2_high", names)
        for s, name in enumerate(names):
            _check_variant(card, file, f"baselines.fa2_high[{s}]", stage_index=s, name=name)
    if card.baselines.rim is not None:
        _check_replicas(card, file, "baselines.rim", card.baselines.rim)


def check_initial(card: PipelineCardModel, file: object) -> None:
    """The initial configuration is one that a controller could choose."""
    if card.initial is None:
        return
    _check_length(card, file, "initial", card.initial)
    _check_replicas(card, file, "initial", [choice.replicas for choice in card.initial])
    for s, choice in enumerate(card.initial):
        _check_variant(card, file, f"initial[{s}].variant", stage_index=s, name=choice.variant)
        if choice.batch not in BATCH_SIZES or choice.batch > card.batch_cap:
            allowed = f"a power of two up to the batch_cap {card.batch_cap}"
            raise card_error(file, f"initial[{s}].batch", str(choice.batch), allowed=allowed)


def check_paper(card: PipelineCardModel, file: object) -> None:
    """The paper section names variants of this card and one number of replicas a stage."""
    known = [variant.name for stage in card.stages for variant in _enabled(stage.variants)]
    for r, run in enumerate(card.paper.runs):
        if run.set.replicas is not None:
            _check_replicas(card, file, f"paper.runs[{r}].set.replicas", run.set.replicas)
        for name in run.set.profiles:
            if name not in known:
                path, allowed = f"paper.runs[{r}].set.profiles", f"one of {', '.join(known)}"
                raise card_error(file, path, repr(name), allowed=allowed, hint=nearest(name, known))
        cap = run.set.batch_cap
        if cap is not None and cap not in BATCH_SIZES:
            raise card_error(file, f"paper.runs[{r}].set.batch_cap", str(cap), allowed="a power of two from 1 to 64")


def check_sources(card: PipelineCardModel, file: object) -> None:
    """The card's `sources` speak about keys that exist."""
    known = (*SOURCED_FIELDS, *OBJECTIVE_FIELDS, *BASELINE_FIELDS)
    for name in card.sources:
        if name not in known:
            hint = nearest(name, known)
            raise card_error(file, f"sources.{name}", "an unknown key", allowed=f"one of {', '.join(known)}", hint=hint)


def _enabled(variants: Sequence[VariantCard]) -> list[VariantCard]:
    return [variant for variant in variants if variant.enabled]


def _check_length(card: PipelineCardModel, file: object, path: str, entries: Sequence[object]) -> None:
    if len(entries) != len(card.stages):
        found, allowed = f"a list of {len(entries)}", f"one entry for each of the {len(card.stages)} stages"
        raise card_error(file, path, found, allowed=allowed)


def _check_replicas(card: PipelineCardModel, file: object, path: str, replicas: Sequence[int]) -> None:
    _check_length(card, file, path, replicas)
    for s, count in enumerate(replicas):
        if count > card.replica_cap:
            allowed = f"1 to the replica_cap {card.replica_cap}"
            raise card_error(file, f"{path}[{s}]", f"{count} replicas", allowed=allowed)


def _check_variant(card: PipelineCardModel, file: object, path: str, *, stage_index: int, name: str) -> None:
    known = [variant.name for variant in _enabled(card.stages[stage_index].variants)]
    if name not in known:
        stage = card.stages[stage_index].name
        allowed = f"an enabled variant of stage {stage}: {', '.join(known)}"
        raise card_error(file, path, repr(name), allowed=allowed, hint=nearest(name, known))
