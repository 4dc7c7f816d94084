"""A SimPy clock that keeps to absolute instants, and to the model's order within one instant.

SimPy schedules at the clock plus a delay, and now + (t − now) may miss t by a bit, while the model compares floats
exactly. So every wait is given as an `Instant`: a float in the place of the delay that answers to "now + me" with the
absolute instant itself. Nothing else is ever added to the clock: two instants are equal where the model's floats are.
An `Instant` also carries its phase, the step of "Order within one instant" in docs/model.md, which becomes SimPy's
priority: at one instant the event queue goes through the phases in order, and within a phase in the order in which
events were scheduled. SimPy's own messages (a process begins, is interrupted, is handed work) have priorities 0 and 1,
so they pass before the next phase.
"""

from __future__ import annotations

import simpy

STOP, DECISION, END, READY, ENTER, FORM = range(2, 8)  # phases of an instant; STOP: nothing of it has happened yet


class Instant(float):
    """An absolute instant, in seconds, where SimPy expects a delay."""

    __slots__ = ("phase",)

    def __new__(cls, at_s: float, phase: int) -> Instant:
        self = super().__new__(cls, at_s)
        self.phase = phase
        return self

    def __radd__(self, now_s: float) -> float:
        return float(self)


class Clock(simpy.Environment):
    """SimPy's environment; an `Instant` decides when and in which phase an event comes."""

    def schedule(self, event: simpy.Event, priority: int = simpy.events.NORMAL, delay: float = 0) -> None:
        super().schedule(event, getattr(delay, "phase", priority), delay)

    def at(self, at_s: float, phase: int) -> simpy.Timeout:
        return self.timeout(Instant(at_s, phase))
