"""What an engine's workers do: play one episode after another and give back a row of the results each.

`EpisodeWork` carries all that its episodes need - cards, traces, the contents of files of weights, names of policies -
so that it can be sent to a machine that has this package and nothing else. Next: `runner.py`, which hands it out.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ipa_gym.benchmark.episode import interval_result, latency_counts, measure, play
from ipa_gym.benchmark.identity import file_contents, program_version
from ipa_gym.benchmark.inputs import Inputs
from ipa_gym.benchmark.settings import Task
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.forecast import WEIGHTS_SUFFIX
from ipa_gym.policies import POLICIES, AgentCard, Hindsight
from ipa_gym.store import Key, schema

if TYPE_CHECKING:
    import polars as pl

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Episode:
    """One item of work."""

    of: int  # which of the work's inputs
    task: Task
    key: Key
    columns: Mapping[str, Any]  # Any: values of the setting columns

    def __str__(self) -> str:
        return str(self.task)


class EpisodeWork:
    """See `ipa_gym.engines.Work`; an item is an `Episode`, its result a row of the store as a table.

    Args:
        inputs: of the benchmarks whose episodes are played.
    """

    def __init__(self, inputs: Sequence[Inputs]) -> None:
        self._inputs = list(inputs)
        self._version = program_version()
        self._policies = dict(POLICIES)
        self._files = {path: content for part in inputs for path, content in file_contents(part).items()}
        self._placed: PlacedFiles | None = None
        self._warm: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Make this process ready.

        Raises: OptionError if its program is another one than that of the process that made the work.
        """
        if program_version() != self._version:
            raise OptionError(
                f"a worker runs ipa-gym {program_version()}; expected {self._version}, that of the process that "
                "started it: the same source on all machines, unchanged while a benchmark runs"
            )
        POLICIES.update({name: place for name, place in self._policies.items() if name not in POLICIES})
        self._placed = PlacedFiles(self._files)
        self._inputs = [self._placed.in_inputs(inputs) for inputs in self._inputs]

    def run(self, item: Episode) -> pl.DataFrame:
        """Play an episode; its row."""
        self.warm_up(item)
        inputs, task = self._inputs[item.of], item.task
        env = inputs.make_env(task)
        played = play(env, inputs.make_policy(task, env), seed=task.seed, start=inputs.start(task))
        return _row(item, env, asdict(measure(task, env, played)))

    def warm_up(self, item: Episode) -> None:
        """Let the episode's agent decide once, the first time that it comes; see `warm_up`."""
        agent = (item.task.agent, item.task.training_seed)
        if agent not in self._warm:
            self._warm.add(agent)
            warm_up(self._inputs[item.of], item.task)

    def __getstate__(self) -> dict[str, Any]:  # Any: of each attribute its own type
        return self.__dict__ | {"_warm": set(), "_placed": None}


def warm_up(inputs: Inputs, task: Task) -> None:
    """Let the task's agent decide once, so that no decision time contains loading or compiling.

    Not where it would search a whole episode for it: an agent of hindsight decides before the episode begins.
    """
    env = inputs.make_env(task)
    observation, _ = env.reset(seed=task.seed)
    policy = inputs.make_policy(task, env)
    policy.reset()
    foreseeing = isinstance(policy, Hindsight)
    env.step(env.actions.encode(env.initial_configuration) if foreseeing else policy.act(observation))


def _row(item: Episode, env: PipelineEnv, result: dict[str, Any]) -> pl.DataFrame:  # Any: numbers and texts
    import polars as pl

    sla_s = env.pipeline.sla_s
    counts = latency_counts(np.concatenate([row.outcome.latency_s for row in env.rows]), sla_s)
    nested = {
        "latency_counts": counts.tolist(),
        "intervals_series": [asdict(interval_result(env.pipeline, row)) for row in env.rows],
    }
    values = result | asdict(item.key) | dict(item.columns) | {"sla_s": sla_s} | nested
    types = schema()
    return pl.DataFrame([{name: values[name] for name in types}], schema=types)


class PlacedFiles:
    """Files of another machine, put into folders of this one; they go with this value.

    Args:
        files: path there -> content. What is at its own path here, with the same content, stays there.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        folders = {str(Path(path).parent) for path, content in files.items() if not _is_here(path, content)}
        self._folders = {folder: mkdtemp(prefix="ipa-gym-") for folder in sorted(folders)}
        for folder in self._folders.values():
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for path, content in files.items():
            if (folder := self._folders.get(str(Path(path).parent), "")) != "":
                (Path(folder) / Path(path).name).write_bytes(content)

    def in_inputs(self, inputs: Inputs) -> Inputs:
        """The same inputs, which name the files where they are now."""
        return replace(
            inputs,
            pipelines={
                name: replace(pipeline, forecast=self._place(pipeline.forecast))
                for name, pipeline in inputs.pipelines.items()
            },
            agents={
                name: replace(group, cards=tuple(map(self._in_card, group.cards)))
                for name, group in inputs.agents.items()
            },
            environment=replace(inputs.environment, forecast=self._place(inputs.environment.forecast)),
        )

    def _in_card(self, card: AgentCard) -> AgentCard:
        parameters = {name: self._place(value) for name, value in card.parameters.items()}
        return replace(card, forecast=self._place(card.forecast), parameters=parameters)

    def _place(self, value: _V) -> _V:
        """A path of a file that was moved, where it is now; anything else as it is."""
        if not isinstance(value, str) or not value.endswith(WEIGHTS_SUFFIX):
            return value
        folder = self._folders.get(str(Path(value).parent))
        return value if folder is None else str(Path(folder) / Path(value).name)  # type: ignore[return-value]


def _is_here(path: str, content: bytes) -> bool:
    return Path(path).is_file() and Path(path).read_bytes() == content
