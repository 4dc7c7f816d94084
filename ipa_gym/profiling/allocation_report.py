"""What the paper's base-allocation rule gives for a card's variants, beside the cores that the card keeps.

Returns rows; printing them is the command line's business. The rule itself: `ipa_gym.profiling.base_allocation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ipa_gym.cards.loader import read_card_model
from ipa_gym.cards.schema import PipelineCardModel, StageCard
from ipa_gym.errors import CardError
from ipa_gym.profiling.base_allocation import CoreOption, base_allocation, stage_sla_s
from ipa_gym.profiling.card_profiles import ProfileGenerator

CORE_CHOICES = (1, 2, 4, 8, 16, 32)  # the numbers of cores that were profiled


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """One variant: the rule's cores (None: no choice sustains the threshold), the card's, and the stage's SLA."""

    stage: str
    variant: str
    rule_cores: float | None
    card_cores: float
    sla_s: float


def allocation_report(path: Path) -> tuple[AllocationRow, ...]:
    """Apply the rule to every variant that has a profile, with the card's threshold and slowdown.

    The stage's SLA takes latencies on one core, the allocation before any was made.
    Raises: CardError if the card is broken or has no threshold.
    """
    card = read_card_model(path)
    if card.threshold is None:
        raise CardError(f"{path}: threshold is missing; expected requests/s that one replica must sustain.")
    generator = ProfileGenerator(card)
    rows: list[AllocationRow] = []
    for stage in card.stages:
        rows += _stage_rows(card, stage, generator, card.threshold)
    return tuple(rows)


def _stage_rows(
    card: PipelineCardModel, stage: StageCard, generator: ProfileGenerator, threshold_rps: float
) -> list[AllocationRow]:
    variants = [variant for variant in stage.variants if variant.profile]
    if not variants:
        return []
    options = {
        variant.name: [
            CoreOption(cores, seconds, 1.0 / seconds)
            for cores in CORE_CHOICES
            for seconds in [card.slowdown * generator.seconds_on(stage, variant, cores)]
        ]
        for variant in variants
    }
    sla_s = stage_sla_s([options[variant.name][0].latency_s for variant in variants])
    return [
        AllocationRow(
            stage=stage.name,
            variant=variant.name,
            rule_cores=base_allocation(options[variant.name], threshold_rps=threshold_rps, sla_s=sla_s),
            card_cores=variant.cores,
            sla_s=sla_s,
        )
        for variant in variants
    ]
