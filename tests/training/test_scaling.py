"""The reward's scale, by rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.cards import load_pipeline
from ipa_gym.errors import OptionError
from ipa_gym.optimizer.carrying_cost import cheapest_carrying_cost
from ipa_gym.training import make_sb3_vec_env, reward_scale
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline


@pytest.mark.parametrize("name", ["video", "audio-qa", "audio-sent", "sum-qa", "nlp"])
def test_the_smallest_bill_at_the_training_mean_is_a_tenth(name: str) -> None:
    pipeline, trace = load_pipeline(name), load_trace("twitter-like")
    start, end = trace.split_range("train")
    bill = pipeline.objective.beta * cheapest_carrying_cost(pipeline, float(trace.counts[start:end].mean()))
    assert bill * reward_scale(pipeline) == pytest.approx(0.1)


def test_violating_all_expected_requests_costs_one() -> None:
    """One replica a stage under 300 rps: what leaves the queue is older than the SLA, late or dropped."""
    flood = Trace("flood", np.full(1000, 300))
    weights = {"alpha": 0.0, "beta": 0.0, "delta": 0.0}
    vec_env = make_sb3_vec_env(toy_pipeline(), 2, trace=flood, episode_s=100, arrivals="even", reward=weights)
    vec_env.reset()
    rewards = [vec_env.step(np.zeros((2, 6), dtype=np.int64))[1] for _ in range(9)]
    assert rewards[-1] == pytest.approx([-1.0, -1.0], rel=0.005)


def test_no_rho_no_rule() -> None:
    pipeline = toy_pipeline()
    free = replace(pipeline, objective=replace(pipeline.objective, rho=0.0))
    with pytest.raises(OptionError, match=r"rho is 0, .* expected reward_scale="):
        reward_scale(free)
    assert make_sb3_vec_env(free, 1, reward_scale=0.5).reward_scale == 0.5
