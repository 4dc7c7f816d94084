"""The simulator: an exact queueing model of the pipeline, request by request. See `simulator.py` and `kernel.py`."""

from __future__ import annotations

from ipa_gym.queueing.outcome import IntervalOutcome, Records, ReplicaRecords
from ipa_gym.queueing.simulator import Simulator, SimulatorState

__all__ = ["IntervalOutcome", "Records", "ReplicaRecords", "Simulator", "SimulatorState"]
