"""The infos of a vector environment: arrays over the environments, each beside a mask ``_name`` of those that have it.

That is Gymnasium's form, made at once instead of from N dicts. Where the mask is False the values are 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import COUNTS, INFO, TERMS

Infos = dict[str, Any]  # Any: arrays, and dicts of arrays
Flags = NDArray[np.bool_]


def step_infos(metrics: NDArray[np.float64], has: Flags) -> Infos:
    """Infos of a step.

    Args:
        metrics: float64 (N, len(METRICS)), copied.
        has: bool (N,), which environments were stepped; without any the infos are empty.
    """
    if not has.any():
        return {}
    values = metrics.copy()
    values[~has] = 0.0
    infos: Infos = {}
    for column, name in enumerate(INFO):
        infos[name] = values[:, column].astype(np.int64) if name in COUNTS else values[:, column]
        infos["_" + name] = has
    terms: Infos = {}
    for column, name in enumerate(TERMS, start=len(INFO)):
        terms[name], terms["_" + name] = values[:, column], has
    return infos | {"reward_terms": terms, "_reward_terms": has}


def reset_infos(windows: NDArray[np.int64], episode: NDArray[np.int64], has: Flags) -> Infos:
    """Infos of a reset.

    Args:
        windows: int64 (N, n_windows, 2), from and to, seconds of the trace.
        episode: int64 (N,), number of the episode in its sequence.
        has: bool (N,), which environments were reset.
    """
    return {
        "windows": np.where(has[:, None, None], windows, 0),
        "_windows": has,
        "episode_index": np.where(has, episode, 0),
        "_episode_index": has,
    }
