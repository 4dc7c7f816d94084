"""What deciding every 2 s instead of every 10 s is worth to rules made to act faster, and what their settings do.

All agents play the four loads of the benchmark on all five pipelines, at both intervals, on the same arrivals, seed by
seed. Prints the two tables of docs/rivals.md; the episodes are those of `ipa_gym.evaluation.play_agent`. Run:

    python benchmarks/intervals.py [--seeds 10] [--jobs 1] [--agents kpa,keda] [--table intervals]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ipa_gym import catalog
from ipa_gym.engines import open_engine
from ipa_gym.evaluation import play_agent
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import env_settings
from ipa_gym.statistics import mean_estimate, shared_runs

TRACES = ("bursty", "steady-low", "steady-high", "fluctuating")
AGENTS = ("kpa", "ray-serve", "keda", "hpa", "inferline", "infaas", "loki", "ipa-exact")
SLOW_S, FAST_S = 10.0, 2.0
RESAMPLING_SEED = 7
Settings = Mapping[str, object]
VARIATIONS: tuple[tuple[str, Settings], ...] = (  # beside the defaults, at 10 s
    ("kpa", {"target_percent": 50.0}),
    ("kpa", {"target_percent": 100.0}),
    ("ray-serve", {"target_ongoing_requests": 1.0}),
    ("ray-serve", {"target_ongoing_requests": 0.7}),
    ("ray-serve", {"upscale_delay": 10.0, "downscale_delay": 60.0}),
    ("keda", {"rate_window": 60}),
    ("keda", {"rate_window": 30}),
    ("keda", {"rate_window": 10}),
    ("keda", {"threshold_percent": 100.0}),
)


@dataclass(frozen=True, slots=True)
class Episode:
    """One item of work: an agent under a load, seed by seed."""

    agent: str
    changes: tuple[tuple[str, object], ...]  # parameters that differ from the card's
    pipeline: str
    trace: str
    interval_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What it came to; arrays are (n_seeds,)."""

    reward: NDArray[np.float64]
    violations_percent: NDArray[np.float64]
    cost_cores: NDArray[np.float64]
    changes: NDArray[np.float64]  # decisions that changed something
    arrivals: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeedWork:
    """Plays an episode with every seed; see `ipa_gym.engines.Work`."""

    seeds: int

    def start(self) -> None:
        """Nothing to load: the first episode compiles, where that was not done before."""

    def run(self, item: Episode) -> Played:
        """The whole trace, which is one window, with the seeds 0, 1, ..."""
        card = load_agent_card(item.agent)
        card = replace(card, parameters={**card.parameters, **dict(item.changes)})
        settings = env_settings(item.pipeline, item.trace, split="all", interval=item.interval_s)
        found = [play_agent(settings, card, np.array([0]), seed=seed) for seed in range(self.seeds)]
        names = ("reward_mean", "violations_percent", "cost_cores", "reconfigurations", "arrivals")
        return Played(*(np.concatenate([one.metric(name) for one in found]) for name in names))


Results = Mapping[Episode, Played]


def play_all(items: Sequence[Episode], *, seeds: int, jobs: int) -> Results:
    """Play all items. Raises: RuntimeError if two agents have not met the same arrivals."""
    results: dict[Episode, Played] = {}
    for item, played in open_engine("local", jobs=jobs).run(SeedWork(seeds), items):
        results[item] = played
        print(f"{len(results)}/{len(items)} {item.pipeline} {item.agent}", file=sys.stderr)
    met = {(item.pipeline, item.trace): played.arrivals for item, played in results.items()}
    for item, played in results.items():
        if not np.array_equal(played.arrivals, met[item.pipeline, item.trace]):
            raise RuntimeError(f"{item}: other arrivals than the agents beside it; the comparison in pairs is void")
    return results


