"""A recorded run as Chrome trace events, which Perfetto and chrome://tracing open.

A process a stage and a lane (thread) a replica slot: batches and startups as blocks, which never overlap in a lane;
starts, leaves, drops and decisions as marks; queue lengths and arrivals as counters. Times are whole microseconds
since the episode's start, rounded: exact floats are in the tables of `table.py`.
Source: "Trace Event Format", the Chromium project's document (phases M, X, i, C).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.queueing import Records
from ipa_gym.recording.run import RecordedRun
from ipa_gym.recording.table import batch_table, decision_table, replica_table

Event = dict[str, Any]  # Any: what JSON can hold
PIPELINE_PID = 1  # process of decisions and arrivals; stage s is process 2 + s
_US = 1e6  # microseconds in a second


@dataclass(frozen=True, slots=True)
class Lanes:
    """Thread ids, none twice in the whole trace: the decisions', each stage's drops', each slot's."""

    decisions: int
    drops: Mapping[int, int]  # stage index -> thread id
    slots: Mapping[tuple[int, int], int]  # (stage index, slot) -> thread id


def chrome_trace(run: RecordedRun, *, about: Mapping[str, str | float] | None = None) -> dict[str, Any]:
    """The run as a trace: a dict to write as JSON.

    Args:
        about: what else the trace's ``otherData`` should say, for example the agent and the seed.
    """
    lanes = _lanes(run)
    events = [
        *_names(run, lanes),
        *_decisions(run, lanes),
        *_arrivals(run),
        *_replicas(run, lanes),
        *_batches(run, lanes),
        *_drops(run, lanes),
        *_queues(run),
    ]
    other = {"pipeline": run.pipeline.name, "sla_s": run.pipeline.sla_s, "requests": len(run.records.arrival_s)}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {**other, **(about or {})}}


def _lanes(run: RecordedRun) -> Lanes:
    ids = itertools.count(
        _pid(len(run.pipeline.stages))
    )  # process ids come before: a thread of that number is its main
    decisions = next(ids)
    drops: dict[int, int] = {}
    slots: dict[tuple[int, int], int] = {}
    for stage, kept in enumerate(run.records.replicas):
        slots.update({(stage, slot): next(ids) for slot in range(int(kept.slot.max()) + 1)})
        drops[stage] = next(ids)
    return Lanes(decisions, drops, slots)


def _pid(stage: int) -> int:
    return PIPELINE_PID + 1 + stage


def _us(time_s: float) -> int:
    return round(time_s * _US)


def _names(run: RecordedRun, lanes: Lanes) -> Iterator[Event]:
    processes = [run.pipeline.name, *(f"{index + 1} {stage.name}" for index, stage in enumerate(run.pipeline.stages))]
    for order, name in enumerate(processes):
        for key, value in (("name", name), ("sort_index", order)):
            yield {"ph": "M", "name": f"process_{key}", "pid": PIPELINE_PID + order, "args": {key: value}}
    threads = [(PIPELINE_PID, lanes.decisions, "decisions")]
    threads += [(_pid(stage), tid, f"slot {slot}") for (stage, slot), tid in lanes.slots.items()]
    threads += [(_pid(stage), tid, "drops") for stage, tid in lanes.drops.items()]
    for pid, tid, name in threads:
        for key, value in (("name", name), ("sort_index", tid)):
            yield {"ph": "M", "name": f"thread_{key}", "pid": pid, "tid": tid, "args": {key: value}}


def _decisions(run: RecordedRun, lanes: Lanes) -> Iterator[Event]:
    for number, rows in enumerate(decision_table(run).partition_by("decision", maintain_order=True)):
        chosen = {
            f"{row['stage_index'] + 1} {row['stage']}": {name: row[name] for name in ("variant", "batch", "replicas")}
            for row in rows.iter_rows(named=True)
        }
        lane, args = {"pid": PIPELINE_PID, "tid": lanes.decisions}, {"decision": number, **chosen}
        yield _mark("decision", "decision", run.decisions[number].start_s, scope="g", lane=lane, args=args)


def _arrivals(run: RecordedRun) -> Iterator[Event]:
    counts = np.bincount(run.records.arrival_s.astype(np.int64), minlength=int(np.ceil(run.end_s)))
    for second, count in enumerate(counts.tolist()):
        yield _counter("arrivals a second", PIPELINE_PID, _us(second), count)


def _replicas(run: RecordedRun, lanes: Lanes) -> Iterator[Event]:
    for row in replica_table(run).iter_rows(named=True):
        lane = {"pid": _pid(row["stage_index"]), "tid": lanes.slots[row["stage_index"], row["slot"]]}
        what = {"replica": row["replica"], "variant": row["variant"]}
        yield _mark("start", "replica", row["started_s"], lane=lane, args=what)
        if row["told_s"] is not None:
            name = "cancel" if row["joined_s"] is None else "leave"
            yield _mark(name, "replica", row["told_s"], lane=lane, args=what)
        ends = (("joined", row["joined_s"]), ("cancelled", row["told_s"]), ("starting", run.end_s))
        became, end_s = next((became, end_s) for became, end_s in ends if end_s is not None)
        if end_s > row["started_s"]:
            args = {**what, "became": became}
            yield _block(f"startup {row['variant']}", "startup", row["started_s"], end_s, lane=lane, args=args)


def _batches(run: RecordedRun, lanes: Lanes) -> Iterator[Event]:
    kept = ("batch", "requests", "first_request", "longest_wait_s", "replica", "variant")
    for row in batch_table(run).iter_rows(named=True):
        lane = {"pid": _pid(row["stage_index"]), "tid": lanes.slots[row["stage_index"], row["slot"]]}
        in_service = row["end_s"] is None
        args = {**{name: row[name] for name in kept}, "in_service_at_end": in_service}
        end_s = run.end_s if in_service else row["end_s"]
        yield _block(f"{row['variant']} × {row['requests']}", "batch", row["start_s"], end_s, lane=lane, args=args)


def _drops(run: RecordedRun, lanes: Lanes) -> Iterator[Event]:
    records = run.records
    for request in np.flatnonzero(records.drop_stage >= 0).tolist():
        stage, left_s = int(records.drop_stage[request]), float(records.left_s[request])
        lane = {"pid": _pid(stage), "tid": lanes.drops[stage]}
        args = {"request": request, "age_s": left_s - float(records.arrival_s[request])}
        yield _mark("drop", "drop", left_s, lane=lane, args=args)


def _queues(run: RecordedRun) -> Iterator[Event]:
    for stage in range(len(run.pipeline.stages)):
        instants_us, waiting = _queue_lengths(run.records, stage)
        for instant_us, requests in zip(instants_us.tolist(), waiting.tolist(), strict=True):
            yield _counter("queue", _pid(stage), instant_us, requests)


def _queue_lengths(records: Records, stage: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instants in microseconds at which the queue changes, 0 first, and how many wait after each."""
    entered_s, started_s = records.enqueue_s[stage], records.start_s[stage]
    dropped_s = records.left_s[records.drop_stage == stage]
    came_s = entered_s[~np.isnan(entered_s)]
    went_s = np.concatenate([started_s[~np.isnan(started_s)], dropped_s])
    time_us = np.rint(np.concatenate([[0.0], came_s, went_s]) * _US).astype(np.int64)
    change = np.concatenate([[0], np.ones(len(came_s), np.int64), -np.ones(len(went_s), np.int64)])
    instants_us, place = np.unique(time_us, return_inverse=True)
    changes = np.zeros(len(instants_us), np.int64)
    np.add.at(changes, place, change)
    return instants_us, np.cumsum(changes)


def _counter(name: str, pid: int, time_us: int, requests: int) -> Event:
    return {"ph": "C", "name": name, "pid": pid, "ts": time_us, "args": {"requests": requests}}


def _mark(
    name: str, category: str, time_s: float, *, lane: Mapping[str, int], args: Mapping[str, Any], scope: str = "t"
) -> Event:
    return {"ph": "i", "s": scope, "name": name, "cat": category, "ts": _us(time_s), **lane, "args": args}


def _block(
    name: str, category: str, start_s: float, end_s: float, *, lane: Mapping[str, int], args: Mapping[str, Any]
) -> Event:
    ts = _us(start_s)
    dur = _us(end_s) - ts  # the end is rounded, not the length: blocks that meet in the model meet here, none overlap
    return {"ph": "X", "name": name, "cat": category, "ts": ts, "dur": dur, **lane, "args": args}
