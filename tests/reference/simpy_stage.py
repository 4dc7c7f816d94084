"""One stage of docs/model.md in SimPy: replicas are processes; the queue, batches and decisions are what they meet.

Written from that page alone, rule by rule, for `SimpyModel` in simpy_model.py. Nothing is fast here: replicas and
batches of the whole run stay in lists, and what a stage reports is read off them afterwards.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import simpy

from ipa_gym.pipeline import StageConfiguration, Variant
from tests.reference.simpy_clock import END, FORM, READY

if TYPE_CHECKING:
    from tests.reference.simpy_model import SimpyModel


@dataclass(slots=True)
class Request:
    number: int
    t0_s: float
    n_stages: int
    fate: str = "inside"
    left_s: float = math.nan
    drop_stage: int = -1
    enqueue_s: list[float] = field(init=False)
    start_s: list[float] = field(init=False)
    end_s: list[float] = field(init=False)
    batch: list[int] = field(init=False)
    slot: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.enqueue_s, self.start_s, self.end_s = ([math.nan] * self.n_stages for _ in range(3))
        self.batch, self.slot = ([-1] * self.n_stages for _ in range(2))


@dataclass(frozen=True, slots=True)
class Batch:
    number: int  # in the stage, in order of start
    requests: tuple[Request, ...]
    replica: Replica
    start_s: float
    end_s: float
    size: int  # the batch size b that held
    waiting: int  # requests that waited when it was formed, those dropped included


class Replica:
    """One replica's life as a process: start, join, serve batch after batch, leave."""

    def __init__(self, stage: StageModel, *, variant: int, ready_s: float) -> None:
        self.stage, self.variant, self.ready_s = stage, variant, ready_s
        taken = {replica.slot for replica in stage.present if math.isnan(replica.gone_s)}
        self.slot = next(slot for slot in count() if slot not in taken)
        self.started_s, self.joined_s, self.told_s, self.gone_s = stage.clock.now, math.nan, math.nan, math.nan
        self.ready = False
        self.batch: Batch | None = None
        self.work = stage.clock.event()  # its value is the next batch, or None: leave
        self.process = stage.clock.process(self.live())
        stage.replicas.append(self)
        stage.present.append(self)

    def live(self) -> Generator[simpy.Event, Any, None]:
        clock = self.stage.clock
        try:
            if math.isnan(self.joined_s):
                yield clock.at(self.ready_s, READY)
                self.ready = True
                self.stage.replica_ready(self)
            while batch := (yield self.work):
                self.work = clock.event()
                yield clock.at(batch.end_s, END)
                self.batch = None
                if not math.isnan(self.told_s):
                    self.gone_s = clock.now
                self.stage.batch_ended(self, batch)
                if not math.isnan(self.told_s):
                    return
        except simpy.Interrupt:
            return  # cancelled while it started

    @property
    def state(self) -> str:
        if not math.isnan(self.gone_s):
            return "gone"
        if not math.isnan(self.told_s):
            return "leaving"
        return "starting" if math.isnan(self.joined_s) else "serving"

    def join(self) -> None:
        self.joined_s = self.stage.clock.now

    def cancel(self) -> None:
        self.told_s = self.gone_s = self.stage.clock.now
        self.process.interrupt()

    def leave(self) -> None:
        self.told_s = self.stage.clock.now
        if self.batch is None:
            self.gone_s = self.told_s
            self.work.succeed(None)

    def serve(self, batch: Batch) -> None:
        self.batch = batch
        self.work.succeed(batch)


