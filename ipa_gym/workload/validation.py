"""`with_validation`: parts the training seconds of a trace into ``fit`` and ``validation``.

Agents learn on ``fit`` and are chosen on ``validation``; ``test`` stays unseen until the end. Which windows of a split
are played is the business of `ipa_gym.evaluation`.
"""

from __future__ import annotations

from dataclasses import replace

from ipa_gym.errors import TraceError
from ipa_gym.workload.trace import Trace

DAY_S = 86_400
_SHARE = 7  # one part in seven is for validation: two of fourteen days


def with_validation(trace: Trace) -> Trace:
    """The same trace with splits ``fit`` and ``validation`` beside its own.

    Validation is the last seventh of ``train`` (of the whole trace where it has no such split), rounded to whole days
    where that is a day or more. A trace whose card has both splits is returned as it is.

    Raises: TraceError if the trace is too short to be parted.
    """
    if {"fit", "validation"} <= set(trace.splits):
        return trace
    start, end = trace.split_range("train" if "train" in trace.splits else "all")
    seconds = (end - start) // _SHARE
    if seconds >= DAY_S:
        seconds = round(seconds / DAY_S) * DAY_S
    if seconds < 1:
        raise TraceError(
            f"{trace.name}: {end - start} training seconds; expected at least {_SHARE}, to leave some for validation"
        )
    cut = end - seconds
    return replace(trace, splits={**trace.splits, "fit": (start, cut), "validation": (cut, end)})
