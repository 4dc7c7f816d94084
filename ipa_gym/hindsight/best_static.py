"""Best static: the one configuration that would have been best for the whole window, chosen in hindsight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ipa_gym.hindsight.oracle import RUNGS, foreseen_diagnostics
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.hindsight.script import Foreseen, Script
from ipa_gym.hindsight.starting_plans import best_held
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.parameters import Parameter
from ipa_gym.settings import EnvSettings


class BestStaticPolicy:
    """Holds the configuration that earns most in an episode whose every arrival it knows.

    Rule: rehearse every useful configuration over a ladder of loads, held from the first decision on; then its
    neighbours, until none that differs in one step, or in two, earns more.
    Agent: ``best-static``.
    Source: ours; what adapting is worth is the distance from here to the oracle.
    """

    PARAMETERS: Mapping[str, Parameter] = {"rungs": RUNGS}

    def __init__(self, setting: Setting, *, rungs: int = 24) -> None:
        self._setting = setting
        self._rungs = rungs
        self._script = Script("best-static")
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget which episode is played."""
        self._script.forget()
        self.diagnostics = {}

    def foresee(self, settings: EnvSettings, *, start: int, seed: int) -> None:
        """Search the configuration of an episode, see `ipa_gym.policies.base.Hindsight`."""
        self._script.foresee(settings, start, seed, lambda: search_held(settings, start, seed, rungs=self._rungs))

    def act(self, observation: ObservationArray) -> ActionArray:
        """The same action again; the observation plays no part. Shapes as in `Policy.act`.

        Raises: OptionError if no episode has been foreseen since `reset`.
        """
        action = self._script.read()
        self.diagnostics = foreseen_diagnostics(self._script)
        return action


def search_held(settings: EnvSettings, start: int, seed: int, *, rungs: int) -> Foreseen:
    """The best configuration to hold in an episode; arguments as in `oracle.search_plan`."""
    rehearsal = Rehearsal(settings, start=start, seed=seed)
    actions, totals = best_held(rehearsal, n_rungs=rungs)
    plan = np.repeat(actions[:1], rehearsal.n_intervals, axis=0)
    return Foreseen(plan, float(totals[0]) / len(plan), rehearsal.n_steps)
