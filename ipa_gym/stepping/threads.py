"""`on_threads`: runs a compiled function on several threads at once, each with a share of the environments.

The function releases Python's lock while it computes. The threads sleep when there is nothing to do: OpenMP's, which
numba's `prange` would use, wait by spinning and share their settings with torch, which slows a learner's network on
the same processors several times over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_pool: dict[int, ThreadPoolExecutor] = {}  # the process's own, by its number: a fork has none of its parent's threads


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_threads(
    function: Callable[..., int], arguments: tuple[Any, ...], shares: tuple[tuple[int, int, int], ...]
) -> int:
    """``function(*arguments, *share)`` for each share, all at once; the last on the caller's own thread.

    Args:
        function: compiled, releases the lock; shares must not write to the same memory.
        arguments: what all calls have in common.
        shares: (thread, first environment, end) of each call.
    Returns: the sum of what they return.
    """
    *others, own = shares
    if not others:
        return function(*arguments, *own)
    pool = _pool.get(os.getpid())
    if pool is None:
        pool = _pool[os.getpid()] = ThreadPoolExecutor(max(1, processors()), thread_name_prefix="ipa-gym")
    running = [pool.submit(function, *arguments, *share) for share in others]
    total = function(*arguments, *own)
    return total + sum(future.result() for future in running)
