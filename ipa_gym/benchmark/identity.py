"""What makes two episodes the same: the key of a row, from the program, cards, weights, counts and options.

A key depends on nothing but its own episode: not on which others run, on names of files, or on the machine. Whatever
decides a row is in it: the source of the program as `program_version`, all else as the hash of the settings.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import ipa_gym
from ipa_gym.benchmark.inputs import Inputs
from ipa_gym.benchmark.settings import Task
from ipa_gym.forecast import FORECASTS, WEIGHTS_SUFFIX
from ipa_gym.policies import AgentCard
from ipa_gym.policies.factory import policy_class
from ipa_gym.policies.learned import PIPELINE
from ipa_gym.program import FOLDER, PACKAGE, required_packages, source_files, version_of
from ipa_gym.settings import EnvSettings
from ipa_gym.store import Key
from ipa_gym.workload.trace import Trace

NUMERIC = ("numpy", "numba", "llvmlite", "scipy", "pulp", "highspy")  # libraries whose versions may decide a float
UNDECIDING = (  # parts of the package without a say in a row that has its key
    *("commands", "report", "reproduction", "training", "tuning", "recording", "store", "engines", "statistics"),
    "cli.py",
)
DECIDING_HERE = ("episode.py", "inputs.py", "settings.py", "windows.py", "work.py")  # of ``benchmark``, these alone
_DIGITS = 16  # of the hash of the settings


@cache
def program_version() -> str:
    """The package's version and a digest of its source, as far as that decides rows: ``0.1.0+0123456789ab``."""
    return version_of(deciding_files())


def deciding_files() -> list[Path]:
    """The source files that decide rows."""

    def decides(path: Path) -> bool:
        parts = path.relative_to(FOLDER).parts
        return parts[0] not in UNDECIDING and (parts[0] != "benchmark" or parts[1] in DECIDING_HERE)

    return list(filter(decides, source_files()))


class Identities:
    """Keys and setting columns of a benchmark's episodes.

    Args:
        inputs: its cards and traces.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._hashes: dict[tuple[str, ...], str] = {}
        self._environments: dict[tuple[str, ...], tuple[EnvSettings, str]] = {}

    def key(self, task: Task) -> Key:
        """The row's key. Raises: IpaGymError for settings that no environment takes, or weights that are missing."""
        return Key(
            pipeline=task.pipeline,
            trace=task.trace,
            window=task.window,
            agent=task.agent,
            training_seed=task.training_seed,
            seed=task.seed,
            version=program_version(),
            settings_hash=self._hash(task),
        )

    def columns(self, task: Task) -> dict[str, Any]:  # Any: numbers and texts
        """The row's setting columns. Raises: as `key`."""
        return self._columns(task, self._environment(task)[0])

    def _hash(self, task: Task) -> str:
        who = (task.pipeline, task.trace, task.agent, task.training_seed)
        if who not in self._hashes:
            agent = _agent_content(self._inputs.card(task), task.pipeline)
            self._hashes[who] = _digest({"environment": self._environment(task)[1], "agent": agent})
        return self._hashes[who]

    def _environment(self, task: Task) -> tuple[EnvSettings, str]:
        what = (task.pipeline, task.trace, self._inputs.card(task).forecast or "")
        if what not in self._environments:
            settings = self._inputs.settings(task)
            self._environments[what] = settings, _digest(_environment_content(settings))
        return self._environments[what]

    def _columns(self, task: Task, settings: EnvSettings) -> dict[str, Any]:  # Any: as above
        objective, forecast = settings.pipeline.objective, settings.forecast
        return {
            "interval_s": settings.interval_s,
            "forecast": forecast if forecast in FORECASTS else Path(forecast).name,
            "alpha": objective.alpha,
            "beta": objective.beta,
            "options": json.dumps(self._special_options(task, settings), sort_keys=True),
        }

    def _special_options(self, task: Task, settings: EnvSettings) -> dict[str, Any]:  # Any: what JSON can hold
        """What is not as in a standard environment and has no column of its own."""
        asked, card = self._inputs.environment, self._inputs.pipelines[task.pipeline]
        found: dict[str, Any] = {
            name: getattr(asked, name)
            for name in ("scale", "key", "column", "arrivals", "service_cv", "service_scale", "startup_scale")
            if getattr(asked, name) != getattr(type(asked)(), name)
        }
        for name in ("batch_cap", "replica_cap"):
            if getattr(settings.pipeline, name) != getattr(card, name):
                found[name] = getattr(settings.pipeline, name)
        standard, used = asdict(card.objective), asdict(settings.pipeline.objective)
        reward = {name: used[name] for name in used if used[name] != standard[name] and name not in ("alpha", "beta")}
        return found | ({"reward": reward} if reward else {})


