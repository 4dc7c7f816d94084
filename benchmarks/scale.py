"""What episodes cost, what the engines add to it, and how long a full grid takes on 1, 10 and 100 machines.

    python benchmarks/scale.py [--seeds 10] [--page docs/scale.md]

First each agent plays one window of each pipeline in this process: CPU seconds of the work itself. Then quick agents
play many episodes on each engine, and the CPU seconds of all processes are counted: what is more than before is the
engine's. The estimate divides their sum by the cores. Needs Linux (/proc). On a machine that does other things the CPU
seconds hold roughly, the wall times do not.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import ROOT
from ipa_gym.benchmark import RunOptions, run_benchmarks
from ipa_gym.benchmark.identity import Identities
from ipa_gym.benchmark.inputs import load_inputs
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.benchmark.work import Episode, EpisodeWork
from ipa_gym.engines import all_cores, open_engine
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.store import Store

BEGIN, END = "<!-- begin: printed by `python benchmarks/scale.py` -->", "<!-- end -->"
TRACE = "twitter-like"
QUICK = ("ipa-exact", "fa2-low", "rim", "hpa")  # some 20 ms an episode: where an engine's own part shows most
ENGINES = ("local", "ray")
MACHINES, CORES = (1, 10, 100), 16
WINDOWS, SEEDS = 40, 5  # of the full grid
_TICKS_S = os.sysconf("SC_CLK_TCK")


Work = Mapping[tuple[str, str], float]  # (agent, pipeline) -> CPU seconds of an episode


@dataclass(frozen=True, slots=True)
class EngineCost:
    """Many episodes on one engine."""

    name: str
    n_episodes: int
    first_s: float  # wall time until the first result: loading, starting, checking
    wall_s: float  # from there to the end, files included
    cpu_s: float  # of all processes from there to the last result: this one, the workers, Ray's own
    driver_s: float  # CPU seconds of this process, as wall_s


def work_costs() -> Work:
    """CPU seconds of one episode of each agent on each pipeline, loading and compiling apart."""
    inputs = load_inputs(BenchmarkSettings(traces=(TRACE,), seeds=(0,), n_windows=1))
    identities, work = Identities(inputs), EpisodeWork([inputs])
    work.start()
    found = {}
    for task in inputs.tasks():
        episode = Episode(0, task, identities.key(task), identities.columns(task))
        work.warm_up(episode)
        work.run(episode)  # whatever is made once
        began_s = time.process_time()
        work.run(episode)
        found[task.agent, task.pipeline] = time.process_time() - began_s
    return found


def engine_cost(name: str, n_seeds: int) -> EngineCost:
    """Run the quick agents on all pipelines, 5 windows and so many seeds each, with all that a benchmark does."""
    settings = BenchmarkSettings(traces=(TRACE,), agents=QUICK, seeds=tuple(range(n_seeds)), n_windows=5)
    marks: list[tuple[int, float, float, float]] = []  # at the first and the last result: episodes, wall s, CPU s, own

    def note(n_done: int, n_all: int) -> None:
        if not marks or n_done == n_all:
            marks.append((n_done, time.perf_counter(), _tree_cpu_s(os.getpid()), time.process_time()))

    with TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        run_benchmarks([settings], RunOptions(open_engine(name), Store(Path(folder)), note))
        ended_s, driver_s = time.perf_counter(), time.process_time()
    (_, first_s, cpu_s, own_s), (n_episodes, _, last_cpu_s, _) = marks
    return EngineCost(name, n_episodes, first_s - began_s, ended_s - first_s, last_cpu_s - cpu_s, driver_s - own_s)


def _tree_cpu_s(root: int) -> float:
    """CPU seconds of a process, of all that it started and of theirs that have ended."""
    parents: dict[int, int] = {}
    spent: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents[int(path.parent.name)] = int(fields[1])
        spent[int(path.parent.name)] = sum(map(int, fields[11:15]))  # user and system, own and ended children's
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(pid, 0) for pid in family) / _TICKS_S


def lines(work: Work, engines: list[EngineCost]) -> Iterator[str]:
    """The block of the page."""
    load = os.getloadavg()[0]
    shared = "that others used at the same time" if load > 1.5 * all_cores() else "that did nothing else"
    yield f"Measured on a machine of {all_cores()} cores {shared} (load average {load:.0f})."
    yield ""
    yield from _work_lines(work)
    yield ""
    yield from _engine_lines(engines, quick_s=_quick_s(work))
    yield ""
    yield from _estimate_lines(work, next(one for one in engines if one.name == "ray"))


def _quick_s(work: Work) -> float:
    """Mean CPU seconds of an episode of the quick agents."""
    found = [seconds for (agent, _), seconds in work.items() if agent in QUICK]
    return sum(found) / len(found)


def _work_lines(work: Work) -> Iterator[str]:
    agents, pipelines = (list(dict.fromkeys(key[part] for key in work)) for part in (0, 1))
    yield f"CPU seconds of 1,000 episodes of 1,200 s of `{TRACE}`, the work alone:"
    yield ""
    yield f"| agent | {' | '.join(pipelines)} |"
    yield f"|---|{'---:|' * len(pipelines)}"
    for agent in agents:
        yield f"| `{agent}` | {' | '.join(f'{1000 * work[agent, pipeline]:,.0f}' for pipeline in pipelines)} |"


def _engine_lines(engines: list[EngineCost], *, quick_s: float) -> Iterator[str]:
    yield (
        f"1,000 episodes of {', '.join(f'`{name}`' for name in QUICK)} on all five pipelines, {1000 * quick_s:.0f} CPU "
        "seconds of work, on each engine:"
    )
    yield ""
    yield "| engine | CPU s | times the work alone | of it the driver, CPU s | wall s | first result after, s |"
    yield "|---|---:|---:|---:|---:|---:|"
    for one in engines:
        cpu_s, driver_s, wall_s = (1000 * value / one.n_episodes for value in (one.cpu_s, one.driver_s, one.wall_s))
        ratio = one.cpu_s / one.n_episodes / quick_s
        yield f"| `{one.name}` | {cpu_s:.0f} | {ratio:.2f} | {driver_s:.1f} | {wall_s:.0f} | {one.first_s:.0f} |"


def _estimate_lines(work: Work, ray: EngineCost) -> Iterator[str]:
    n_pipelines = len({pipeline for _, pipeline in work})
    n_each, n_all = WINDOWS * SEEDS, WINDOWS * SEEDS * len(work)
    work_s = n_each * sum(work.values())
    engine_s = n_all * max(0.0, ray.cpu_s / ray.n_episodes - _quick_s(work))
    driver_s = n_all * ray.driver_s / ray.n_episodes
    grid = f"{len(work) // n_pipelines} agents x {n_pipelines} pipelines x {WINDOWS} windows x {SEEDS} seeds"
    yield (
        f"The full grid of {grid} = {n_all:,} episodes: {work_s / 3600:.2f} CPU hours of work, {engine_s / 3600:.2f} "
        f"more on the engine, {driver_s / 60:.1f} minutes of the driver. On machines of {CORES} such cores:"
    )
    yield ""
    yield "| machines | cores | estimate, minutes | what decides |"
    yield "|---:|---:|---:|---|"
    for n in MACHINES:
        cores_s = (work_s + engine_s) / (n * CORES)
        decides = "the cores" if cores_s > driver_s else "the driver"
        estimate_s = max(cores_s, driver_s) + max(work.values()) + ray.first_s
        yield f"| {n} | {n * CORES:,} | {estimate_s / 60:.1f} | {decides} |"


def main() -> int:
    """Measure, print, and write the page's block."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="of each quick agent, pipeline and window")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "scale.md")
    arguments = parser.parse_args()
    work = work_costs()
    text = "\n".join(lines(work, [engine_cost(name, arguments.seeds) for name in ENGINES]))
    print(text)
    write_block(text, begin=BEGIN, end=END, page=arguments.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
