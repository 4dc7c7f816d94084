"""Pipelines of the queueing tests, whose tables are worked by hand: all times are exact in binary."""

from __future__ import annotations

import numpy as np

from ipa_gym.pipeline import Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant
from ipa_gym.queueing import IntervalOutcome, Simulator

FAST = Variant("fast", 50.0, 1.0, 3.0, (1, 2, 4), (1.0, 1.5, 2.5))  # 1 core, startup 3 s
SLOW = Variant("slow", 80.0, 2.0, 4.0, (1, 2, 4), (2.0, 3.0, 5.0))  # 2 cores, startup 4 s


def pipeline(
    *stages: tuple[Variant, ...], sla_s: float = 4.0, drop_s: float = 100.0, timeout_s: float = 0.5
) -> Pipeline:
    return Pipeline(
        name="small",
        title="small",
        stages=tuple(Stage(f"s{index}", variants) for index, variants in enumerate(stages)),
        sla_s=sla_s,
        drop_after_s=drop_s,
        batch_timeout_s=timeout_s,
        batch_cap=4,
        replica_cap=10,
        slowdown=1.0,
        objective=Objective(1.0, 1.0, 0.0, 1.0, "product"),
    )


def choose(*stages: tuple[int, int, int]) -> Configuration:
    """A configuration from (variant, batch, replicas) of each stage."""
    return Configuration(tuple(StageConfiguration(*stage) for stage in stages))


def started(what: Pipeline, initial: Configuration, **options: float) -> Simulator:
    simulator = Simulator(what, record=True, **options)  # type: ignore[arg-type]  # numbers only
    simulator.reset(initial, seed=1)
    return simulator


def step(simulator: Simulator, decision: Configuration, *arrivals: float) -> IntervalOutcome:
    return simulator.step(decision, np.array(arrivals, dtype=np.float64))
