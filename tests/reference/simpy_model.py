"""The model of docs/model.md in SimPy, written from that page alone: one event loop over all stages.

It shares the values of `ipa_gym.pipeline` and the hash of `ipa_gym.seeding` with the kernel, and no rule. Stages and
replicas are in simpy_stage.py; simpy_clock.py says how SimPy keeps exact instants and their order. Input is not
checked. The kernel is compared with it in tests/queueing/test_against_simpy.py.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import simpy

from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.seeding import hash_words, standard_normal, uniform
from tests.reference.simpy_clock import DECISION, ENTER, STOP, Clock
from tests.reference.simpy_stage import Request, StageModel


class SimpyModel:
    """Same arguments, `reset`, `step` and `overdue_inside` as the simulator; `requests` and `stages` tell the rest."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        interval_s: float = 10.0,
        service_cv: float = 0.0,
        service_law: str = "lognormal",
        service_scale: float = 1.0,
        startup_scale: float = 1.0,
    ) -> None:
        self.pipeline, self.interval_s, self.service_cv, self.service_law = (
            pipeline,
            interval_s,
            service_cv,
            service_law,
        )
        self.service_scale, self.startup_scale = service_scale, startup_scale

    def reset(self, initial: Configuration, *, seed: int) -> None:
        self.seed, self.n_intervals, self.clock = seed, 0, Clock(0.0)
        self.requests: list[Request] = []
        self.completed: list[Request] = []  # in order of completion
        self.dropped: list[Request] = []
        self.stages = [StageModel(self, index, choice) for index, choice in enumerate(initial.stages)]

    def step(self, decision: Configuration, arrival_s: Sequence[float]) -> dict[str, Any]:
        """Run one interval; the fields of `IntervalOutcome` by name."""
        start_s, stop_s = self.n_intervals * self.interval_s, (self.n_intervals + 1) * self.interval_s
        before = [stage.variant for stage in self.stages], len(self.completed), len(self.dropped)
        self.clock.at(start_s, DECISION).callbacks.append(lambda _: self._decide(decision))
        self.clock.process(self._arrive([float(instant_s) for instant_s in arrival_s]))
        self.clock.run(until=self.clock.at(stop_s, STOP))
        self.n_intervals += 1
        return {"arrivals": len(arrival_s), "variant_before": before[0]} | self._outcome(start_s, stop_s, before[1:])

    def _decide(self, decision: Configuration) -> None:
        for stage, choice in zip(self.stages, decision.stages, strict=True):
            stage.decide(choice)

    def _arrive(self, arrival_s: list[float]) -> Generator[simpy.Event, Any, None]:
        for t0_s in arrival_s:
            yield self.clock.at(t0_s, ENTER)
            request = Request(len(self.requests), t0_s, len(self.stages))
            self.requests.append(request)
            self.stages[0].enter([request])

    def pass_on(self, index: int, requests: Sequence[Request]) -> None:
        """A batch of stage ``index`` has ended: its requests enter the next stage's queue, or complete."""
        if index + 1 < len(self.stages):
            self.clock.at(self.clock.now, ENTER).callbacks.append(lambda _: self.stages[index + 1].enter(requests))
            return
        for request in requests:
            request.fate, request.left_s = "completed", self.clock.now
            self.completed.append(request)

    def service_factor(self, stage: int, first_request: int) -> float:
        key = np.uint64(hash_words(np.uint64(self.seed), 0x53525643 + stage, first_request))
        if self.service_law == "exponential":
            return -math.log1p(-max(uniform(key, 0), 2.0**-54))
        if self.service_cv == 0:
            return 1.0
        sigma = math.sqrt(math.log(1 + self.service_cv**2))
        return math.exp(sigma * standard_normal(key) - 0.5 * sigma**2)

    def overdue_inside(self) -> int:
        late = [
            self.clock.now - request.t0_s > self.pipeline.sla_s for request in self.requests if request.fate == "inside"
        ]
        return sum(late)

    def _outcome(self, start_s: float, stop_s: float, done_before: Sequence[int]) -> dict[str, Any]:
        latency_s = [request.left_s - request.t0_s for request in self.completed[done_before[0] :]]
        dropped = self.dropped[done_before[1] :]
        late = sum(latency > self.pipeline.sla_s for latency in latency_s)
        values: dict[str, Any] = {
            "completed": len(latency_s),
            "dropped": len(dropped),
            "violations": late + len(dropped),
            "latency_s": latency_s,
            "dropped_at": [sum(r.drop_stage == stage.index for r in dropped) for stage in self.stages],
        }
        rows = [stage_outcome(stage, start_s, stop_s) for stage in self.stages]
        values |= {name: [row[name] for row in rows] for name in rows[0]}
        return values | {"core_seconds": sum(values["core_seconds"])}


def stage_outcome(stage: StageModel, start_s: float, stop_s: float) -> dict[str, Any]:
    """One stage's part of what an interval reports, from the lives of its replicas and batches."""

    def inside_s(from_s: float, to_s: float) -> float:
        return max(0.0, min(stop_s, math.inf if math.isnan(to_s) else to_s) - max(start_s, from_s))

    ended = [batch for batch in stage.batches if start_s <= batch.end_s < stop_s]
    sojourn_s = [batch.end_s - request.enqueue_s[stage.index] for batch in ended for request in batch.requests]
    joined = [replica for replica in stage.replicas if not math.isnan(replica.joined_s)]
    switches_s = [switch_s for switch_s in stage.switches_s if start_s <= switch_s < stop_s]
    assert len(switches_s) <= 1
    return {
        "core_seconds": sum(inside_s(r.started_s, r.gone_s) * stage.variants[r.variant].cores for r in stage.replicas),
        "busy_replica_s": sum(inside_s(batch.start_s, batch.end_s) for batch in stage.batches),
        "serving_replica_s": sum(inside_s(replica.joined_s, replica.gone_s) for replica in joined),
        "sojourn_p99_s": float(np.quantile(sojourn_s, 0.99)) if sojourn_s else math.nan,
        "queue_requests": len(stage.queue),
        "switch_s": switches_s[0] if switches_s else math.nan,
        "variant": stage.variant,
        "batch": stage.batch_size,
        **{state: len(stage.those(state)) for state in ("serving", "starting", "leaving")},
    }
