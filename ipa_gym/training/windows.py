"""The load that agents learn on: the training days without their validation part, at several scales.

Validation and test windows are never in it. Which seconds are whose: `ipa_gym/workload/validation.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ipa_gym.workload.trace import Trace
from ipa_gym.workload.validation import with_validation

_SEED = 20_230_812  # of the rounding: any number does, the same for every run


def learning_trace(trace: Trace, scales: Sequence[float]) -> Trace:
    """The ``fit`` seconds of a trace, one copy after another, each multiplied by one of the scales.

    So a window is drawn from a scale at random (domain randomisation): an agent meets more load, and less, than the
    training days had. Scaled counts are rounded up or down at random so that their mean is the scaled mean.

    Args:
        scales: factors on the load, above 0.
    Returns: a trace without splits. A window may lie across two copies, a jump of the load: a few in a thousand do.
    """
    parted = with_validation(trace)
    start, end = parted.split_range("fit")
    counts = parted.counts[start:end]
    generator = np.random.default_rng(_SEED)
    copies = [
        counts if scale == 1 else np.floor(counts * scale + generator.random(len(counts))).astype(counts.dtype)
        for scale in scales
    ]
    return Trace(f"{trace.name} (to learn on)", np.concatenate(copies), source=trace.source)
