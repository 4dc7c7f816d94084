"""What happens in a process of a Ray cluster. Does not run in the process that gives out the items.

A process keeps the work that it has started: all items of a run that come to it share it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from ipa_gym.engines.base import EngineError, Work
from ipa_gym.engines.machine_stamp import difference, machine_stamp

_started: dict[str, Work[Any, Any]] = {}  # reference -> the work of the run; one entry; Any: whatever its items are


def run_item(shipped: Sequence[Any], stamp: Sequence[tuple[str, str]], item: Any) -> Any:  # Any: as above, an ObjectRef
    """Run one item.

    Args:
        shipped: one reference to the work, in a list so that it is fetched only once a process.
        stamp: of the machine that gave out the item.
    Raises: EngineError if this machine has another one.
    """
    (reference,) = shipped
    key = reference.hex()
    if key not in _started:
        _check_machine(dict(stamp))
        work = _fetched(reference)
        work.start()
        _started.clear()
        _started[key] = work
    return _started[key].run(item)


def _check_machine(stamp: Mapping[str, str]) -> None:
    differs = difference(stamp, machine_stamp())
    if differs:
        raise EngineError(f"machine {socket.gethostname()} of the cluster has {differs}; expected the same on all")


def _fetched(reference: Any) -> Work[Any, Any]:  # Any: as above
    import ray

    work: Work[Any, Any] = ray.get(reference)
    return work
