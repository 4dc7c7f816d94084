"""Times several programs in turn, round after round, so that none of them alone meets a fast or a slow spell.

A `Contestant` makes a `Run`; only `Run.go` is timed. The best round counts: what a program takes when nothing disturbs
it. What runs on one thread is timed by the processor's clock, which does not go on while others have the processor; on
several threads by the wall's. Nothing here knows what is timed.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Run:
    """Something ready to be timed."""

    go: Callable[[], object]
    steps: float  # intervals of 10 s that it plays, over all environments
    requests: float  # that arrive in them


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that is timed."""

    what: str
    prepare: Callable[[], Run]  # anew for each round, untimed
    n_envs: int = 1
    n_threads: int = 1
    bytes_per_env: Callable[[], float] = lambda: math.nan  # of its arrays, once they have grown


@dataclass(slots=True)
class Timing:
    """Rounds of one contestant."""

    run: Run
    n_threads: int
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)  # of the process, all threads

    @property
    def rounds_s(self) -> list[float]:
        """Time of each round, by the clock that counts."""
        return self.cpu_s if self.n_threads == 1 else self.wall_s

    @property
    def best_s(self) -> float:
        """The fastest round."""
        return min(self.rounds_s)

    @property
    def busy(self) -> float:
        """Processor over wall time in all rounds: below 1 on one thread where others had the processor."""
        return sum(self.cpu_s) / sum(self.wall_s)


def time_in_turn(contestants: Sequence[Contestant], *, rounds: int, patience_s: float = 20.0) -> list[Timing]:
    """One timing a contestant; round by round, each contestant once a round, after a round that is not timed.

    In that one code is compiled and arrays grow.
    Args:
        patience_s: a contestant that has taken so long in all sits out the rest.
    """
    timings = []
    for contestant in contestants:
        run = contestant.prepare()
        run.go()
        timings.append(Timing(run, contestant.n_threads))
    for _ in range(rounds):
        for contestant, timing in zip(contestants, timings, strict=True):
            if sum(timing.wall_s) > patience_s:
                continue
            run = contestant.prepare()
            wall_s, cpu_s = _timed(run.go)
            timing.wall_s.append(wall_s)
            timing.cpu_s.append(cpu_s)
    return timings


def _timed(go: Callable[[], object]) -> tuple[float, float]:
    gc.collect()
    gc.freeze()  # what lies about must not cost SimPy and Ciw, which make many objects, any collections
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    go()
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    gc.unfreeze()
    return wall_s, cpu_s