def interval_items(agents: Sequence[str]) -> list[Episode]:
    """Every agent on every pipeline under every load, at both intervals."""
    return [
        Episode(agent, (), pipeline, trace, interval_s)
        for pipeline in catalog.names("envs")
        for agent in agents
        for trace in TRACES
        for interval_s in (SLOW_S, FAST_S)
    ]


def variation_items(agents: Sequence[str]) -> list[Episode]:
    """The agents with their own settings and with others, at 10 s."""
    cases: list[tuple[str, Settings]] = [(agent, {}) for agent in dict(VARIATIONS) if agent in agents]
    cases += [case for case in VARIATIONS if case[0] in agents]
    return [
        Episode(agent, tuple(changes.items()), pipeline, trace, SLOW_S)
        for agent, changes in cases
        for pipeline in catalog.names("envs")
        for trace in TRACES
    ]


def over_loads(results: Results, like: Episode, field: str) -> NDArray[np.float64]:
    """One number of ``like`` under each load: float64 (n_seeds, n_traces)."""
    return np.column_stack([getattr(results[replace(like, trace=trace)], field) for trace in TRACES])


def interval_table(results: Results, agents: Sequence[str]) -> Iterator[str]:
    """A line a pipeline and agent: both intervals, and their difference in reward, paired by seed."""
    yield (
        "| pipeline | agent | reward, 10 s | reward, 2 s | 2 s over 10 s (95 % interval) | violations %, 10 s | 2 s "
        "| cores, 10 s | 2 s | changes, 10 s | 2 s |"
    )
    yield "|---|---|---:|---:|---|---:|---:|---:|---:|---:|---:|"
    for pipeline in catalog.names("envs"):
        for agent in agents:
            slow = Episode(agent, (), pipeline, TRACES[0], SLOW_S)
            fast = replace(slow, interval_s=FAST_S)
            gain = over_loads(results, fast, "reward") - over_loads(results, slow, "reward")
            found = mean_estimate(shared_runs(gain), rng=np.random.default_rng(RESAMPLING_SEED))
            pairs = [
                f"{over_loads(results, case, field).mean():.{digits}f}"
                for field, digits in (("violations_percent", 2), ("cost_cores", 1), ("changes", 0))
                for case in (slow, fast)
            ]
            rewards = [f"{over_loads(results, case, 'reward').mean():.2f}" for case in (slow, fast)]
            difference = f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
            yield f"| {pipeline} | `{agent}` | {' | '.join([*rewards, difference, *pairs])} |"


def variation_table(results: Results, agents: Sequence[str]) -> Iterator[str]:
    """A line an agent and setting: reward and violations on each pipeline, means over loads and seeds."""
    pipelines = catalog.names("envs")
    yield f"| agent | setting | {' | '.join(pipelines)} |"
    yield "|---|---|" + "---|" * len(pipelines)
    cases = dict.fromkeys((item.agent, item.changes) for item in variation_items(agents))
    for agent, changes in sorted(cases, key=lambda case: list(dict(VARIATIONS)).index(case[0])):
        cells = []
        for pipeline in pipelines:
            like = Episode(agent, changes, pipeline, TRACES[0], SLOW_S)
            reward, violations = (over_loads(results, like, name).mean() for name in ("reward", "violations_percent"))
            cells.append(f"{reward:.1f} ({violations:.1f} %)")
        named = ", ".join(f"`{name}` {value:g}" for name, value in changes) or "as in the card"
        yield f"| `{agent}` | {named} | {' | '.join(cells)} |"


TABLES = {"intervals": (interval_items, interval_table), "settings": (variation_items, variation_table)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--agents", default=",".join(AGENTS), help="names, with commas")
    parser.add_argument("--table", choices=[*TABLES], default="intervals")
    given = parser.parse_args()
    agents = given.agents.split(",")
    items, table = TABLES[given.table]
    results = play_all(items(agents), seeds=given.seeds, jobs=given.jobs)
    print(f"Means over the loads {', '.join(TRACES)} and {given.seeds} seeds.\n")
    print(*table(results, agents), sep="\n")


if __name__ == "__main__":
    main()
