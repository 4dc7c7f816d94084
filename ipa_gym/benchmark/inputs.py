"""Reads what the settings name - cards and traces - and makes environments and policies of it.

Everything that a user can get wrong fails here, before the first episode runs. Next: `episode.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ipa_gym.benchmark.settings import DEFAULT_EPISODE_S, BenchmarkSettings, EnvironmentOptions, Task
from ipa_gym.cards import load_pipeline
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Pipeline
from ipa_gym.policies import AgentCard, Policy, load_agent_card, make_policy
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Cards and traces of a benchmark, by the names that its table shows."""

    pipelines: Mapping[str, Pipeline]
    traces: Mapping[str, Trace]
    agents: Mapping[str, AgentCard]
    environment: EnvironmentOptions
    seeds: tuple[int, ...]

    def tasks(self) -> list[Task]:
        """All episodes, in the order of the result's rows."""
        return [
            Task(pipeline, trace, agent, seed)
            for pipeline in self.pipelines
            for trace in self.traces
            for agent in self.agents
            for seed in self.seeds
        ]

    def make_env(self, task: Task, *, record: bool = False) -> PipelineEnv:
        """The environment of a task, with the forecast that the agent asks for. Raises: as `PipelineEnv`."""
        return make_env(
            self.pipelines[task.pipeline],
            self.traces[task.trace],
            agent=self.agents[task.agent],
            options=self.environment,
            record=record,
        )

    def make_policy(self, task: Task, env: PipelineEnv) -> Policy:
        """The task's policy, new. Raises: CardError for a card that this pipeline cannot take."""
        return make_policy(self.agents[task.agent], env)


def make_env(
    pipeline: Pipeline, trace: Trace, *, agent: AgentCard, options: EnvironmentOptions, record: bool = False
) -> PipelineEnv:
    """An environment for an agent: its card's forecast goes first, then the option's, then the pipeline card's."""
    arguments = env_arguments(trace, options) | {"forecast": agent.forecast or options.forecast}
    return PipelineEnv(pipeline, trace, **arguments, record=record)


def env_arguments(trace: Trace, options: EnvironmentOptions) -> dict[str, Any]:  # Any: `env_settings` has their types
    """The arguments that `PipelineEnv` and `env_settings` share, as the options say; neither pipeline nor trace."""
    split = options.split or ("test" if "test" in trace.splits else None)
    return {
        "split": split,
        "windows": options.windows,
        "episode_s": _episode_s(trace, split, options),
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


def _episode_s(trace: Trace, split: str | None, options: EnvironmentOptions) -> int:
    """The episode's seconds: as asked, or 1,200, or as many whole intervals as a shorter split holds."""
    if options.episode_s is not None or options.windows is not None:
        return options.episode_s or DEFAULT_EPISODE_S
    start, stop = trace.split_range(split or "all")
    if stop - start >= DEFAULT_EPISODE_S or options.interval_s <= 0:
        return DEFAULT_EPISODE_S
    return int((stop - start) // options.interval_s * options.interval_s)


def load_inputs(settings: BenchmarkSettings) -> Inputs:
    """Read every card and trace once.

    Raises: IpaGymError for a card or trace that cannot be read, two of one name, or a list without an entry.
    """
    environment = settings.environment
    _check_seeds(settings.seeds)
    return Inputs(
        pipelines=_by_name("pipelines", settings.pipeline_references(), load_pipeline),
        traces=_by_name("traces", settings.traces, lambda name: load_configured_trace(name, environment)),
        agents=_by_name("agents", settings.agent_references(), load_agent_card),
        environment=environment,
        seeds=settings.seeds,
    )


def load_configured_trace(name_or_path: str, options: EnvironmentOptions) -> Trace:
    """A trace as the options want it. Raises: as `load_trace`."""
    return load_trace(name_or_path, scale=options.scale, key=options.key, column=options.column)


def check_inputs(inputs: Inputs) -> None:
    """Make every environment and policy once. Raises: IpaGymError, before any episode has run."""
    seed = inputs.seeds[0]
    for pipeline in inputs.pipelines:
        for agent in inputs.agents:
            for trace in inputs.traces:
                task = Task(pipeline, trace, agent, seed)
                env = inputs.make_env(task)
            inputs.make_policy(task, env)


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
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise OptionError(f"seeds are {list(seeds)}; expected at least one, none twice, none negative")
