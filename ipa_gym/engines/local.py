"""`LocalEngine`: worker processes on this machine, each started afresh (spawn) and replaced when it is lost.

Each worker is a pool of one process of the standard library. One pool of many processes would be given up as a whole
when one of them is killed, with the items of all, and would not say whose item it was; so does loky. Pebble replaces
single workers, but an idle worker holds the lock of the queue that all share: killed then, it stops the others for a
minute. What happens in the processes is in `worker.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from ipa_gym.engines.base import MAX_RETRIES, EngineError, Item, Result, Work
from ipa_gym.engines.worker import run_item, start_worker
from ipa_gym.errors import OptionError


def all_cores() -> int:
    """How many processes this machine lets us run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """See `Engine`; one job, or one item, runs in this process.

    Args:
        jobs: worker processes; None: one a core.
        address: None; only clusters have one.
    Raises: OptionError.
    """

    def __init__(self, *, jobs: int | None = None, address: str | None = None) -> None:
        if address is not None:
            raise OptionError(f"address is {address!r}; expected none for the engine local, only ray has one")
        self._jobs = jobs or all_cores()

    def run(self, work: Work[Item, Result], items: Iterable[Item]) -> Generator[tuple[Item, Result]]:
        """See `Engine.run`."""
        later = iter(items)
        first = list(islice(later, self._jobs))
        if len(first) < 2:
            return _run_here(work, chain(first, later))
        return _run_in_workers(work, chain(first, later), len(first))


def _run_here(work: Work[Item, Result], items: Iterable[Item]) -> Generator[tuple[Item, Result]]:
    for number, item in enumerate(items):
        if number == 0:
            work.start()
        yield item, work.run(item)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """A process that starts in here never sees a Ctrl-C, not even before `start_worker`; ours sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starts a process too, and lets signals through again when it has
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """A process that runs one item at a time, and another in its place when it is lost."""

    def __init__(self, work: Work[Any, Any], lifeline: Connection) -> None:  # Any: whatever its items are
        self._arguments = (work, lifeline)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=start_worker, initargs=self._arguments)

    def submit(self, item: Any) -> Future[Any]:  # Any: as above
        with _without_ctrl_c():  # the first item of a pool starts its process
            try:
                return self._pool.submit(run_item, item)
            except BrokenProcessPool:  # lost while it had nothing to do
                self.replace()
                return self._pool.submit(run_item, item)

    def replace(self) -> None:
        self.close()
        self._pool = self._new_pool()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _run_in_workers(work: Work[Item, Result], items: Iterable[Item], n_workers: int) -> Generator[tuple[Item, Result]]:
    lifeline, ours = multiprocessing.get_context("spawn").Pipe(duplex=False)
    workers = [_Worker(work, lifeline) for _ in range(n_workers)]
    finished = False
    try:
        yield from _as_finished(workers, iter(items))
        finished = True
    finally:
        if not finished:
            ours.close()  # the workers end at once, whatever they are doing
        for worker in workers:
            worker.close()
        ours.close()
        lifeline.close()


@dataclass(frozen=True, slots=True)
class _Task:
    item: Any  # whatever the work's items are
    n_lost: int = 0  # processes that were lost while they ran it

    def once_more(self, error: BrokenProcessPool) -> _Task:
        if self.n_lost == MAX_RETRIES:
            raise EngineError(
                f"{self.item}: the process that ran it was lost {MAX_RETRIES + 1} times (killed, or out of memory); "
                "expected an item that a process survives, or fewer --jobs"
            ) from error
        return _Task(self.item, self.n_lost + 1)


def _as_finished(workers: list[_Worker], items: Iterator[Item]) -> Iterator[tuple[Item, Any]]:
    lost = deque[_Task]()
    idle, running = workers[::-1], dict[Future[Any], tuple[_Worker, _Task]]()
    while True:
        while idle and (task := _next_task(lost, items)) is not None:
            worker = idle.pop()
            running[worker.submit(task.item)] = (worker, task)
        if not running:
            return
        future = next(iter(wait(running, return_when=FIRST_COMPLETED).done))
        worker, task = running.pop(future)
        try:
            result = future.result()
        except BrokenProcessPool as error:
            lost.append(task.once_more(error))
        else:
            yield task.item, result
        idle.append(worker)


def _next_task(lost: deque[_Task], items: Iterator[Any]) -> _Task | None:  # Any: as above
    if lost:
        return lost.popleft()
    return next((_Task(item) for item in items), None)
