"""A setting of the toy pipeline, observations of it, and a small environment to run policies in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ipa_gym.action import ActionLayout
from ipa_gym.observation import HISTORY_BINS, Observation, ObservationLayout, StageObservation
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies import Setting
from ipa_gym.policies.base import ObservationArray
from tests.conftest import toy_pipeline

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv


def make_setting(pipeline: Pipeline, interval_s: float = 10.0) -> Setting:
    return Setting(pipeline, ObservationLayout(pipeline, interval_s), ActionLayout(pipeline), interval_s)


def stage_seen(**changes: float) -> StageObservation:
    """A stage that serves variant 0, batch 1, with one idle replica, unless told otherwise."""
    values = {"variant": 0, "target_variant": 0, "batch": 1, "replicas": 1, "starting": 0, "queue_requests": 0}
    return StageObservation(**{**values, "utilisation": 0.0, "sojourn_p99_s": 0.0, "drops": 0, **changes})  # type: ignore[arg-type]  # tests change any field


def seen(setting: Setting, *stages: StageObservation, forecast_rps: float = 0.0) -> ObservationArray:
    """The vector of an observation; stages that are not given look like `stage_seen()`."""
    rest = (stage_seen(),) * (len(setting.pipeline.stages) - len(stages))
    return setting.layout.write(Observation(np.zeros(HISTORY_BINS), forecast_rps, (*stages, *rest)))


@pytest.fixture
def setting() -> Setting:
    return make_setting(toy_pipeline())


@pytest.fixture
def toy_env() -> PipelineEnv:
    """The toy pipeline under a load from 0 to 30 rps, 60 decisions an episode."""
    from ipa_gym.env import PipelineEnv
    from ipa_gym.workload.trace import Trace

    seconds = np.arange(2000)
    counts = np.rint(15 + 15 * np.sin(seconds / 60.0)).astype(np.int64)
    return PipelineEnv(toy_pipeline(), Trace("wave", counts), episode_s=600)
