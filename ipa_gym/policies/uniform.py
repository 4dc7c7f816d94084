"""Random: every action alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.parameters import Parameter, whole


class RandomPolicy:
    """Draws each decision uniformly from all legal actions, whatever is observed.

    Rule: every number of the action is uniform over its range, useless choices included. `reset` starts the stream
    anew, so every episode meets the same sequence of actions and the same seed gives the same result.
    Agent: ``random``.
    Source: none; shows what a policy is worth that looks at nothing.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "seed": whole(
            0, low=0, high=2**63 - 1, meaning="starts the policy's own random stream; independent of the environment's"
        ),
    }

    def __init__(self, setting: Setting, *, seed: int = 0) -> None:
        self._n_choices = setting.actions.nvec.copy()
        self._seed = seed
        self.diagnostics: Mapping[str, object] = {}
        self.reset()

    def reset(self) -> None:
        """Start the stream anew."""
        self._rng = np.random.default_rng(self._seed)

    def act(self, observation: ObservationArray) -> ActionArray:
        """A uniform action. Shapes as in `Policy.act`."""
        return self._rng.integers(0, self._n_choices, dtype=np.int64)
