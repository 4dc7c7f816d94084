"""Recorded runs that the tests of this folder share: one worked by hand, three of the video pipeline."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

import ipa_gym
from ipa_gym.env import PipelineEnv
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.recording import Decision, RecordedRun
from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline, started, step

OPTIONS: dict[str, Any] = {"windows": [(380, 480)], "service_cv": 0.5, "startup_scale": 2.0}  # some start over 10 s
Steps = list[tuple[Configuration, tuple[float, ...]]]


def run_of(what: Pipeline, initial: Configuration, steps: Steps) -> RecordedRun:
    """A run of 10 s intervals: each step's decision and arrivals."""
    simulator = started(what, initial)
    for decision, arrivals in steps:
        step(simulator, decision, *arrivals)
    decisions = tuple(Decision(10.0 * number, decision) for number, (decision, _) in enumerate(steps))
    return RecordedRun(what, simulator.records(), decisions, 10.0 * len(steps))


@pytest.fixture(scope="session")
def hand_run() -> RecordedRun:
    """Two stages, batches 2 and 1, drop limit 3 s, timeout 0.5 s; 20 s in two intervals.

    Stage s0: pair 0, 1 from 0.25 to 1.75; pair 2, 3 to 3.25; 4 alone, by the timeout, 9.5 to 10.5. At 10 it is told
    to switch to the slow variant, which takes 4 s to start; 5 starts on it at 19.5, 6 waits.
    Stage s1, one at a time: 0 from 1.75, 1 from 2.75, 2 from 3.75 to 4.75, where 3, 3.75 s old, is dropped; 4 from
    10.5 to 11.5. At 10 it is told to have a second replica, which takes 3 s to start.
    """
    first, second = choose((0, 2, 1), (0, 1, 1)), choose((1, 2, 1), (0, 1, 2))
    what = pipeline((FAST, SLOW), (FAST,), drop_s=3.0)
    return run_of(what, first, [(first, (0.0, 0.25, 1.0, 1.0, 9.0)), (second, (19.0, 19.75))])


@pytest.fixture(scope="session")
def played() -> Callable[[str], PipelineEnv]:
    """Video under 100 s of the bursty load, by agent: ``random`` switches and cancels, ``static`` drops."""

    @functools.cache
    def play(agent: str) -> PipelineEnv:
        env = PipelineEnv("video", "bursty", record=True, **OPTIONS)
        policy = ipa_gym.make_policy(agent, env)
        observation, _ = env.reset(seed=3)
        for _ in range(env.n_intervals):
            observation, *_ = env.step(policy.act(observation))
        return env

    return play
