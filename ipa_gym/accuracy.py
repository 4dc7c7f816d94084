"""IPA's three accuracy measures of a pipeline, from the accuracies of its active variants.

``product`` is the pipeline accuracy score (PAS); ``rank_sum`` and ``rank_product`` work on ranks scaled
within each stage from 0 (worst) to 1 (best). Only arithmetic: no cards, no arrays of the simulator.
Source: IPA (arXiv 2308.12871), v1 for ``rank_sum``, v3 for the other two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

AccuracyMeasure = Literal["product", "rank_sum", "rank_product"]
ACCURACY_MEASURES: tuple[AccuracyMeasure, ...] = get_args(AccuracyMeasure)


def scaled_ranks(accuracies: Sequence[float]) -> tuple[float, ...]:
    """Rank a stage's variants by accuracy, evenly spaced from 0 (worst) to 1 (best).

    Variants of equal accuracy share the lower rank; a stage with one distinct accuracy counts 1.

    Args:
        accuracies: percent, one a variant, at least one.
    Returns: one rank in [0, 1] a variant, in the order given.
    Source: IPA (arXiv 2308.12871v1), pipeline accuracy.
    """
    distinct = sorted(set(accuracies))
    if len(distinct) == 1:
        return (1.0,) * len(accuracies)
    step = 1.0 / (len(distinct) - 1)
    return tuple(distinct.index(accuracy) * step for accuracy in accuracies)


def pas(accuracies: Sequence[float]) -> float:
    """Pipeline accuracy score: the product of the active variants' accuracies as fractions, in [0, 1].

    Args:
        accuracies: percent, one a stage.
    """
    return math.prod(accuracy / 100.0 for accuracy in accuracies)
