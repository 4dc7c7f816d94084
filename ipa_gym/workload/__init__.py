"""Load: traces, windows, synthetic generators and arrival processes."""

from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace

__all__ = ["Trace", "load_trace"]
