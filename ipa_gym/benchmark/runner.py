"""Runs a benchmark's episodes on an engine and keeps each in a store: what is there already is not run again.

Every row is the same whatever the engine and the number of workers, timings apart. Writing files of results is the
business of `writing.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from ipa_gym.benchmark.identity import Identities
from ipa_gym.benchmark.inputs import Inputs, Reader, check_inputs, load_inputs
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.benchmark.work import Episode, EpisodeWork
from ipa_gym.engines import Engine, open_engine
from ipa_gym.store import FLAT, INTERVAL_LISTS, KEY, GroupCommit, Key, Store, key_frame

if TYPE_CHECKING:
    import polars as pl

OnProgress = Callable[[int, int], None]  # (episodes on disk, episodes in all)
Preparing = Callable[[], AbstractContextManager[None]]  # wraps checking and compiling
_LOOK_EVERY_S = 5.0  # how often other runs' new rows are looked for; ...
_LOOK_REST = 10.0  # ... plus so many times the time that looking took, so that it never takes long in all
_SERIES = ("pipeline", "trace", "window", "agent", "training_seed", "seed", "sla_s", "intervals_series")


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """All episodes of a benchmark."""

    settings: BenchmarkSettings
    inputs: Inputs
    episodes: pl.DataFrame  # the columns `FLAT` of the store, a row an episode, in the order of the settings
    series: pl.DataFrame  # a row an interval, of the first seed (of training, too) and each trace's first window
    n_found: int  # episodes that were in the store before


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How episodes are run and where their rows are kept."""

    engine: Engine = field(default_factory=open_engine)
    store: Store | None = None  # None: one that goes when the run is over
    on_progress: OnProgress | None = None
    preparing: Preparing = nullcontext


@dataclass(frozen=True, slots=True)
class _Plan:
    """The episodes of one benchmark."""

    settings: BenchmarkSettings
    inputs: Inputs
    episodes: tuple[Episode, ...]

    @property
    def keys(self) -> list[Key]:
        return [episode.key for episode in self.episodes]


def run_benchmark(
    settings: BenchmarkSettings,
    *,
    jobs: int | None = None,
    store: Store | None = None,
    on_progress: OnProgress | None = None,
) -> BenchmarkRun:
    """Run every episode that the settings name, on this machine.

    Args:
        jobs: worker processes; None: one a core. 1 runs in this process.
        store: where finished episodes are looked for first, and kept.
        on_progress: called after each episode, when it is on disk; in a thread of the run.
    Raises: IpaGymError before the first episode, for anything in the settings that cannot be run.
    """
    options = RunOptions(open_engine("local", jobs=jobs), store, on_progress)
    return run_benchmarks([settings], options)[0]


def run_benchmarks(settings: Sequence[BenchmarkSettings], options: RunOptions) -> list[BenchmarkRun]:
    """Run several benchmarks as one: their episodes share the workers, and one that several ask for is played once.

    Raises: IpaGymError before the first episode, for anything in the settings that cannot be run.
    """
    if options.store is None:
        with TemporaryDirectory(prefix="ipa-gym-") as folder:
            return _run(settings, options, Store(Path(folder)))
    return _run(settings, options, options.store)


def _run(settings: Sequence[BenchmarkSettings], options: RunOptions, store: Store) -> list[BenchmarkRun]:
    with options.preparing():
        plans = _plans(settings)
        asked = {episode.key: episode for plan in plans for episode in plan.episodes}
        missing = set(store.missing(list(asked)))
        work = EpisodeWork([plan.inputs for plan in plans])
        left = [episode for key, episode in asked.items() if key in missing]
        _prepare(plans, work, left)
    if left:
        progress = _Progress(len(asked) - len(left), len(asked), options.on_progress)
        waiting = _still_missing(store, left, progress.more) if options.store is not None else iter(left)
        with (
            GroupCommit(store, progress.more) as commit,
            closing(options.engine.run(work, waiting)) as results,
        ):
            for _, row in results:
                commit.put(row)
    store.merge()
    return [_gathered(plan, store, missing) for plan in plans]


class _Progress:
    """Counts the episodes that are in the store, and says so one by one."""

    def __init__(self, n_done: int, n_all: int, on_progress: OnProgress | None) -> None:
        self._n_done, self._n_all, self._on_progress, self._lock = n_done, n_all, on_progress, Lock()

    def more(self, n: int) -> None:
        with self._lock:  # episodes are stored in one thread, and found to be there in another
            for _ in range(n):
                self._n_done += 1
                if self._on_progress is not None:
                    self._on_progress(self._n_done, self._n_all)


def _plans(settings: Sequence[BenchmarkSettings]) -> list[_Plan]:
    """Read all that the settings name, and compute the keys of all episodes."""
    plans, reader = [], Reader()
    for number, one in enumerate(settings):
        inputs = load_inputs(one, reader)
        identities = Identities(inputs)
        episodes = tuple(
            Episode(number, task, identities.key(task), identities.columns(task)) for task in inputs.tasks()
        )
        plans.append(_Plan(one, inputs, episodes))
    return plans


def _prepare(plans: Sequence[_Plan], work: EpisodeWork, left: Sequence[Episode]) -> None:
    """Find every fault of the settings, and compile once, before workers would do so all at the same time."""
    for number, plan in enumerate(plans):
        check_inputs(plan.inputs, [episode.task for episode in left if episode.of == number])
    for episode in left:
        work.warm_up(episode)


def _still_missing(store: Store, episodes: Sequence[Episode], skipped: Callable[[int], None]) -> Iterator[Episode]:
    """The episodes, from a place of this process's own on, without those that another run has finished meanwhile.

    So two runs that are given the same work share it.
    """
    first = os.getpid() % len(episodes)
    looked_s, found = time.monotonic(), set[Key]()
    for episode in [*episodes[first:], *episodes[:first]]:
        if time.monotonic() - looked_s > _LOOK_EVERY_S:
            started_s = time.monotonic()
            keys = [item.key for item in episodes]
            found = set(keys) - set(store.missing(keys))
            looked_s = time.monotonic() + _LOOK_REST * (time.monotonic() - started_s)
        if episode.key in found:
            skipped(1)
        else:
            yield episode


def _gathered(plan: _Plan, store: Store, missing: set[Key]) -> BenchmarkRun:
    """The rows of a benchmark, in the order of its settings."""
    keys = plan.keys
    first = _first_of_each(plan)
    rows = _in_order(store.read(list(dict.fromkeys([*KEY, *_SERIES])), keys=first), first).select(_SERIES)
    return BenchmarkRun(
        settings=plan.settings,
        inputs=plan.inputs,
        episodes=_in_order(store.read(FLAT, keys=keys), keys),
        series=rows.explode("intervals_series").unnest("intervals_series").drop(INTERVAL_LISTS),
        n_found=sum(key not in missing for key in keys),
    )


def _in_order(rows: pl.DataFrame, keys: Sequence[Key]) -> pl.DataFrame:
    return key_frame(keys).join(rows, on=KEY, how="left", maintain_order="left").select(rows.columns)


def _first_of_each(plan: _Plan) -> list[Key]:
    """Of each pipeline, trace and agent the key of the first seed, training seed and window."""
    found: dict[tuple[str, str, str], Key] = {}
    for episode in plan.episodes:
        task = episode.task
        found.setdefault((task.pipeline, task.trace, task.agent), episode.key)
    return list(found.values())
