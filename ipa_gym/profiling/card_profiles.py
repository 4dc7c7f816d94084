"""Generates a card's profiles: latency and startup of each variant that has a `profile` entry, and their sources.

Measured values win at the batch sizes measured; the rest follows the family's shape through them. Rewriting the
text of a card is in `ipa_gym.profiling.regeneration`; the formula in `ipa_gym.profiling.model`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ipa_gym.cards.schema import BATCH_SIZES, PipelineCardModel, ProfileSpec, StageCard, VariantCard
from ipa_gym.errors import CardError
from ipa_gym.profiling.families import check_family, fit_families
from ipa_gym.profiling.model import FamilyFit, work_from_gflops
from ipa_gym.profiling.points import ServiceTime, load_points, service_times

CONTAINER_START_S = 5.0  # chosen: schedule a container and start its server
WEIGHTS_MB_PER_S = 100.0  # chosen: read weights from network storage and hand them to the framework
BYTES_PER_PARAMETER = 4  # float32
DIGITS = 5  # of a latency, rounded down, so that the throughput that was measured or published is still reached


@dataclass(frozen=True, slots=True)
class GeneratedProfile:
    """What the cards hold for one variant: seconds by batch size, startup seconds, and where each comes from."""

    latency_s: Mapping[int, float]
    startup_s: float
    latency_source: str
    startup_source: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What fixes a variant's latency on the card's cores: seconds by measured (or published) batch size."""

    seconds: Mapping[int, float]
    source: str


class ProfileGenerator:
    """Fits all families once and generates the profiles of a card's variants."""

    def __init__(self, card: PipelineCardModel, *, measured: Sequence[ServiceTime] | None = None) -> None:
        self.card = card
        self.measured = tuple(service_times(load_points()) if measured is None else measured)

    @cached_property
    def fits(self) -> Mapping[str, FamilyFit]:
        """The families' fits to measured rows and to published throughputs of measured variants."""
        published = [
            ServiceTime(spec.measured_as, spec.series, int(variant.cores), 1, 1.0 / spec.throughput_rps, True)
            for stage in self.card.stages
            for variant in stage.variants
            if (spec := variant.profile) and spec.throughput_rps and spec.measured_as and spec.series
        ]
        return fit_families([*self.measured, *published])

    def profile(self, stage: StageCard, variant: VariantCard) -> GeneratedProfile | None:
        """The profile of a variant; None if the card gives its numbers by hand. Raises: CardError, UnknownNameError."""
        spec = variant.profile
        if spec is None:
            return None
        shape = self.fits[check_family(spec.family)].shape
        anchor = self.anchor(stage, variant, spec)
        batches = sorted(anchor.seconds)
        offsets = [math.log(anchor.seconds[batch] / shape.batch_factor(batch)) for batch in batches]
        between = np.interp(np.log(BATCH_SIZES), np.log(batches), offsets)
        curve_s = [shape.batch_factor(b) * math.exp(offset) for b, offset in zip(BATCH_SIZES, between, strict=True)]
        rising_s = np.maximum.accumulate(curve_s)
        return GeneratedProfile(
            latency_s={b: _round_down(float(s)) for b, s in zip(BATCH_SIZES, rising_s, strict=True)},
            startup_s=startup_s(spec.parameters_millions),
            latency_source=f"{anchor.source}; other batches fitted: shape of family {spec.family}",
            startup_source=(
                f"chosen: {CONTAINER_START_S:g} s to start a container, then {spec.parameters_millions:g} million "
                f"float32 parameters (about) at {WEIGHTS_MB_PER_S:g} MB/s"
            ),
        )

    def anchor(self, stage: StageCard, variant: VariantCard, spec: ProfileSpec) -> Anchor:
        """The best there is: measured on these cores, published, measured on other cores, or from GFLOPs."""
        return self._own_anchor(variant, spec) or self._anchor_from_gflops(stage, variant, spec)

    def _own_anchor(self, variant: VariantCard, spec: ProfileSpec) -> Anchor | None:
        """The anchor from what is known of the variant itself; None if it was neither measured nor published."""
        measured = self._rows(variant, spec)
        rows = f"profile_points.csv: {spec.series}, {spec.measured_as}"
        if 1 in measured:
            batches = ", ".join(str(batch) for batch in sorted(measured))
            return Anchor(measured, f"measured at batch {batches} ({rows}, {variant.cores:g} cores)")
        if spec.throughput_rps:
            text = f"published: {spec.throughput_rps:g} rps at batch 1, read off published costs"
            return Anchor({1: 1.0 / spec.throughput_rps, **measured}, text)
        fit = self.fits[check_family(spec.family)]
        if spec.measured_as and spec.series and (spec.measured_as, spec.series) in fit.work_s:
            seconds = fit.work_s[spec.measured_as, spec.series] * fit.shape.core_factor(variant.cores)
            return Anchor({1: seconds}, f"fitted: measured on other cores ({rows}), scaled to {variant.cores:g} cores")
        return None

    def seconds_on(self, stage: StageCard, variant: VariantCard, cores: int) -> float:
        """Seconds at batch 1 on other cores: measured there, else scaled by Amdahl's law from the card's cores."""
        spec = variant.profile
        if spec is None:
            raise CardError(f"{self.card.name}: variant {variant.name} has no profile entry to scale from")
        rows = self._rows(_on_cores(variant, cores), spec)
        shape = self.fits[check_family(spec.family)].shape
        scale = shape.core_factor(cores) / shape.core_factor(variant.cores)
        return rows.get(1, self.anchor(stage, variant, spec).seconds[1] * scale)

    def _rows(self, variant: VariantCard, spec: ProfileSpec) -> dict[int, float]:
        return {
            point.batch: point.seconds
            for point in self.measured
            if (point.variant, point.series) == (spec.measured_as, spec.series) and point.cores == variant.cores
        }

    def _anchor_from_gflops(self, stage: StageCard, variant: VariantCard, spec: ProfileSpec) -> Anchor:
        if spec.gflops is None:
            found = "no measured rows of that name and series, no throughput_rps and no gflops"
            raise CardError(f"{self.card.name}: variant {variant.name}.profile has {found}; expected one of them")
        shape = self.fits[check_family(spec.family)].shape
        known = [
            (v, v.profile.gflops, own.seconds[1] / shape.core_factor(v.cores))
            for v in stage.variants
            if v.profile and v.profile.gflops and (own := self._own_anchor(v, v.profile))
        ]
        work_s = work_from_gflops([w for *_, w in known], [g for _, g, _ in known], wanted_gflops=spec.gflops)
        names = ", ".join(v.name for v, *_ in known)
        text = f"fitted: {spec.gflops:g} GFLOPs on the power law through {names}, on {variant.cores:g} cores"
        return Anchor({1: work_s * shape.core_factor(variant.cores)}, text)


def startup_s(parameters_millions: float) -> float:
    """Seconds until a new replica serves: a container's start, then reading float32 weights. Chosen, not measured."""
    return round(CONTAINER_START_S + parameters_millions * BYTES_PER_PARAMETER / WEIGHTS_MB_PER_S, 2)


def _on_cores(variant: VariantCard, cores: float) -> VariantCard:
    """The variant's card with other cores."""
    return variant.model_copy(update={"cores": cores})


def _round_down(seconds: float) -> float:
    scale = 10.0 ** (DIGITS - 1 - math.floor(math.log10(seconds)))
    return math.floor(seconds * scale * (1 + 1e-12)) / scale
