"""`EnvState`: everything an environment carries from one step to the next, as a value.

`PipelineEnv.get_state` makes one and `set_state` continues from it bit for bit, in the same process or, pickled, in
another one: planners branch this way. It holds no code and no reference into the environment that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import IntervalRow
from ipa_gym.load import EpisodeLoad
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing import SimulatorState


@dataclass(frozen=True, slots=True)
class EnvState:
    """Opaque full copy of an environment's state; can be pickled, and set on any environment of the same settings."""

    pipeline: Pipeline  # what it belongs to, with all overrides
    interval_s: float
    seed: int | None  # of the sequence of episodes
    episode: int  # number in the sequence
    generator: Mapping[str, Any]  # state of Gymnasium's np_random; Any: numpy's own layout
    load: EpisodeLoad
    expected_requests: float
    initial_configuration: Configuration
    decision: Configuration
    forecast_rps: float
    observation: NDArray[np.float32]
    rows: tuple[IntervalRow, ...]
    simulator: SimulatorState
