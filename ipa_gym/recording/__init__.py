"""What a recorded run gives out: tables of requests, batches, replicas and decisions, a Chrome trace, a picture.

Start with `recorded_run` on a simulator that records; it measures nothing anew and changes nothing.
"""

from __future__ import annotations

from ipa_gym.recording.chrome_trace import chrome_trace
from ipa_gym.recording.figures import lanes_figure
from ipa_gym.recording.run import Decision, RecordedRun, recorded_run
from ipa_gym.recording.table import batch_table, decision_table, replica_table, request_table
from ipa_gym.recording.writing import check_paths, write_chrome_trace, write_records

__all__ = [
    "Decision",
    "RecordedRun",
    "batch_table",
    "check_paths",
    "chrome_trace",
    "decision_table",
    "lanes_figure",
    "recorded_run",
    "replica_table",
    "request_table",
    "write_chrome_trace",
    "write_records",
]
