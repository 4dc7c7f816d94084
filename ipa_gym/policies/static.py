"""Static: one configuration for the whole episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Configuration, Stage, StageConfiguration
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.parameters import Parameter, word_or_list

_KEYS = ("variant", "batch", "replicas")


class StaticPolicy:
    """Never adapts: what a deployment without a controller does.

    Rule: repeat the configuration of the first observation after `reset` (what the episode starts with), or the one
    given.
    Agent: ``static``.
    Source: none; the lower end of the comparison.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "configuration": word_or_list("initial", ("initial",), dict, meaning="what runs: variant, batch and replicas"),
    }

    def __init__(self, setting: Setting, *, configuration: str | Sequence[Mapping[str, Any]] = "initial") -> None:
        self._setting = setting
        self._given = None if isinstance(configuration, str) else _encoded(setting, configuration)
        self._action: ActionArray | None = self._given
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the first observation of the last episode."""
        self._action = self._given

    def act(self, observation: ObservationArray) -> ActionArray:
        """The same action again. Shapes as in `Policy.act`."""
        if self._action is None:
            self._action = self._setting.actions.encode(self._setting.layout.read(observation).configuration)
        return self._action.copy()


def _encoded(setting: Setting, entries: Sequence[Mapping[str, Any]]) -> ActionArray:
    stages = setting.pipeline.stages
    if len(entries) != len(stages):
        raise OptionError(
            f"configuration has {len(entries)} entries; pipeline {setting.pipeline.name} has {len(stages)} stages"
        )
    choices = tuple(_choice(stage, entry) for stage, entry in zip(stages, entries, strict=True))
    return setting.actions.encode(Configuration(choices))


def _choice(stage: Stage, entry: Mapping[str, Any]) -> StageConfiguration:
    for key in (*entry, *_KEYS):
        if key not in _KEYS:
            raise unknown_name(f"key in configuration of stage {stage.name}", key, _KEYS)
        if key not in entry:
            raise OptionError(f"configuration of stage {stage.name} has no {key!r}; expected {', '.join(_KEYS)}")
    for key in ("batch", "replicas"):
        if not isinstance(entry[key], int) or isinstance(entry[key], bool):
            raise OptionError(f"configuration of stage {stage.name}: {key} is {entry[key]!r}; expected a whole number")
    return StageConfiguration(stage.variant_index(str(entry["variant"])), entry["batch"], entry["replicas"])
