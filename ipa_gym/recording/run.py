"""`RecordedRun`: the records of one episode, and the decisions that made it so.

A value that no longer hangs on the simulator. Next: `table.py` for its tables, `chrome_trace.py` for a trace viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ipa_gym.episode import IntervalRow
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.queueing import Records, Simulator


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and when: seconds since the episode's start."""

    start_s: float
    configuration: Configuration


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRun:
    """One episode up to `end_s`: every request, every replica, every decision."""

    pipeline: Pipeline
    records: Records
    decisions: tuple[Decision, ...]
    end_s: float  # the end of the last interval


def recorded_run(simulator: Simulator, rows: Sequence[IntervalRow]) -> RecordedRun:
    """The run so far of a simulator that records, from the environment that steps it.

    Args:
        simulator: made with ``record=True``; of an environment: ``env.unwrapped.simulator``.
        rows: the episode's intervals, ``env.unwrapped.rows``.
    Raises: OptionError if the simulator does not record, or the rows are not of its episode.
    """
    records = simulator.records()
    arrived, counted = len(records.arrival_s), sum(row.outcome.arrivals for row in rows)
    if arrived != counted:
        raise OptionError(f"rows count {counted} arrivals, the records {arrived}; expected rows of the same episode")
    return RecordedRun(
        pipeline=simulator.pipeline,
        records=records,
        decisions=tuple(Decision(row.start_s, row.decision) for row in rows),
        end_s=len(rows) * simulator.interval_s,
    )
