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

from ipa_gym.episode import Step
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing import SimulatorState
from ipa_gym.windows import Window


@dataclass(frozen=True, slots=True)
class EnvState:
    """Opaque full copy of an environment's state; can be pickled, and set on any environment of the same settings."""

    pipeline: Pipeline  # what it belongs to, with all overrides
    interval_s: float
    seed: int  # of the sequence of episodes
    episode: int  # number in the sequence
    generator: Mapping[str, Any]  # state of Gymnasium's np_random; Any: numpy's own layout
    windows: tuple[Window, ...]
    seen: NDArray[np.int64]  # (120 + L + 20,) requests of each second, history first
    n_seen: int
    expected_requests: float
    forecast_rps: float
    initial_configuration: Configuration
    observation: NDArray[np.float32]
    steps: tuple[Step, ...]
    simulator: SimulatorState
