"""The contract of a policy as an executable check, for ours and for users' own: `check_policy`.

An episode is played and written down, then the policy must give the same answers from the written observations alone,
while the environment is somewhere else. Nothing here judges how good a policy is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ipa_gym.errors import IpaGymError, OptionError
from ipa_gym.policies.base import ActionArray, ObservationArray, Policy, Setting, foresee

_STEPS = 40  # more than the 30 recommendations of an autoscaler's 300 s window
_INTERRUPTED_AFTER = 7  # observations of an episode that is broken off


class PolicyContractError(IpaGymError):
    """A policy that breaks the contract; says which rule, at which step, what was found."""


def check_policy(policy: Policy, env: Any, seed: int = 0) -> None:  # Any: a PipelineEnv, wrapped or not
    """Check that a policy keeps the contract of `Policy`.

    Its actions are legal, its diagnostics a mapping; it neither changes nor keeps the observation; after `reset` it
    gives the same actions for the same observations, whatever the environment does meanwhile and whatever it saw
    before. A policy of `Hindsight` is told the episode after each ``reset``.

    Args:
        policy: built for ``env``.
        env: is reset and stepped.
        seed: of the environment's episode.
    Raises: PolicyContractError naming the rule, the step and what was found.
    """
    setting = Setting.of(env)
    env.reset(seed=seed)
    begin = _beginning(policy, env, seed)
    observations, actions = _play(policy, env, setting, seed, begin)
    env.reset(seed=seed + 1)
    begin()
    _compare(policy, observations, actions, rule="answers from the observation alone, the same after reset()")
    env.step(actions[-1])
    begin()
    for observation in observations[-_INTERRUPTED_AFTER:]:
        policy.act(observation.copy())
    begin()
    _compare(policy, observations, actions, rule="reset() forgets an episode that was broken off")


def _beginning(policy: Policy, env: Any, seed: int) -> Callable[[], None]:  # Any: a PipelineEnv, wrapped or not
    """How the policy begins the environment's episode, which is that of ``reset(seed=seed)``."""
    inner = getattr(env, "unwrapped", env)
    start = inner.windows[0][0]

    def begin() -> None:
        policy.reset()
        foresee(policy, inner.settings, start=start, seed=seed)

    return begin


def _play(
    policy: Policy, env: Any, setting: Setting, seed: int, begin: Callable[[], None]
) -> tuple[list[ObservationArray], list[ActionArray]]:
    observation, _ = env.reset(seed=seed)
    begin()
    observations, actions = [], []
    for step in range(_STEPS):
        kept = observation.copy()
        action = policy.act(observation)
        if not np.array_equal(observation, kept, equal_nan=True):
            raise PolicyContractError(f"step {step}: act() changed the observation; expected it to be left alone")
        _check_legal(setting, action, step)
        if not isinstance(policy.diagnostics, Mapping):
            raise PolicyContractError(f"step {step}: diagnostics is {policy.diagnostics!r}; expected a mapping")
        observations.append(kept)
        actions.append(np.array(action, dtype=np.int64))
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            break
    return observations, actions


def _check_legal(setting: Setting, action: object, step: int) -> None:
    try:
        setting.actions.decode(action)
    except OptionError as error:
        raise PolicyContractError(f"step {step}: act() gave an illegal action: {error}") from error


def _compare(policy: Policy, observations: list[ObservationArray], actions: list[ActionArray], *, rule: str) -> None:
    for step, (observation, expected) in enumerate(zip(observations, actions, strict=True)):
        handed = observation.copy()
        found = np.array(policy.act(handed))
        handed.fill(np.nan)  # a policy that kept the array, instead of what it says, reads nonsense from now on
        if not np.array_equal(found, expected):
            raise PolicyContractError(
                f"step {step}: action {found.tolist()} where the first run gave {expected.tolist()}; "
                f"broken rule: a policy {rule}"
            )
