"""Where a search starts: what IPA and FA2-low will do is among its plans, action by action."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.hindsight.starting_plans import interval_loads, starting_plans
from ipa_gym.policies import make_policy
from tests.hindsight.conftest import wave_arguments, wave_settings


@pytest.mark.parametrize(
    ("agent", "forecast"), [("ipa-perfect", "perfect"), ("ipa-exact", "reactive"), ("fa2-low", "reactive")]
)
def test_the_plans_of_the_planners_are_among_them(agent: str, forecast: str) -> None:
    arguments = wave_arguments(15.0, forecast=forecast)
    env = PipelineEnv(**arguments)
    policy = make_policy(agent, env)
    observation, _ = env.reset(seed=8, options={"start": 50})
    played = []
    for _ in range(env.n_intervals):
        played.append(policy.act(observation))
        observation, *_ = env.step(played[-1])
    found = starting_plans(Rehearsal(wave_settings(15.0), start=50, seed=8), n_rungs=4)
    assert (found.actions == np.array(played)).all(axis=(1, 2)).sum() == 1
    assert (np.diff(found.totals) <= 0).all()


def test_loads_of_intervals_are_means_of_what_arrives() -> None:
    rehearsal = Rehearsal(wave_settings(arrivals="exact"), start=0, seed=0)
    counts = rehearsal.counts
    assert interval_loads(rehearsal, before_s=0, after_s=0)[3] == pytest.approx(counts[30:40].mean())
    assert interval_loads(rehearsal, before_s=10, after_s=20)[3] == pytest.approx(counts[20:60].mean())
    assert interval_loads(rehearsal, before_s=10, after_s=20)[0] == pytest.approx(counts[:30].mean())
    assert interval_loads(rehearsal, before_s=0, after_s=20)[11] == pytest.approx(counts[110:].mean())
