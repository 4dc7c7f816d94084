"""The Chrome trace: every field of every event, a run worked by hand, and laws that hold against the records."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Variant
from ipa_gym.recording import RecordedRun, batch_table, chrome_trace, recorded_run, replica_table, write_chrome_trace
from tests.queueing.small_pipelines import choose, pipeline
from tests.recording.conftest import run_of

Play = Callable[[str], PipelineEnv]
Event = dict[str, Any]
AGENTS = ("ipa-exact", "random", "static")
FIELDS = {  # the format's own: phase -> field -> type
    "M": {"name": str, "pid": int, "args": dict},
    "X": {"name": str, "cat": str, "ts": int, "dur": int, "pid": int, "tid": int, "args": dict},
    "i": {"name": str, "cat": str, "ts": int, "s": str, "pid": int, "tid": int, "args": dict},
    "C": {"name": str, "ts": int, "pid": int, "args": dict},
}
METADATA = {  # name of the event -> its argument and type
    "process_name": ("name", str), "process_sort_index": ("sort_index", int),
    "thread_name": ("name", str), "thread_sort_index": ("sort_index", int),
}  # fmt: skip
CATEGORIES = {"batch", "startup", "replica", "drop", "decision"}


def _events(trace: dict[str, Any], phase: str, **fields: object) -> list[Event]:
    wanted = {"ph": phase, **fields}
    return [event for event in trace["traceEvents"] if wanted.items() <= event.items()]


def _names(trace: dict[str, Any], name: str) -> dict[tuple[int, int], str]:
    return {(e["pid"], e.get("tid", 0)): e["args"]["name"] for e in _events(trace, "M", name=name)}


def _overlaps(trace: dict[str, Any]) -> Iterator[tuple[Event, Event]]:
    lanes = defaultdict(list)
    for block in _events(trace, "X"):
        lanes[block["pid"], block["tid"]].append(block)
    for blocks in lanes.values():
        blocks.sort(key=lambda block: (block["ts"], block["dur"]))
        yield from ((a, b) for a, b in pairwise(blocks) if a["ts"] + a["dur"] > b["ts"])


def _trace(env: PipelineEnv) -> dict[str, Any]:
    return chrome_trace(recorded_run(env.simulator, env.rows))


@pytest.mark.parametrize("agent", AGENTS)
def test_every_event_has_the_formats_fields_and_types(played: Play, agent: str) -> None:
    trace = json.loads(json.dumps(_trace(played(agent)), allow_nan=False))
    assert trace["displayTimeUnit"] == "ms"
    named = set(_names(trace, "thread_name")), {pid for pid, _ in _names(trace, "process_name")}
    for event in trace["traceEvents"]:
        fields = FIELDS[event["ph"]]
        assert {name: type(event[name]) for name in fields} == fields
        assert set(event) - set(fields) - {"ph"} <= ({"tid"} if event["ph"] == "M" else set())
        assert event["pid"] in named[1]
        assert "tid" not in event or (event["pid"], event["tid"]) in named[0]
        if event["ph"] == "M":
            key, kind = METADATA[event["name"]]
            assert {name: type(value) for name, value in event["args"].items()} == {key: kind}
            assert ("tid" in event) == event["name"].startswith("thread")
        else:
            assert 0 <= event["ts"] <= 100_000_000
            assert event.get("cat", "batch") in CATEGORIES
            assert event.get("s", "t") in {"g", "t"}
            assert event["ph"] != "X" or (event["dur"] >= 0 and event["ts"] + event["dur"] <= 100_000_000)
            assert event["ph"] != "C" or (list(event["args"]) == ["requests"] and event["args"]["requests"] >= 0)
    assert set(Counter(event["ph"] for event in trace["traceEvents"])) == set(FIELDS)


def test_processes_are_stages_and_threads_are_slots_none_numbered_twice(hand_run: RecordedRun) -> None:
    trace = chrome_trace(hand_run)
    assert list(_names(trace, "process_name").values()) == ["small", "1 s0", "2 s1"]
    threads = _names(trace, "thread_name")
    assert [(pid, name) for (pid, _), name in threads.items()] == [
        (1, "decisions"), (2, "slot 0"), (2, "slot 1"), (3, "slot 0"), (3, "slot 1"), (2, "drops"), (3, "drops"),
    ]  # fmt: skip
    numbers = [tid for _, tid in threads] + [1, 2, 3]
    assert len(set(numbers)) == len(numbers)


def test_blocks_of_the_hand_worked_run(hand_run: RecordedRun) -> None:
    trace = chrome_trace(hand_run)
    lane = {key: f"{key[0]}/{name}" for key, name in _names(trace, "thread_name").items()}
    blocks = [(lane[e["pid"], e["tid"]], e["name"], e["ts"], e["ts"] + e["dur"]) for e in _events(trace, "X")]
    assert sorted(blocks) == [
        ("2/slot 0", "fast × 1", 9_500_000, 10_500_000),
        ("2/slot 0", "fast × 2", 250_000, 1_750_000),
        ("2/slot 0", "fast × 2", 1_750_000, 3_250_000),
        ("2/slot 1", "slow × 1", 19_500_000, 20_000_000),  # in service at the end
        ("2/slot 1", "startup slow", 10_000_000, 14_000_000),
        ("3/slot 0", "fast × 1", 1_750_000, 2_750_000),
        ("3/slot 0", "fast × 1", 2_750_000, 3_750_000),
        ("3/slot 0", "fast × 1", 3_750_000, 4_750_000),
        ("3/slot 0", "fast × 1", 10_500_000, 11_500_000),
        ("3/slot 1", "startup fast", 10_000_000, 13_000_000),
    ]
    second = next(e for e in _events(trace, "X", cat="batch", pid=2) if e["ts"] == 1_750_000)
    assert second["args"] == {
        "batch": 1, "requests": 2, "first_request": 2, "longest_wait_s": 0.75, "replica": 0, "variant": "fast",
        "in_service_at_end": False,
    }  # fmt: skip
    assert [e["args"]["batch"] for e in _events(trace, "X", cat="batch") if e["args"]["in_service_at_end"]] == [3]


def test_marks_and_counters_of_the_hand_worked_run(hand_run: RecordedRun) -> None:
    trace = chrome_trace(hand_run)
    decisions = _events(trace, "i", cat="decision", s="g")
    assert [e["ts"] for e in decisions] == [0, 10_000_000]
    assert decisions[1]["args"] == {
        "decision": 1,
        "1 s0": {"variant": "slow", "batch": 2, "replicas": 1},
        "2 s1": {"variant": "fast", "batch": 1, "replicas": 2},
    }
    assert [(e["pid"], e["ts"], e["args"]) for e in _events(trace, "i", name="drop")] == [
        (3, 4_750_000, {"request": 3, "age_s": 3.75})
    ]
    replicas = [(e["name"], e["pid"], e["ts"], e["args"]["replica"]) for e in _events(trace, "i", cat="replica")]
    assert replicas == [
        ("start", 2, 0, 0), ("leave", 2, 14_000_000, 0), ("start", 2, 10_000_000, 1), ("start", 3, 0, 0),
        ("start", 3, 10_000_000, 1),
    ]  # fmt: skip
    arrivals = {e["ts"]: e["args"]["requests"] for e in _events(trace, "C", name="arrivals a second")}
    assert len(arrivals) == 20
    assert {ts: n for ts, n in arrivals.items() if n} == {0: 2, 1_000_000: 2, 9_000_000: 1, 19_000_000: 2}
    queue = [(e["ts"], e["args"]["requests"]) for e in _events(trace, "C", name="queue", pid=3)]
    assert queue == [
        (0, 0), (1_750_000, 1), (2_750_000, 0), (3_250_000, 2), (3_750_000, 1), (4_750_000, 0), (10_500_000, 0),
    ]  # fmt: skip


def test_a_cancelled_start_ends_its_block_and_its_slot_is_used_again() -> None:
    slow_start = Variant("v", 50.0, 1.0, 15.0, (1, 2, 4), (1.0, 1.0, 1.0))
    one, two = choose((0, 1, 1)), choose((0, 1, 2))
    run = run_of(pipeline((slow_start,)), one, [(one, ()), (two, ()), (one, ()), (two, ())])
    trace = chrome_trace(run)
    blocks = [(e["ts"], e["dur"], e["args"]["became"]) for e in _events(trace, "X", cat="startup")]
    assert blocks == [(10_000_000, 10_000_000, "cancelled"), (30_000_000, 10_000_000, "starting")]
    assert len({e["tid"] for e in _events(trace, "X", cat="startup")}) == 1
    assert [e["ts"] for e in _events(trace, "i", name="cancel")] == [20_000_000]


@pytest.mark.parametrize("agent", AGENTS)
def test_no_two_blocks_overlap_in_a_lane(played: Play, agent: str) -> None:
    trace = _trace(played(agent))
    assert len(_events(trace, "X")) > 200
    assert list(_overlaps(trace)) == []


def test_the_overlap_check_can_fail(hand_run: RecordedRun) -> None:
    trace = chrome_trace(hand_run)
    first = next(e for e in _events(trace, "X") if e["ts"] == 250_000)
    first["dur"] += 1
    assert len(list(_overlaps(trace))) == 1


@pytest.mark.parametrize("agent", AGENTS)
def test_the_trace_holds_as_many_batches_starts_drops_and_decisions_as_the_run(played: Play, agent: str) -> None:
    env = played(agent)
    run, trace = recorded_run(env.simulator, env.rows), _trace(env)
    batches = _events(trace, "X", cat="batch")
    assert len(batches) == batch_table(run).height == sum(int(row.max()) + 1 for row in run.records.batch)
    assert sum(e["args"]["requests"] for e in batches) == int((run.records.batch >= 0).sum())
    assert len(_events(trace, "i", name="start")) == replica_table(run).height
    assert len(_events(trace, "i", name="drop")) == sum(row.outcome.dropped for row in env.rows)
    assert [e["ts"] for e in _events(trace, "i", name="decision")] == [10_000_000 * k for k in range(len(env.rows))]
    arrivals = [e["args"]["requests"] for e in _events(trace, "C", name="arrivals a second")]
    assert [sum(arrivals[10 * k : 10 * k + 10]) for k in range(10)] == [row.outcome.arrivals for row in env.rows]


@pytest.mark.parametrize("agent", AGENTS)
def test_the_queue_counter_meets_what_each_interval_reported(played: Play, agent: str) -> None:
    env = played(agent)
    trace = _trace(env)
    for stage in (0, 1):
        counted = [(e["ts"], e["args"]["requests"]) for e in _events(trace, "C", name="queue", pid=2 + stage)]
        for row in env.rows:
            end_us = round(1e6 * (row.start_s + row.interval_s))
            waiting = [requests for ts, requests in counted if ts < end_us][-1]
            assert waiting == row.outcome.queue_requests[stage]


def test_the_written_file_is_json_without_nan_and_says_what_it_is(hand_run: RecordedRun, tmp_path: Path) -> None:
    path = write_chrome_trace(hand_run, tmp_path / "run.json", about={"agent": "none", "seed": 1})
    written = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert written["traceEvents"] == chrome_trace(hand_run)["traceEvents"]
    assert written["otherData"] == {"pipeline": "small", "sla_s": 4.0, "requests": 7, "agent": "none", "seed": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["run.json"]


def test_another_suffix_than_json_is_refused(hand_run: RecordedRun, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"expected a name that ends with \.json"):
        write_chrome_trace(hand_run, tmp_path / "run.txt")
