"""Episodes of the cards under random decisions, and the two sides of Little's law over them.

L is the integral of the number present, from sorted events; rate x W is a sum over requests. The law holds exactly over
a finite time if what is inside at its end counts for the time that it has been there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from ipa_gym.cards import load_pipeline
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.queueing import IntervalOutcome, Records, Simulator
from tests.queueing.stations import FloatArray, poisson_arrivals_s, time_at_level

CARDS = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
STAGES = [(name, stage) for name in CARDS for stage in range(len(load_pipeline(name).stages))]
RATE_RPS, INTERVALS, INTERVAL_S = 8.0, 200, 10.0
HORIZON_S = INTERVALS * INTERVAL_S


@dataclass(frozen=True, slots=True)
class Episode:
    """A run of a card under random decisions."""

    records: Records
    outcomes: tuple[IntervalOutcome, ...]

    def leave_s(self, stage: int) -> FloatArray:
        """When each request left the stage, served or dropped; NaN: it has not, or never entered."""
        records = self.records
        return np.where(records.drop_stage == stage, records.left_s, records.end_s[stage])

    def leave_queue_s(self, stage: int) -> FloatArray:
        """When each request left the stage's queue, for a replica or dropped; NaN as above."""
        records = self.records
        return np.where(records.drop_stage == stage, records.left_s, records.start_s[stage])


def random_decision(pipeline: Pipeline, rng: np.random.Generator) -> Configuration:
    """Any variant and batch; replicas for about a third to three times the load, so that queues come and go."""
    choices = []
    for stage in pipeline.stages:
        variant = int(rng.integers(len(stage.variants)))
        batch = int(rng.choice(pipeline.batch_sizes))
        needed = RATE_RPS / stage.variants[variant].throughput_rps(batch)
        replicas = int(np.clip(needed * np.exp(rng.uniform(-1.0, 1.1)) + 1, 1, pipeline.replica_cap))
        choices.append(StageConfiguration(variant, batch, replicas))
    return Configuration(tuple(choices))


@cache
def episode(card: str) -> Episode:
    """One episode of a card, run once for all tests that read from it."""
    pipeline, rng = load_pipeline(card), np.random.default_rng(11)
    arrival_s = poisson_arrivals_s(RATE_RPS, HORIZON_S, seed=11)
    simulator = Simulator(pipeline, interval_s=INTERVAL_S, service_cv=0.4, record=True)
    simulator.reset(random_decision(pipeline, rng), seed=11)
    edges = np.searchsorted(arrival_s, INTERVAL_S * np.arange(INTERVALS + 1))
    outcomes = [
        simulator.step(random_decision(pipeline, rng), arrival_s[first:last])
        for first, last in pairwise(edges.tolist())
    ]
    return Episode(simulator.records(), tuple(outcomes))


def mean_number(enter_s: FloatArray, leave_s: FloatArray) -> float:
    """Time average of the number present over the episode, from its shares of the time at each level."""
    shares = time_at_level(enter_s, leave_s, begin_s=0.0, stop_s=HORIZON_S, levels=len(enter_s) + 1)
    return float((np.arange(len(shares)) * shares).sum())


def rate_times_time(enter_s: FloatArray, leave_s: FloatArray) -> float:
    """Those who entered, per second, times their mean time present; who has not left was there until the end."""
    entered = ~np.isnan(enter_s)
    time_s = np.where(np.isnan(leave_s), HORIZON_S, leave_s)[entered] - enter_s[entered]
    return float(entered.sum() / HORIZON_S * time_s.mean())
