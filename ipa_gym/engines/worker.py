"""What happens in a worker process of `LocalEngine`. Nothing here runs in the process that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

from ipa_gym.engines.base import Work

_work: list[Work[Any, Any]] = []  # one entry; Any: whatever its items are
_started: list[bool] = []


def start_worker(work: Work[Any, Any], lifeline: Connection) -> None:
    """Keep the work for `run_item`.

    Args:
        lifeline: the process ends when its other end is closed, or the process that started this one is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    _work[:] = [work]


def _end_with_parent(lifeline: Connection) -> None:
    parent = multiprocessing.parent_process()
    wait([lifeline] if parent is None else [lifeline, parent.sentinel])
    os._exit(1)


def run_item(item: Any) -> Any:  # Any: as above
    """Run one item; the first one starts the work."""
    (work,) = _work
    if not _started:
        work.start()
        _started.append(True)
    return work.run(item)
