"""The contract of engines: a `Work` says what to do with an item, an `Engine` does it with many items at once.

An item's result must follow from the work and the item alone: then every engine, with any number of workers, gives the
same results, in whatever order. Next: `local.py`, `ray_cluster.py`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from importlib import import_module
from typing import Any, Protocol, TypeVar

from ipa_gym.errors import IpaGymError, OptionError, unknown_name

Item = TypeVar("Item")
Result = TypeVar("Result")
_ItemIn = TypeVar("_ItemIn", contravariant=True)
_ResultOut = TypeVar("_ResultOut", covariant=True)

MAX_RETRIES = 3  # times that an item runs again after the process that ran it was lost

ENGINES: Mapping[str, str] = {  # name on the command line -> where it lives
    "local": "ipa_gym.engines.local:LocalEngine",
    "ray": "ipa_gym.engines.ray_cluster:RayEngine",
}


class EngineError(IpaGymError):
    """Work that cannot be done where it was to be done: no cluster, other sources there, a worker lost too often."""


class Work(Protocol[_ItemIn, _ResultOut]):
    """What is done with each item.

    It is pickled once for each worker process, and on a cluster travels to machines that have this package but not the
    user's files: it holds what was read from them, not their paths. Its class stands at the top of a module.
    """

    def start(self) -> None:
        """Called once in each worker process before its first item: load, compile."""

    def run(self, item: _ItemIn) -> _ResultOut:
        """Do one item. Its result can be pickled."""


class Engine(Protocol):
    """A way of running many items."""

    def run(self, work: Work[Item, Result], items: Iterable[Item]) -> Generator[tuple[Item, Result]]:
        """Do every item once; yield each with its result as soon as it is done.

        A result is handed out before a further item is taken, so that ``items`` may be a generator whose next item
        depends on the results so far. An item whose worker process was lost (killed, out of memory, its machine gone)
        runs again, at most `MAX_RETRIES` times. Closing the iterator stops all workers at once.

        Args:
            work: what to do; see `Work`.
            items: can be pickled; taken one by one as workers are free.
        Raises: EngineError naming the item that was lost too often; whatever ``work`` raises, as it is. The rest is
            cancelled.
        """
        ...


def open_engine(name: str = "local", *, jobs: int | None = None, address: str | None = None) -> Engine:
    """Build an engine; nothing is started before its first run.

    Args:
        name: a key of `ENGINES`.
        jobs: items at the same time; None: one for each core of the machine, or of the cluster.
        address: of a Ray cluster: ``HOST:PORT``, or ``auto`` for the one on this machine; None: one is started here for
            as long as the run takes.
    Raises: UnknownNameError; OptionError for an argument that is out of its range; EngineError if the engine needs a
        package that is not installed.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if jobs is not None and jobs < 1:
        raise OptionError(f"jobs is {jobs}; expected at least 1")
    module, _, attribute = ENGINES[name].partition(":")
    chosen: Any = getattr(import_module(module), attribute)  # Any: the classes share only `Engine`
    engine: Engine = chosen(jobs=jobs, address=address)
    return engine
