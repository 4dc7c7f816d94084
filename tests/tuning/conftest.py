"""A search that takes a second a trial: A2C on four environments, a few hundred steps, two hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ipa_gym.tuning.settings import TuningSettings

CARD = """\
name: small
title: a learner that is done in a second
algorithm: a2c
forecast: reactive
hyperparameters: {steps: 240, n_envs: 4, n_steps: 5, net_arch: [8], learning_rate: 0.01, gamma: 0.5}
"""
SPACE = """\
algorithm: a2c
ranges:
  learning_rate: {log: [1e-3, 1e-1]}
  gamma: {choice: [0.1, 0.5, 0.9]}
"""


@pytest.fixture
def small(tmp_path: Path) -> TuningSettings:
    """Three trials."""
    (tmp_path / "small.yaml").write_text(CARD, encoding="utf-8")
    (tmp_path / "space.yaml").write_text(SPACE, encoding="utf-8")
    changes: dict[str, Any] = {"agent": str(tmp_path / "small.yaml"), "space": str(tmp_path / "space.yaml")}
    return TuningSettings(env="video", trials=3, eval_windows=1, out=tmp_path / "tuning", seed=4, **changes)
