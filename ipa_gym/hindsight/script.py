"""`Script`: a plan for one episode that a policy reads off, an action a decision. It decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ipa_gym.errors import OptionError
from ipa_gym.hindsight.rehearsal import Plan
from ipa_gym.policies.base import ActionArray
from ipa_gym.settings import EnvSettings


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """What a search has found for one episode."""

    plan: Plan  # (n_intervals, 3 · n_stages)
    reward_mean: float  # of an interval, as the plan will earn it
    n_steps: int  # environment steps that the search has simulated


class Script:
    """The plan of the episode that was foreseen last, and how far it has been read.

    Args:
        agent: the policy's name, for errors.
    """

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._known: tuple[EnvSettings, int, int] | None = None
        self._found: Foreseen | None = None
        self._next: int | None = None  # None: nothing is foreseen since the last `forget`

    def foresee(self, settings: EnvSettings, start: int, seed: int, search: Callable[[], Foreseen]) -> None:
        """Begin to read the plan of an episode; it is searched for unless it is the one of the last call."""
        known = self._known
        if known is None or known[0] is not settings or known[1:] != (start, seed):
            self._found, self._known = search(), (settings, start, seed)
        self._next = 0

    def forget(self) -> None:
        """Read nothing until an episode is foreseen again."""
        self._next = None

    @property
    def found(self) -> Foreseen | None:
        """What is being read; None: nothing is foreseen."""
        return None if self._next is None else self._found

    def read(self) -> ActionArray:
        """The next action, a copy.

        Raises: OptionError if no episode is foreseen, or the plan is at its end.
        """
        if self._next is None or self._found is None:
            raise OptionError(
                f"agent {self._agent} has not been told which episode is played; expected "
                "policy.foresee(env.unwrapped.settings, start=first second of the window, seed=seed of reset) after "
                "reset() and before act(), see docs/hindsight.md"
            )
        plan, index = self._found.plan, self._next
        if index >= len(plan):
            raise OptionError(
                f"agent {self._agent} has foreseen an episode of {len(plan)} decisions and is asked for another; "
                "expected reset() and foresee() at the start of each episode"
            )
        self._next = index + 1
        action: ActionArray = np.array(plan[index])
        return action
