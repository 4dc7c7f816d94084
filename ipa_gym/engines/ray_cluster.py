"""`RayEngine`: runs items on a Ray cluster, one that runs already or one started on this machine for the run.

Only this process reads and writes files: the work and the items travel to the cluster, results come back, and nothing
is shared between its machines. Ray is loaded with the first run. What happens in Ray's processes is in `ray_worker.py`.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ipa_gym.engines.base import MAX_RETRIES, EngineError, Item, Result, Work
from ipa_gym.engines.local import all_cores
from ipa_gym.engines.machine_stamp import machine_stamp
from ipa_gym.engines.ray_worker import run_item
from ipa_gym.errors import OptionError

_AHEAD = 2  # items given out for each core: one runs while the next is on its way
_ANSWER_S = 5.0  # how long a cluster may take to accept a connection
_COUNT_EVERY_S = 5.0  # machines that join a cluster are noticed after so long
_STORE_BYTES = 512 * 2**20  # of a local Ray's object store: the work, and results above 100 kB


class RayEngine:
    """See `Engine`.

    Args:
        jobs: items at the same time; None: one for each core of the cluster, also of those that join later.
        address: ``HOST:PORT`` of a cluster that this machine is part of, or ``auto``; None: Ray is started here, and
            stopped at the end. A Ray that this process has already connected to is used and left as it is.
    Raises: EngineError if Ray is not installed, OptionError for an address that is none.
    """

    def __init__(self, *, jobs: int | None = None, address: str | None = None) -> None:
        if importlib.util.find_spec("ray") is None:
            raise EngineError("the engine ray needs Ray, which is not installed; pip install 'ipa-gym[ray]'")
        if address is not None and address != "auto":
            _host_and_port(address)
        self._jobs, self._address = jobs, address

    def run(self, work: Work[Item, Result], items: Iterable[Item]) -> Generator[tuple[Item, Result]]:
        """See `Engine.run`. Raises: EngineError also if no cluster answers, or its machines have other versions."""
        with connected(self._address, self._jobs) as ray:
            pending: dict[Any, Item] = {}  # Any: an ObjectRef -> its item
            try:
                yield from _as_finished(ray, work, iter(items), pending, self._jobs)
            finally:
                for reference in pending:
                    ray.cancel(reference, force=True)


def _as_finished(
    ray: Any, work: Work[Item, Result], items: Iterator[Item], pending: dict[Any, Item], jobs: int | None
) -> Generator[tuple[Item, Result]]:
    remote = ray.remote(num_cpus=1, max_retries=MAX_RETRIES, retry_exceptions=False)(run_item)
    shipped, stamp = [ray.put(work)], tuple(machine_stamp().items())
    room = _Room(ray, jobs)
    while True:
        for item in islice(items, max(0, room.limit() - len(pending))):
            pending[remote.remote(shipped, stamp, item)] = item
        if not pending:
            return
        ready, _ = ray.wait(list(pending), num_returns=1, timeout=_COUNT_EVERY_S)
        for reference in ready:
            done = pending.pop(reference)
            yield done, _result(ray, reference, done)


class _Room:
    """How many items may be given out."""

    def __init__(self, ray: Any, jobs: int | None) -> None:  # Any: the module
        self._ray, self._jobs, self._counted_s, self._cores = ray, jobs, -_COUNT_EVERY_S, 1

    def limit(self) -> int:
        now_s = time.monotonic()
        if self._jobs is not None:
            return self._jobs
        if now_s - self._counted_s >= _COUNT_EVERY_S:
            self._cores, self._counted_s = max(1, int(self._ray.cluster_resources().get("CPU", 1))), now_s
        return self._cores * _AHEAD


def _result(ray: Any, reference: Any, item: object) -> Any:  # Any: the module, an ObjectRef, whatever comes back
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause or error) from error
    except ray.exceptions.RayError as error:
        raise EngineError(
            f"{item}: the process that ran it was lost {MAX_RETRIES + 1} times ({_one_line(error)}); "
            "expected an item that a process survives"
        ) from error


@contextmanager
def connected(address: str | None, jobs: int | None) -> Iterator[Any]:
    """The module ray, connected for the time of the context. Raises: EngineError if there is nothing to connect to."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning a worker about GPUs
    import ray

    if ray.is_initialized():
        yield ray
        return
    with _silent(ray):
        try:
            _connect(ray, address, jobs)
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _silent(ray: Any) -> Iterator[None]:  # Any: the module
    """Without Ray's words about lost processes: it prints them on stdout, among the results.

    No public switch stops that; where the private one is gone the words come back, and nothing else.
    """
    printing: Any = getattr(getattr(ray, "_private", None), "worker", None)  # Any: a module
    before = getattr(printing, "_worker_logs_enabled", None)
    if before is not None:
        printing._worker_logs_enabled = False
    try:
        yield
    finally:
        if before is not None:
            printing._worker_logs_enabled = before


def _connect(ray: Any, address: str | None, jobs: int | None) -> None:  # Any: the module
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}  # Any: names and switches
    own = {"num_cpus": jobs or all_cores(), "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    if address is not None and address != "auto":
        _check_that_it_answers(address)
    try:
        ray.init(address=address or "local", **({} if address else own), **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"no Ray cluster at {address!r} that this machine is part of" if address else "Ray does not start here"
        raise EngineError(f"{where}: {_one_line(error)}; docs/scale.md says what is needed") from error


def _check_that_it_answers(address: str) -> None:
    try:
        socket.create_connection(_host_and_port(address), timeout=_ANSWER_S).close()
    except OSError as error:
        raise EngineError(
            f"no Ray cluster answers at {address!r} ({error.strerror or error}); start one with `ray start --head`"
        ) from error


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise OptionError(f"address is {address!r}; expected HOST:PORT of a Ray cluster's head, or auto")
    return host, int(port)


def _one_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
