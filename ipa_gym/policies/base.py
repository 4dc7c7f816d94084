"""What every policy is (`Policy`) and what it may know beforehand (`Setting`); `Hindsight`: is told the future.

A policy learns the pipeline, the layouts of observation and action, and the interval once, from the environment;
afterwards the observation is all it sees. Nothing here decides anything. Next: `planning.py`, `hpa.py`, `check.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ipa_gym.action import ActionLayout
from ipa_gym.errors import OptionError
from ipa_gym.observation import ObservationLayout
from ipa_gym.pipeline import Pipeline

if TYPE_CHECKING:
    from ipa_gym.settings import EnvSettings

ObservationArray = NDArray[np.float32]  # (layout.size,)
ActionArray = NDArray[np.int64]  # (3 * n_stages,)


class Policy(Protocol):
    """Decides from the observation alone."""

    @property
    def diagnostics(self) -> Mapping[str, object]:
        """What the policy has to say about its newest decision; empty after `reset`."""
        ...

    def reset(self) -> None:
        """Forget everything that was seen since construction; called at the start of each episode."""
        ...

    def act(self, observation: ObservationArray) -> ActionArray:
        """Decide.

        Args:
            observation: float32 (layout.size,); neither changed nor kept.
        Returns: an action of the environment's space, int64 (3 · n_stages,).
        """
        ...


@runtime_checkable
class Hindsight(Protocol):
    """A policy that must be told the future: an upper bound, never a rival. See docs/hindsight.md."""

    def foresee(self, settings: EnvSettings, *, start: int, seed: int) -> None:
        """Learn which episode is about to be played; after each `Policy.reset`, before the first `Policy.act`.

        Args:
            settings: of the environment; its forecast plays no part.
            start: first second of the window in the trace; ignored where the settings' windows are fixed.
            seed: the episode is the one that ``env.reset(seed=seed, options={"start": start})`` begins.
        Raises: OptionError for a start outside the settings' split.
        """
        ...


def foresee(policy: object, settings: EnvSettings, *, start: int, seed: int) -> None:
    """Tell a policy of hindsight, just reset, which episode is played; leave any other alone. See `Hindsight`."""
    if isinstance(policy, Hindsight):
        policy.foresee(settings, start=start, seed=seed)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a policy may know of its environment before the first observation."""

    pipeline: Pipeline  # as the policy plans with it: the environment's, its overrides applied
    layout: ObservationLayout
    actions: ActionLayout
    interval_s: float  # seconds between decisions

    @classmethod
    def of(cls, env: Any) -> Setting:  # Any: a PipelineEnv below any number of Gymnasium wrappers
        """Read the setting of a `PipelineEnv`, wrapped or not.

        Raises: OptionError if ``env`` is no pipeline environment.
        """
        inner = getattr(env, "unwrapped", env)
        missing = [name for name in ("pipeline", "layout", "actions", "interval_s") if not hasattr(inner, name)]
        if missing:
            raise OptionError(
                f"env is {type(inner).__name__} without {', '.join(missing)}; expected a PipelineEnv, "
                "for example gymnasium.make('ipa_gym/Video-v0')"
            )
        return cls(inner.pipeline, inner.layout, inner.actions, float(inner.interval_s))