class StageModel:
    """One stage: its queue, its replicas, and what decisions do to them."""

    def __init__(self, model: SimpyModel, index: int, choice: StageConfiguration) -> None:
        self.model, self.index, self.clock = model, index, model.clock
        self.variants: tuple[Variant, ...] = model.pipeline.stages[index].variants
        self.queue: deque[Request] = deque()
        self.replicas: list[Replica] = []  # all that ever were
        self.present: list[Replica] = []  # those, but for some that are gone
        self.batches: list[Batch] = []
        self.variant = self.target = choice.variant
        self.batch_size = choice.batch
        self.switches_s: list[float] = []
        self.form_comes = False
        for _ in range(choice.replicas):
            Replica(self, variant=choice.variant, ready_s=0.0).join()

    def those(self, state: str) -> list[Replica]:
        return [replica for replica in self.present if replica.state == state]

    # What happens to the stage: each of these ends in `happened`, an event in the sense of "When batches form".

    def decide(self, choice: StageConfiguration) -> None:
        self.batch_size, self.target = choice.batch, choice.variant
        self.present = [replica for replica in self.present if replica.state != "gone"]
        for replica in self.those("starting"):
            if replica.variant != choice.variant:
                replica.cancel()
        starting = sorted(self.those("starting"), key=lambda replica: (replica.ready_s, replica.slot))
        serving = self.those("serving") if choice.variant == self.variant else []
        too_many = len(starting) + len(serving) - choice.replicas
        for _ in range(-too_many):
            startup_s = self.model.startup_scale * self.variants[choice.variant].startup_s
            Replica(self, variant=choice.variant, ready_s=self.clock.now + startup_s)
        while too_many > 0 and starting:
            starting.pop().cancel()
            too_many -= 1
        if too_many > 0:
            for replica in sorted(serving, key=leaving_order)[:too_many]:
                replica.leave()
        self.clock.at(self.clock.now, READY).callbacks.append(lambda _: self.switch_if_complete())
        self.happened()

    def replica_ready(self, replica: Replica) -> None:
        if replica.variant == self.variant:
            replica.join()
        else:
            self.switch_if_complete()
        self.happened()

    def batch_ended(self, replica: Replica, batch: Batch) -> None:
        for request in batch.requests:
            request.end_s[self.index] = self.clock.now
        self.model.pass_on(self.index, batch.requests)
        if replica.state == "serving":
            self.happened()

    def enter(self, requests: Sequence[Request]) -> None:
        for request in requests:
            request.enqueue_s[self.index] = self.clock.now
            self.queue.append(request)
            timeout = self.clock.at(self.clock.now + self.model.pipeline.batch_timeout_s, FORM)
            timeout.callbacks.append(lambda _, request=request: self.timed_out(request))
        self.happened()

    def timed_out(self, request: Request) -> None:
        if self.queue and self.queue[0] is request:
            self.form_batches()

    def switch_if_complete(self) -> None:
        starting = self.those("starting")
        if self.target == self.variant or not all(replica.ready for replica in starting):
            return
        for replica in self.those("serving"):
            replica.leave()
        for replica in starting:
            replica.join()
        self.variant = self.target
        self.switches_s.append(self.clock.now)

    def happened(self) -> None:
        """Batches may form, once everything else at this instant is done."""
        if not self.form_comes:
            self.form_comes = True
            self.clock.at(self.clock.now, FORM).callbacks.append(lambda _: self.form_batches())

    def form_batches(self) -> None:
        self.form_comes = False
        while self.queue and (free := [replica for replica in self.those("serving") if replica.batch is None]):
            head, waiting = self.queue[0], len(self.queue)
            if self.overdue(head):
                self.drop(self.queue.popleft())
                continue
            due_s = head.enqueue_s[self.index] + self.model.pipeline.batch_timeout_s
            if waiting < self.batch_size and not self.clock.now >= due_s:
                return
            joined: list[Request] = []
            while self.queue and len(joined) < self.batch_size:
                request = self.queue.popleft()
                if self.overdue(request):
                    self.drop(request)
                else:
                    joined.append(request)
            self.start(joined, min(free, key=lambda replica: replica.slot), waiting=waiting)

    def overdue(self, request: Request) -> bool:
        return self.clock.now > request.t0_s + self.model.pipeline.drop_after_s

    def drop(self, request: Request) -> None:
        request.fate, request.left_s, request.drop_stage = "dropped", self.clock.now, self.index
        self.model.dropped.append(request)

    def start(self, requests: list[Request], replica: Replica, *, waiting: int) -> None:
        latency_s = self.variants[replica.variant].batch_latency_s(len(requests))
        factor = self.model.service_factor(self.index, requests[0].number)
        now_s, number = self.clock.now, len(self.batches)
        end_s = now_s + self.model.service_scale * latency_s * factor
        batch = Batch(number, tuple(requests), replica, now_s, end_s, self.batch_size, waiting)
        for request in requests:
            request.start_s[self.index], request.batch[self.index] = now_s, number
            request.slot[self.index] = replica.slot
        self.batches.append(batch)
        replica.serve(batch)


def leaving_order(replica: Replica) -> tuple[float, int, int]:
    """Serving replicas in the order in which they leave: idle ones, then those whose batch ends (and started) last."""
    if replica.batch is None:
        return (-math.inf, 0, -replica.slot)
    return (-replica.batch.end_s, -replica.batch.number, 0)
