"""The rules of the bound about switches, checked against what the simulator does with any plan."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from tests.hindsight.conftest import random_plan, wave_arguments, wave_settings


def _dwelling_plan(rng: np.random.Generator, scale: float) -> np.ndarray:
    """Any plan whose decisions are held for one to four intervals, so that slow starts are waited for at times."""
    settings = wave_settings(startup_scale=scale, episode_s=240)
    plan = random_plan(settings, rng)
    held = np.repeat(np.arange(24), rng.integers(1, 5, size=24))[:24]
    return plan[held]


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 2.5, 4.0])
def test_a_switch_comes_no_earlier_than_the_bound_supposes(scale: float) -> None:
    rng, n_switches, interval_s = np.random.default_rng(int(10 * scale)), 0, 10.0
    env = PipelineEnv(**wave_arguments(startup_scale=scale, episode_s=240))
    for seed in range(12):
        env.reset(seed=seed, options={"start": 0})
        for action in _dwelling_plan(rng, scale):
            env.step(action)
        for index, stage in enumerate(env.pipeline.stages):
            last = -1  # interval of the last switch to another variant
            for row in env.rows:
                moment_s = row.outcome.switch_s[index]
                if np.isnan(moment_s):
                    continue
                n_switches += 1
                startup_s = stage.variants[row.outcome.variant[index]].startup_s * scale
                earliest = last + 1 + int(startup_s / interval_s)
                assert row.index >= earliest
                share = 1 - (moment_s - row.start_s) / interval_s
                prompt = row.index == earliest or startup_s < interval_s
                assert share <= (1 - (startup_s % interval_s) / interval_s if prompt else 1.0) + 1e-9
                last = row.index
    assert n_switches > 50
