"""A slow plain-Python twin of the simulator: one global event list, objects, written like docs/model.md.

It shares with the package only the pipeline values and the hash of the service factor. Unlike the kernel it advances
the whole pipeline from instant to instant. It serves tests as the independent reading of the specification.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

from ipa_gym.pipeline import Configuration, Pipeline, Variant
from ipa_gym.seeding import hash_words, standard_normal

SERVICE_STREAM = 0x53525643


@dataclass(eq=False)
class Request:
    """One request: its number, its arrival, when it entered the present queue, how it ended."""

    number: int
    t0: float
    enqueued: float = 0.0
    left: float | None = None
    fate: str = "inside"


@dataclass(eq=False)
class Batch:
    """Requests served together: the order of start in its stage, start and end."""

    order: int
    start: float
    end: float
    requests: list[Request]


@dataclass(eq=False)
class Replica:
    """A replica: ready from ``ready`` on; with ``batch`` it is busy."""

    variant: int
    ready: float
    born: float
    batch: Batch | None = None
    leaving: bool = False
    gone: float | None = None


@dataclass(eq=False)
class StageModel:
    """Queue and replicas of one stage."""

    index: int
    variant: int
    target: int
    batch_size: int
    queue: list[Request] = field(default_factory=list)
    serving: list[Replica] = field(default_factory=list)
    starting: list[Replica] = field(default_factory=list)
    leaving: list[Replica] = field(default_factory=list)
    gone: list[Replica] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    serving_log: list[tuple[float, int]] = field(default_factory=list)
    switched: float = math.nan


class PlainModel:
    """The pipeline as one discrete-event simulation."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        interval_s: float = 10.0,
        service_cv: float = 0.0,
        service_scale: float = 1.0,
        startup_scale: float = 1.0,
    ) -> None:
        self.pipeline, self.interval, self.cv = pipeline, interval_s, service_cv
        self.service_scale, self.startup_scale = service_scale, startup_scale

    def reset(self, initial: Configuration, *, seed: int) -> None:
        self.seed, self.k, self.requests, self.events = seed, 0, [], []
        self.stages = [
            StageModel(index, choice.variant, choice.variant, choice.batch)
            for index, choice in enumerate(initial.stages)
        ]
        for stage, choice in zip(self.stages, initial.stages, strict=True):
            stage.serving = [Replica(choice.variant, 0.0, 0.0) for _ in range(choice.replicas)]

    def service_s(self, stage: StageModel, replica: Replica, requests: list[Request]) -> float:
        variant: Variant = self.pipeline.stages[stage.index].variants[replica.variant]
        time = self.service_scale * variant.batch_latency_s(len(requests))
        if self.cv == 0:
            return time
        sigma = math.sqrt(math.log(1 + self.cv**2))
        key = hash_words(np.uint64(self.seed), np.uint64(SERVICE_STREAM + stage.index), np.uint64(requests[0].number))
        return time * math.exp(sigma * standard_normal(np.uint64(key)) - sigma**2 / 2)

    def schedule(self, now: float, then: float) -> None:
        """Visit the instant ``then``; what falls on ``now`` itself is dealt with in the instant under way."""
        if then > now:
            heapq.heappush(self.events, then)

    # --- decisions -------------------------------------------------------------------------------------------------
    def decide(self, stage: StageModel, now: float, variant: int, batch: int, n: int) -> None:
        stage.batch_size, stage.target = batch, variant
        stage.gone += self._gone_now([r for r in stage.starting if r.variant != variant], now)
        stage.starting = sorted((r for r in stage.starting if r.variant == variant), key=lambda r: r.ready)
        have = len(stage.starting) + (len(stage.serving) if variant == stage.variant else 0)
        startup = self.startup_scale * self.pipeline.stages[stage.index].variants[variant].startup_s
        for _ in range(n - have):
            stage.starting.append(Replica(variant, now + startup, now))
            self.schedule(now, now + startup)
        while have > n and stage.starting:
            stage.gone += self._gone_now([stage.starting.pop()], now)
            have -= 1
        while have > n:
            idle = [r for r in stage.serving if r.batch is None]
            busy = sorted((r for r in stage.serving if r.batch), key=lambda r: (r.batch.end, r.batch.order))
            self.leave(stage, idle[-1] if idle else busy[-1], now)
            have -= 1

    @staticmethod
    def _gone_now(replicas: list[Replica], now: float) -> list[Replica]:
        for replica in replicas:
            replica.gone = now
        return replicas

    def leave(self, stage: StageModel, replica: Replica, now: float) -> None:
        stage.serving.remove(replica)
        if replica.batch is None:
            stage.gone += self._gone_now([replica], now)
        else:
            replica.leaving = True
            stage.leaving.append(replica)

    # --- one instant -----------------------------------------------------------------------------------------------
    def instant(self, now: float, arriving: list[Request], decision: Configuration | None) -> None:
        happened = [decision is not None for _ in self.stages]
        if decision is not None:
            for stage, choice in zip(self.stages, decision.stages, strict=True):
                self.decide(stage, now, choice.variant, choice.batch, choice.replicas)
        entering: list[list[Request]] = [list(arriving), *([] for _ in self.stages)]
        for stage in self.stages:
            entering[stage.index + 1] = self.end_batches(stage, now, happened)
        for stage in self.stages:
            self.replicas_ready(stage, now, happened)
        for stage in self.stages:
            for request in entering[stage.index]:
                request.enqueued = now
                stage.queue.append(request)
                happened[stage.index] = True
                self.schedule(now, now + self.pipeline.batch_timeout_s)
            if stage.queue and now >= stage.queue[0].enqueued + self.pipeline.batch_timeout_s:
                happened[stage.index] = True
        for request in entering[-1]:
            request.left, request.fate = now, "completed"
            self.completed.append(request)
        for stage in self.stages:
            if happened[stage.index]:
                self.form(stage, now)
            stage.serving_log.append((now, len(stage.serving) + len(stage.leaving)))

    def end_batches(self, stage: StageModel, now: float, happened: list[bool]) -> list[Request]:
        ending = [r for r in stage.serving + stage.leaving if r.batch and r.batch.end == now]
        out = []
        for replica in sorted(ending, key=lambda r: r.batch.order):
            out += replica.batch.requests
            self.sojourns[stage.index] += [now - request.enqueued for request in replica.batch.requests]
            replica.batch = None
            if replica.leaving:
                stage.leaving.remove(replica)
                stage.gone += self._gone_now([replica], now)
            else:
                happened[stage.index] = True
        return out

    def replicas_ready(self, stage: StageModel, now: float, happened: list[bool]) -> None:
        if any(replica.ready == now for replica in stage.starting):
            happened[stage.index] = True
        ready = [replica for replica in stage.starting if replica.ready <= now]
        if stage.target == stage.variant:
            stage.serving += ready
            stage.starting = [replica for replica in stage.starting if replica not in ready]
        elif len(ready) == len(stage.starting):
            for replica in list(stage.serving):
                self.leave(stage, replica, now)
            stage.serving, stage.starting = ready, []
            stage.variant, stage.switched = stage.target, now

    def form(self, stage: StageModel, now: float) -> None:
        while stage.queue and any(replica.batch is None for replica in stage.serving):
            if self.overdue(stage.queue[0], now):
                self.drop(stage, stage.queue.pop(0), now)
                continue
            full = len(stage.queue) >= stage.batch_size
            if not full and not now >= stage.queue[0].enqueued + self.pipeline.batch_timeout_s:
                return
            joined: list[Request] = []
            while stage.queue and len(joined) < stage.batch_size:
                request = stage.queue.pop(0)
                if self.overdue(request, now):
                    self.drop(stage, request, now)
                else:
                    joined.append(request)
            replica = next(replica for replica in stage.serving if replica.batch is None)
            end = now + self.service_s(stage, replica, joined)
            replica.batch = Batch(len(stage.batches), now, end, joined)
            stage.batches.append(replica.batch)
            self.schedule(now, end)

    def overdue(self, request: Request, now: float) -> bool:
        return now > request.t0 + self.pipeline.drop_after_s

    def drop(self, stage: StageModel, request: Request, now: float) -> None:
        request.left, request.fate = now, "dropped"
        self.dropped_at[stage.index] += 1

    # --- one interval ----------------------------------------------------------------------------------------------
    def step(self, decision: Configuration, arrival_s: np.ndarray) -> dict[str, object]:
        start, stop = self.k * self.interval, (self.k + 1) * self.interval
        self.completed: list[Request] = []
        self.dropped_at = [0 for _ in self.stages]
        self.sojourns: list[list[float]] = [[] for _ in self.stages]
        new = [Request(len(self.requests) + i, float(t)) for i, t in enumerate(arrival_s)]
        self.requests += new
        arriving: dict[float, list[Request]] = {}
        for request in new:
            arriving.setdefault(request.t0, []).append(request)
            heapq.heappush(self.events, request.t0)
        before = [stage.variant for stage in self.stages]
        for stage in self.stages:
            stage.switched, stage.gone, stage.serving_log = math.nan, [], []
        heapq.heappush(self.events, start)
        first = True
        while self.events and self.events[0] < stop:
            now = self.events[0]
            while self.events and self.events[0] == now:
                heapq.heappop(self.events)
            self.instant(now, arriving.get(now, []), decision if first else None)
            first = False
        self.k += 1
        return self.outcome(start, stop, before, len(new))

    def outcome(self, start: float, stop: float, before: list[int], arrivals: int) -> dict[str, object]:
        latency = [request.left - request.t0 for request in self.completed]
        dropped = sum(self.dropped_at)
        existing = [[*s.serving, *s.starting, *s.leaving, *s.gone] for s in self.stages]
        return {
            "arrivals": arrivals,
            "completed": len(latency),
            "dropped": dropped,
            "violations": sum(value > self.pipeline.sla_s for value in latency) + dropped,
            "latency_s": latency,
            "core_seconds": sum(
                self.pipeline.stages[s].variants[r.variant].cores
                * max(0.0, (stop if r.gone is None else r.gone) - max(start, r.born))
                for s, replicas in enumerate(existing)
                for r in replicas
            ),
            "queue_requests": [len(stage.queue) for stage in self.stages],
            "busy_replica_s": [
                sum(max(0.0, min(b.end, stop) - max(b.start, start)) for b in stage.batches) for stage in self.stages
            ],
            "serving_replica_s": [integral(stage.serving_log, stop) for stage in self.stages],
            "dropped_at": self.dropped_at,
            "sojourn_p99_s": [np.percentile(values, 99) if values else math.nan for values in self.sojourns],
            "variant_before": before,
            "variant": [stage.variant for stage in self.stages],
            "switch_s": [stage.switched for stage in self.stages],
            "batch": [stage.batch_size for stage in self.stages],
            "serving": [len(stage.serving) for stage in self.stages],
            "starting": [len(stage.starting) for stage in self.stages],
            "leaving": [len(stage.leaving) for stage in self.stages],
        }

    def overdue_inside(self) -> int:
        clock = self.k * self.interval
        return sum(r.fate == "inside" and clock - r.t0 > self.pipeline.sla_s for r in self.requests)


def integral(steps: list[tuple[float, int]], stop: float) -> float:
    """Integral of a step function given as (from, value) until ``stop``."""
    ends = [time for time, _ in steps[1:]] + [stop]
    return sum(value * (end - time) for (time, value), end in zip(steps, ends, strict=True))
