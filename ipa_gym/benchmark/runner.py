"""Runs a benchmark's episodes on all cores: the same rows whatever the number of processes, timings apart.

Worker processes are started afresh (spawn), read the cards themselves and send back one episode at a time. What was
finished before a stop is kept by `journal.py`. Writing files of results is the business of `writing.py`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from threading import Thread
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.episode import EpisodeResult, EpisodeRun, IntervalResult, run_episode
from ipa_gym.benchmark.inputs import Inputs, check_inputs, load_inputs
from ipa_gym.benchmark.journal import Journal
from ipa_gym.benchmark.settings import BenchmarkSettings, Task
from ipa_gym.errors import OptionError

if TYPE_CHECKING:
    import polars as pl

OnProgress = Callable[[int, int], None]  # (episodes done, episodes in all)
TIMINGS = ("decision_mean_ms", "decision_p99_ms")  # the only columns that a second run does not repeat
_worker_inputs: list[Inputs] = []  # one entry in a worker process: what its episodes are made of


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """All episodes of a benchmark."""

    settings: BenchmarkSettings
    inputs: Inputs
    episodes: pl.DataFrame  # the fields of EpisodeResult, a row an episode
    series: pl.DataFrame  # the fields of IntervalResult, a row an interval, of the first seed
    n_resumed: int  # episodes that an interrupted run had finished


def all_cores() -> int:
    """How many processes this machine lets us run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_benchmark(
    settings: BenchmarkSettings,
    *,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    journal: Journal | None = None,
) -> BenchmarkRun:
    """Run every episode that the settings name.

    Args:
        jobs: worker processes; None: one a core. 1 runs in this process.
        on_progress: called after each episode.
        journal: where finished episodes are kept until the benchmark is complete, and looked for first.
    Raises: IpaGymError before the first episode, for anything in the settings that cannot be run.
    """
    if jobs is not None and jobs < 1:
        raise OptionError(f"jobs is {jobs}; expected at least 1")
    inputs = load_inputs(settings)
    check_inputs(inputs)
    warm_up(inputs)
    tasks = inputs.tasks()
    done = {} if journal is None else journal.read(tasks)
    left = [task for task in tasks if task not in done]
    n_resumed = len(done)
    workers = min(jobs or all_cores(), max(1, len(left)))
    runs = _in_this_process(inputs, left) if workers == 1 else _in_workers(settings, left, workers)
    for task, run in runs:
        done[task] = run
        if journal is not None:
            journal.add(task, run)
        if on_progress is not None:
            on_progress(len(done), len(tasks))
    return BenchmarkRun(
        settings=settings,
        inputs=inputs,
        episodes=_frame([done[task].result for task in tasks], EpisodeResult),
        series=_frame([row for task in tasks for row in done[task].series], IntervalResult),
        n_resumed=n_resumed,
    )


def warm_up(inputs: Inputs) -> None:
    """Load solvers and kernels, so that no episode's decision time contains it; a first run compiles the kernels."""
    pipeline, trace = next(iter(inputs.pipelines)), next(iter(inputs.traces))
    for agent in inputs.agents:
        task = Task(pipeline, trace, agent, inputs.seeds[0])
        env = inputs.make_env(task)
        observation, _ = env.reset(seed=task.seed)
        policy = inputs.make_policy(task, env)
        policy.reset()
        env.step(policy.act(observation))


def _in_this_process(inputs: Inputs, tasks: Sequence[Task]) -> Iterator[tuple[Task, EpisodeRun]]:
    for task in tasks:
        yield task, run_episode(inputs, task, series=task.seed == inputs.seeds[0])


def _in_workers(settings: BenchmarkSettings, tasks: Sequence[Task], workers: int) -> Iterator[tuple[Task, EpisodeRun]]:
    """Episodes as they come. On any error or interrupt the remaining ones are cancelled."""
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(settings,)
    )
    try:
        futures: dict[Future[EpisodeRun], Task] = {pool.submit(_run_in_worker, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(settings: BenchmarkSettings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    Thread(target=_end_with_parent, daemon=True).start()
    inputs = load_inputs(settings)
    warm_up(inputs)
    _worker_inputs[:] = [inputs]


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_in_worker(task: Task) -> EpisodeRun:
    inputs = _worker_inputs[0]
    return run_episode(inputs, task, series=task.seed == inputs.seeds[0])


def _frame(rows: Sequence[Any], kind: type[Any]) -> pl.DataFrame:  # Any: a list of one dataclass
    import polars as pl

    types = {"str": pl.String, "int": pl.Int64, "float": pl.Float64}
    schema = {item.name: types[str(item.type)] for item in fields(kind)}
    return pl.DataFrame([asdict(row) for row in rows], schema=schema)
