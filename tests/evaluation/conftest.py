"""The toy pipeline under a wave, windows of 100 s; and a policy with memory, one without."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.policies import AgentCard, load_agent_card
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

SECONDS = np.arange(3000)
WAVE = Trace(
    "wave",
    np.rint(15 + 15 * np.sin(SECONDS / 60.0)).astype(np.int64),  # 0 to 30 rps
    {"train": (0, 1400), "test": (1400, 3000)},
)
STARTS = np.array([1400, 1511, 1600, 2900])  # the first and the last that the split allows are among them


def toy_settings(**changes: object) -> EnvSettings:
    """Ten decisions a window; noisy service, so that the seed of the service times counts too."""
    values: dict[str, object] = {"split": "test", "episode_s": 100, "service_cv": 0.5}
    return env_settings(toy_pipeline(), WAVE, **{**values, **changes})  # type: ignore[arg-type]  # tests change any


@pytest.fixture
def settings() -> EnvSettings:
    return toy_settings()


@pytest.fixture
def ipa_exact() -> AgentCard:
    return load_agent_card("ipa-exact")


@pytest.fixture
def hpa() -> AgentCard:
    return load_agent_card("hpa")
