"""What the simulator reports: `IntervalOutcome` of one interval and `Records` of every request. Values only.

S stages; times are seconds since the episode's start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IntervalOutcome:
    """What happened in one interval [start, end); counts of requests, times in seconds."""

    arrivals: int
    completed: int
    dropped: int
    violations: int  # completed later than the SLA, or dropped, in this interval
    latency_s: NDArray[np.float64]  # (completed,) end to end, in order of completion
    core_seconds: float  # of all replicas that exist: serving, starting, leaving
    queue_requests: NDArray[np.int64]  # (S,) waiting at the end
    busy_replica_s: NDArray[np.float64]  # (S,) replica-seconds with a batch in service
    serving_replica_s: NDArray[np.float64]  # (S,) replica-seconds of serving and still busy leaving replicas
    dropped_at: NDArray[np.int64]  # (S,) drops by stage
    sojourn_p99_s: NDArray[np.float64]  # (S,) of the requests whose batch ended in the stage; NaN if none
    variant_before: NDArray[np.int64]  # (S,) serving at the start, before a switch at that very instant
    variant: NDArray[np.int64]  # (S,) serving at the end
    switch_s: NDArray[np.float64]  # (S,) when the serving variant changed, start <= switch < end; NaN if it did not
    batch: NDArray[np.int64]  # (S,) batch size that holds
    serving: NDArray[np.int64]  # (S,) replicas at the end
    starting: NDArray[np.int64]  # (S,) replicas at the end, those included that are ready and wait for a switch
    leaving: NDArray[np.int64]  # (S,) replicas at the end


@dataclass(frozen=True, slots=True)
class ReplicaRecords:
    """Every replica of one stage that was ever started, numbered in the order in which they were: n replicas."""

    slot: NDArray[np.int64]  # (n,) the slot it occupied; a slot is used again when its replica is gone
    variant: NDArray[np.int64]  # (n,) index in the stage's card
    started_s: NDArray[np.float64]  # (n,) told to start; 0: the initial ones, which serve at once
    joined_s: NDArray[np.float64]  # (n,) began to serve; NaN: not yet, or cancelled before
    told_s: NDArray[np.float64]  # (n,) told to leave, or cancelled; NaN: neither
    gone_s: NDArray[np.float64]  # (n,) ceased to exist, its last batch done; NaN: it exists


@dataclass(frozen=True, slots=True)
class Records:
    """Every request and every replica so far: n requests in order of arrival, S stages."""

    arrival_s: NDArray[np.float64]  # (n,) t0
    left_s: NDArray[np.float64]  # (n,) completed or dropped; NaN: inside
    fate: NDArray[np.int8]  # (n,) 0 inside, 1 completed, 2 dropped
    drop_stage: NDArray[np.int64]  # (n,) -1: not dropped
    enqueue_s: NDArray[np.float64]  # (S, n) NaN: has not entered the stage
    start_s: NDArray[np.float64]  # (S, n) its batch started; NaN: not yet, or dropped before
    end_s: NDArray[np.float64]  # (S, n) its batch ended; NaN: not yet
    batch: NDArray[np.int64]  # (S, n) number of its batch in the stage, in order of start, from 0; -1: none
    replica: NDArray[np.int64]  # (S, n) number of the replica that served it, see `replicas`; -1: none
    replicas: tuple[ReplicaRecords, ...]  # one a stage