def file_contents(inputs: Inputs) -> dict[str, bytes]:
    """Path -> content of every file that the agents and forecasts read: what another machine may not have."""
    cards = [card for group in inputs.agents.values() for card in group.cards]
    paths = {path for card in cards for name in inputs.pipelines for path in card_files(card, name)}
    forecasts = {inputs.environment.forecast, *(pipeline.forecast for pipeline in inputs.pipelines.values())}
    paths |= {name for name in forecasts if name is not None and name.endswith(WEIGHTS_SUFFIX)}
    return {path: Path(path).read_bytes() for path in sorted(paths) if Path(path).is_file()}


def card_files(card: AgentCard, pipeline: str) -> list[str]:
    """Paths of the files of weights that an agent's card names, for a pipeline."""
    named = [value for value in (*card.parameters.values(), card.forecast) if isinstance(value, str)]
    return [value.replace(PIPELINE, pipeline) for value in named if value.endswith(WEIGHTS_SUFFIX)]


def trace_digest(trace: Trace) -> str:
    """SHA-256 of the counts, as scaled."""
    return hashlib.sha256(np.ascontiguousarray(trace.counts, dtype="<i8").tobytes()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of this package and its run-time dependencies."""
    return {PACKAGE: ipa_gym.__version__, **{name: metadata.version(name) for name in required_packages()}}


@cache
def _libraries() -> Mapping[str, str]:
    return {name: metadata.version(name) for name in NUMERIC}


def _environment_content(settings: EnvSettings) -> dict[str, Any]:  # Any: what JSON can hold
    pipeline = {name: value for name, value in asdict(settings.pipeline).items() if name not in ("title", "forecast")}
    return {
        "pipeline": pipeline,
        "counts": trace_digest(settings.trace),
        "episodes": asdict(settings.episodes),
        "interval_s": settings.interval_s,
        "arrivals": settings.arrivals,
        "forecast": _file_or_text(settings.forecast),
        "service": [settings.service_cv, settings.service_scale, settings.startup_scale],
        "libraries": _libraries(),
    }


def _agent_content(card: AgentCard, pipeline: str) -> dict[str, Any]:  # Any: as above
    """Policy and parameters, files by their content; of a policy outside this package, its source too."""
    parameters = {
        name: _file_or_text(value.replace(PIPELINE, pipeline)) if isinstance(value, str) else value
        for name, value in card.parameters.items()
    }
    return {"policy": card.policy, "parameters": parameters, "source": _own_source(card.policy)}


def _own_source(policy: str) -> str | None:
    """Digest of the file of a policy that is not this package's; never the same twice where there is no file."""
    chosen = policy_class(policy)
    if chosen.__module__.partition(".")[0] == ipa_gym.__name__:
        return None
    try:
        return hashlib.sha256(Path(inspect.getfile(chosen)).read_bytes()).hexdigest()
    except (TypeError, OSError):  # typed into an interpreter
        return secrets.token_hex()


def _file_or_text(value: str) -> str:
    path = Path(value)
    if not value.endswith(WEIGHTS_SUFFIX) or not path.is_file():
        return value
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(content: Mapping[str, Any]) -> str:  # Any: as above
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
