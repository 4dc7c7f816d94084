"""What a benchmark runs: pipelines x traces x windows x agents x seeds, and the environment's options. Values only.

Reading cards and traces is the business of `inputs.py`, running that of `runner.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipa_gym import catalog
from ipa_gym.benchmark.styles import in_table_order
from ipa_gym.policies.card import agent_names

DEFAULT_TRACES = ("bursty", "steady-low", "steady-high", "fluctuating")  # the 1,200 s loads of IPA's evaluation
DEFAULT_N_SEEDS = 5
DEFAULT_EPISODE_S = 1200
DEFAULT_N_WINDOWS = 10  # of a trace that is longer than an episode
TRAINED = "trained"  # the agent whose weights were learned on each shipped pipeline


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """What every episode's `PipelineEnv` is made with; None: the card's or the environment's own."""

    scale: float = 1.0  # counts are multiplied by it and rounded down
    key: str | None = None  # array in an .npz trace
    column: str | None = None  # column of a .csv or .parquet trace
    windows: tuple[tuple[int, int], ...] | None = None  # (from, to) seconds, joined
    split: str | None = None  # None: ``test`` where the trace has it, else the whole trace
    episode_s: int | None = None  # None: 1,200 s, or the whole split if that is shorter
    interval_s: float = 10.0
    arrivals: str = "poisson"
    forecast: str | None = None  # None: the pipeline card's; an agent card's own goes first
    batch_cap: int | None = None
    replica_cap: int | None = None
    service_cv: float = 0.0
    service_scale: float = 1.0
    startup_scale: float = 1.0
    reward: Mapping[str, float | str] = field(default_factory=dict)  # overrides of the card's objective


@dataclass(frozen=True, slots=True)
class Task:
    """One episode: names as in the cards, the seed of its arrivals, and the seconds of the trace that it plays."""

    pipeline: str
    trace: str
    agent: str
    seed: int
    windows: tuple[tuple[int, int], ...] = ()  # (from, to) seconds; one, or several that are joined
    training_seed: str = ""  # of an agent that was trained with several

    @property
    def window(self) -> str:
        """``0:1200``, or ``0:600+1200:1800`` for joined ones."""
        return "+".join(f"{start}:{end}" for start, end in self.windows)

    def __str__(self) -> str:
        trained = f" (training seed {self.training_seed})" if self.training_seed else ""
        return f"{self.pipeline} under {self.trace} {self.window}, agent {self.agent}{trained}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """Which episodes a benchmark runs. Names of shipped cards, or paths to one's own."""

    pipelines: tuple[str, ...] = ()  # empty: all shipped
    traces: tuple[str, ...] = ()  # empty: `DEFAULT_TRACES`
    agents: tuple[str, ...] = ()  # empty: all shipped that can decide on these pipelines
    seeds: tuple[int, ...] = tuple(range(DEFAULT_N_SEEDS))
    environment: EnvironmentOptions = field(default_factory=EnvironmentOptions)
    n_windows: int | None = None  # of each trace longer than an episode; None: 10, or as many as fit side by side

    def pipeline_references(self) -> tuple[str, ...]:
        """Names or paths of the pipeline cards."""
        return self.pipelines or catalog.names("envs")

    def trace_references(self) -> tuple[str, ...]:
        """Names or paths of the traces."""
        return self.traces or DEFAULT_TRACES

    def agent_references(self) -> tuple[str, ...]:
        """Names or paths of the agent cards, or folders of training runs, in the table's order."""
        return self.agents or in_table_order(_deciding_agents(self.pipelines))


def _deciding_agents(pipelines: tuple[str, ...]) -> tuple[str, ...]:
    """Shipped agents that decide without training; the trained ones only where all pipelines are the shipped ones."""
    names = agent_names()
    known = set(pipelines) <= set(catalog.names("envs"))
    return names if known else tuple(name for name in names if name != TRAINED)
