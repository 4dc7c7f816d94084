"""Which rules of docs/model.md a random case puts to work, read off a run of the SimPy model: a name for each time.

`RULES` lists every name, so that a rule that no case reaches any more is missed. For test_against_simpy.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

from tests.queueing.random_cases import Case
from tests.reference.simpy_model import SimpyModel
from tests.reference.simpy_stage import Batch, Replica, Request, StageModel

RULES = (
    *(f"{n} stages" for n in range(1, 5)),
    *(f"dropped at stage {n}" for n in range(4)),
    *(f"service law lognormal, cv {cv}" for cv in (0.0, 0.5, 1.5)),
    *("service law exponential, cv 0.0", "service_scale", "startup_scale", "batch timeout 0", "drop limit 0"),
    *("interval without requests", "20 wait at a stage", "1 replica", "16 replicas or more"),
    *("inside", "completed", "late", "overdue inside at the end"),
    *("batch of 1", "batch full", "batch short for drops"),
    *("batch partial at the timeout", "batch partial after the timeout"),
    *("startup 0", "startup within the interval", "startup longer than the interval"),
    *("switch at a decision", "switch between decisions", "ready, waits for a switch"),
    *("start cancelled", "start cancelled, ready", "start cancelled as it is ready"),
    *("replica stays", "replica leaves idle", "replica leaves busy", "replica leaves busy, another as late stays"),
    *("decision replaced while a start is under way", "decision repeated while a start is under way"),
    *("tie: arrive together", "tie: arrives at a decision", "tie: latency is the SLA", "tie: starts at the drop limit"),
    *("tie: batches of a stage end together", "tie: ends at a decision", "tie: ends as a request enters"),
    "tie: ready at a decision",
)


def rules_met(case: Case) -> Iterator[str]:
    """The name of a rule each time that the case's run meets it."""
    model = SimpyModel(case.pipeline, **case.options)
    model.reset(case.decisions[0], seed=case.seed)
    for decision, arrival_s in zip(case.decisions[1:], case.arrivals, strict=True):
        waiting = model.step(decision, arrival_s.tolist())["queue_requests"]
        yield from holding({"20 wait at a stage": max(waiting) >= 20, "interval without requests": len(arrival_s) == 0})
    yield from holding({"overdue inside at the end": model.overdue_inside() > 0})
    yield from options_met(case)
    for request in model.requests:
        yield from request_met(case, request)
    yield from ("tie: arrive together" for one, other in pairwise(model.requests) if one.t0_s == other.t0_s)
    for stage in model.stages:
        for met in (batches_met, replicas_met, decisions_met):
            yield from met(case, stage)


def holding(rules: Mapping[str, bool]) -> Iterator[str]:
    return (rule for rule, holds in rules.items() if holds)


def decision_instants_s(case: Case) -> set[float]:
    return {k * case.options["interval_s"] for k in range(len(case.arrivals))}


def options_met(case: Case) -> Iterator[str]:
    yield f"{len(case.pipeline.stages)} stages"
    yield f"service law {case.options.get('service_law', 'lognormal')}, cv {case.options['service_cv']}"
    yield from holding({name: case.options[name] != 1 for name in ("service_scale", "startup_scale")})
    yield from holding({"batch timeout 0": case.pipeline.batch_timeout_s == 0})
    yield from holding({"drop limit 0": case.pipeline.drop_after_s == 0})


def request_met(case: Case, request: Request) -> Iterator[str]:
    yield f"dropped at stage {request.drop_stage}" if request.fate == "dropped" else request.fate
    latency_s = request.left_s - request.t0_s if request.fate == "completed" else math.nan
    limit_s = request.t0_s + case.pipeline.drop_after_s
    yield from holding(
        {
            "late": latency_s > case.pipeline.sla_s,
            "tie: latency is the SLA": latency_s == case.pipeline.sla_s,
            "tie: arrives at a decision": request.t0_s in decision_instants_s(case),
            "tie: starts at the drop limit": limit_s > request.t0_s and limit_s in request.start_s,
        }
    )


def batches_met(case: Case, stage: StageModel) -> Iterator[str]:
    decisions_s = decision_instants_s(case)
    entered_s = {request.enqueue_s[stage.index] for request in stage.model.requests}
    ends_s = Counter(batch.end_s for batch in stage.batches)
    for batch in stage.batches:
        yield batch_kind(case, stage, batch)
        yield from holding(
            {
                "tie: batches of a stage end together": ends_s[batch.end_s] > 1,
                "tie: ends at a decision": batch.end_s in decisions_s,
                "tie: ends as a request enters": batch.end_s in entered_s,
            }
        )


def batch_kind(case: Case, stage: StageModel, batch: Batch) -> str:
    if len(batch.requests) == batch.size:
        return "batch full" if batch.size > 1 else "batch of 1"
    if batch.waiting >= batch.size:
        return "batch short for drops"
    due_s = batch.requests[0].enqueue_s[stage.index] + case.pipeline.batch_timeout_s
    return "batch partial at the timeout" if batch.start_s == due_s else "batch partial after the timeout"


def replicas_met(case: Case, stage: StageModel) -> Iterator[str]:
    decisions_s = decision_instants_s(case)
    for replica in stage.replicas:
        yield replica_end(stage, replica)
        if replica.ready_s > 0:
            yield from start_met(case, replica)
    for switch_s in stage.switches_s:
        yield "switch at a decision" if switch_s in decisions_s else "switch between decisions"


def start_met(case: Case, replica: Replica) -> Iterator[str]:
    startup_s = replica.ready_s - replica.started_s
    longer = startup_s > case.options["interval_s"] and replica.ready
    return holding(
        {
            "startup 0": startup_s == 0,
            "startup within the interval": 0 < startup_s < case.options["interval_s"],
            "startup longer than the interval": longer,
            "tie: ready at a decision": startup_s > 0 and replica.ready_s in decision_instants_s(case),
            "ready, waits for a switch": replica.joined_s > replica.ready_s,
        }
    )


def replica_end(stage: StageModel, replica: Replica) -> str:
    if math.isnan(replica.told_s):
        return "replica stays"
    if math.isnan(replica.joined_s):
        as_ready = "start cancelled as it is ready" if replica.told_s == replica.ready_s else "start cancelled"
        return "start cancelled, ready" if replica.ready else as_ready
    busy = [batch for batch in stage.batches if batch.start_s < replica.told_s <= batch.end_s]
    last = next((batch for batch in busy if batch.replica is replica), None)
    if last is None:
        return "replica leaves idle"
    as_late = [batch.replica for batch in busy if batch.end_s == last.end_s]
    stays = any(not other.told_s <= replica.told_s for other in as_late)
    return "replica leaves busy, another as late stays" if stays else "replica leaves busy"


def decisions_met(case: Case, stage: StageModel) -> Iterator[str]:
    for k, (last, new) in enumerate(pairwise(case.decisions[1:]), start=1):
        now_s, n_replicas = k * case.options["interval_s"], new.stages[stage.index].replicas
        under_way = any(
            replica.started_s < now_s and not replica.joined_s < now_s and not replica.told_s < now_s
            for replica in stage.replicas
        )
        same = last.stages[stage.index] == new.stages[stage.index]
        yield from holding(
            {
                "decision repeated while a start is under way": under_way and same,
                "decision replaced while a start is under way": under_way and not same,
                "1 replica": n_replicas == 1,
                "16 replicas or more": n_replicas >= 16,
            }
        )
