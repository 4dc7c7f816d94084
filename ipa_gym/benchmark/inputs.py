"""Reads what the settings name - cards, traces, weights - and makes environments and policies of it.

Everything that a user can get wrong fails here, before the first episode runs. Next: `windows.py`, `episode.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions, Task
from ipa_gym.benchmark.windows import episode_s, played_split, trace_windows
from ipa_gym.cards import load_pipeline
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.evaluation.agents import SEED_FOLDER, AgentGroup, load_group
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies import AgentCard, Policy, make_policy
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)
_LARGEST_SEED = 2**62  # the store's whole numbers have 64 bits, and a window's first second is added
_SHOWN_SEEDS = 10


@dataclass(frozen=True, slots=True)
class Inputs:
    """Cards and traces of a benchmark, by the names that its table shows."""

    pipelines: Mapping[str, Pipeline]
    traces: Mapping[str, Trace]
    agents: Mapping[str, AgentGroup]
    environment: EnvironmentOptions
    seeds: tuple[int, ...]
    n_windows: int | None = None

    def tasks(self) -> list[Task]:
        """All episodes, in the order of the result's rows. Raises: OptionError for windows that do not fit."""
        windows = {name: trace_windows(trace, self.environment, self.n_windows) for name, trace in self.traces.items()}
        return [
            Task(pipeline, trace, agent, seed, window, training_seed)
            for pipeline in self.pipelines
            for trace in self.traces
            for agent, group in self.agents.items()
            for training_seed in training_seeds(group)
            for window in windows[trace]
            for seed in self.seeds
        ]

    def card(self, task: Task) -> AgentCard:
        """The card of the task's agent and training seed."""
        group = self.agents[task.agent]
        return group.cards[training_seeds(group).index(task.training_seed)]

    def start(self, task: Task) -> int | None:
        """First second of the task's window; None where the environment itself plays fixed windows."""
        return task.windows[0][0] if task.windows and self.environment.windows is None else None

    def settings(self, task: Task) -> EnvSettings:
        """The checked arguments of the task's environment. Raises: as `env_settings`."""
        trace = self.traces[task.trace]
        return env_settings(self.pipelines[task.pipeline], trace, **self._arguments(task, trace))

    def make_env(self, task: Task, *, record: bool = False) -> PipelineEnv:
        """The environment of a task, with the forecast that the agent asks for. Raises: as `PipelineEnv`."""
        trace = self.traces[task.trace]
        return PipelineEnv(self.pipelines[task.pipeline], trace, **self._arguments(task, trace), record=record)

    def make_policy(self, task: Task, env: PipelineEnv) -> Policy:
        """The task's policy, new. Raises: CardError for a card that this pipeline cannot take."""
        return make_policy(self.card(task), env)

    def _arguments(self, task: Task, trace: Trace) -> dict[str, Any]:  # Any: as `env_arguments`
        """The agent card's forecast goes first, then the option's, then the pipeline card's."""
        forecast = self.card(task).forecast or self.environment.forecast
        return env_arguments(trace, self.environment) | {"forecast": forecast}


def training_seeds(group: AgentGroup) -> tuple[str, ...]:
    """What tells the agents of a group apart, such as ``0``; one empty text for an agent that is no group."""
    return tuple(label.removeprefix(SEED_FOLDER) for label in group.labels) if len(group.cards) > 1 else ("",)


def env_arguments(trace: Trace, options: EnvironmentOptions) -> dict[str, Any]:  # Any: `env_settings` has their types
    """The arguments that `PipelineEnv` and `env_settings` share, as the options say; neither pipeline nor trace."""
    return {
        "split": played_split(trace, options),
        "windows": options.windows,
        "episode_s": episode_s(trace, options),
        "interval": options.interval_s,
        "arrivals": options.arrivals,
        "forecast": options.forecast,
        "batch_cap": options.batch_cap,
        "replica_cap": options.replica_cap,
        "service_cv": options.service_cv,
        "service_scale": options.service_scale,
        "startup_scale": options.startup_scale,
        "reward": options.reward,
    }


class Reader:
    """Reads cards and traces, each once: for several settings, which then share them."""

    def __init__(self) -> None:
        self.pipeline: Callable[[str], Pipeline] = cache(load_pipeline)
        self.agents: Callable[[str], AgentGroup] = cache(load_group)
        self._trace = cache(load_trace)

    def trace(self, name_or_path: str, options: EnvironmentOptions) -> Trace:
        """A trace as the options want it. Raises: as `load_trace`."""
        return self._trace(name_or_path, scale=options.scale, key=options.key, column=options.column)


def load_inputs(settings: BenchmarkSettings, reader: Reader | None = None) -> Inputs:
    """Read every card and trace once.

    Args:
        reader: that other settings are read with too.
    Raises: IpaGymError for a card or trace that cannot be read, two of one name, or a list without an entry.
    """
    environment, read = settings.environment, reader or Reader()
    _check_seeds(settings.seeds)
    return Inputs(
        pipelines=_by_name("pipelines", settings.pipeline_references(), read.pipeline),
        traces=_by_name("traces", settings.trace_references(), lambda name: read.trace(name, environment)),
        agents=_by_name("agents", settings.agent_references(), read.agents),
        environment=environment,
        seeds=settings.seeds,
        n_windows=settings.n_windows,
    )


def load_configured_trace(name_or_path: str, options: EnvironmentOptions) -> Trace:
    """A trace as the options want it. Raises: as `load_trace`."""
    return Reader().trace(name_or_path, options)


def check_inputs(inputs: Inputs, tasks: Sequence[Task]) -> None:
    """Make each different environment and policy of the tasks once. Raises: IpaGymError, before any episode has run."""
    seen: set[tuple[str, ...]] = set()
    for task in tasks:
        where, who = (task.pipeline, task.trace), (task.pipeline, task.agent, task.training_seed)
        if {where, who} <= seen:
            continue
        env = inputs.make_env(task)
        inputs.make_policy(task, env)
        seen |= {where, who}


def _by_name(kind: str, references: Sequence[str], load: Callable[[str], _N]) -> dict[str, _N]:
    if not references:
        raise OptionError(f"{kind}: none given; expected at least one")
    found: dict[str, _N] = {}
    for reference in references:
        item = load(reference)
        if item.name in found:
            raise OptionError(f"{kind}: two are called {item.name!r} (the second is {reference!r}); expected each once")
        found[item.name] = item
    return found


def _check_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0 or max(seeds) > _LARGEST_SEED:
        shown = ", ".join(map(str, seeds[:_SHOWN_SEEDS])) + (", ..." if len(seeds) > _SHOWN_SEEDS else "")
        raise OptionError(f"seeds are [{shown}]; expected at least one, none twice, each from 0 to {_LARGEST_SEED}")
