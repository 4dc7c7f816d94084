"""Families of variants: which measured variants share a shape in batch and in cores.

A table and its fit; the formula is in `ipa_gym.profiling.model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ipa_gym.errors import unknown_name
from ipa_gym.profiling.model import FamilyFit, fit_family, mean_shape
from ipa_gym.profiling.points import ServiceTime

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {  # family in cards -> how the names of its variants in profile_points.csv begin
        "detection": ("yolov5",),
        "classification": ("resnet",),
        "speech": ("facebook-s2t", "facebook-wav2vec2"),
        "encoder": ("deepset-", "dinalzein-"),  # BERT-like: question answering, sentiment, language identification
        "summarisation": ("sshleifer-",),
        "translation": ("Helsinki-NLP-",),
    }
)


def fit_families(measured: Sequence[ServiceTime]) -> Mapping[str, FamilyFit]:
    """Fit every family that was measured, towards the families' mean shape where its rows leave something open."""
    groups = {name: [point for point in measured if point.variant.startswith(FAMILIES[name])] for name in FAMILIES}
    present = {name: group for name, group in groups.items() if group}
    prior = mean_shape(list(present.values()))
    return {name: fit_family(group, prior=prior) for name, group in present.items()}


def check_family(name: str) -> str:
    """The name, if there is such a family. Raises: UnknownNameError."""
    if name not in FAMILIES:
        raise unknown_name("profile family", name, FAMILIES)
    return name
