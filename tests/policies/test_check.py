"""`check_policy` on our agents and on policies that break the contract, each in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ipa_gym import catalog
from ipa_gym.errors import OptionError
from ipa_gym.policies import PolicyContractError, check_policy, load_agent_card, make_policy
from ipa_gym.policies.base import ActionArray, ObservationArray

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv

AGENTS = ("fa2-high", "fa2-low", "hpa", "ipa", "ipa-exact", "ipa-perfect", "random", "rim", "static")
PIPELINES = ("audio-qa", "audio-sent", "nlp", "sum-qa", "video")


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_keeps_the_contract_on_the_toy_pipeline(name: str, toy_env: PipelineEnv) -> None:
    card = load_agent_card(name)
    toy_env.forecast_name = card.forecast or toy_env.forecast_name
    check_policy(make_policy(name, toy_env), toy_env, seed=5)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_keeps_the_contract_on_every_card(name: str, pipeline: str) -> None:
    from ipa_gym.env import PipelineEnv
    from ipa_gym.workload.trace import Trace

    counts = np.rint(15 + 12 * np.sin(np.arange(800) / 40.0)).astype(np.int64)
    forecast = load_agent_card(name).forecast or "reactive"
    env = PipelineEnv(pipeline, Trace("wave", counts), episode_s=120, forecast=forecast)
    policy = make_policy(name, env)
    check_policy(policy, env, seed=1)


def test_the_sweep_covers_every_pipeline_card() -> None:
    assert set(PIPELINES) == set(catalog.names("envs"))


class _Policy:
    """Keeps the contract; the broken ones below change one thing."""

    def __init__(self, env: Any) -> None:  # Any: broken ones look into it
        self.env = env
        self.diagnostics: Mapping[str, object] = {}
        self.size = len(env.unwrapped.actions.nvec)

    def reset(self) -> None:
        pass

    def act(self, observation: ObservationArray) -> ActionArray:
        return np.full(self.size, int(observation[12] > 0.5), dtype=np.int64)


class _PeeksAtTheEnvironment(_Policy):
    def act(self, observation: ObservationArray) -> ActionArray:
        return np.full(self.size, len(self.env.unwrapped.rows) % 2, dtype=np.int64)


class _RemembersOverReset(_Policy):
    calls = 0

    def act(self, observation: ObservationArray) -> ActionArray:
        self.calls += 1
        return np.full(self.size, int(self.calls > 20), dtype=np.int64)


class _RemembersBrokenOffEpisodes(_Policy):
    """Clears its memory only after a whole episode."""

    calls = 0

    def reset(self) -> None:
        self.calls = 0 if self.calls >= 40 else self.calls

    def act(self, observation: ObservationArray) -> ActionArray:
        self.calls += 1
        return np.full(self.size, int(self.calls > 20), dtype=np.int64)


class _ChangesTheObservation(_Policy):
    def act(self, observation: ObservationArray) -> ActionArray:
        observation[0] += 1
        return super().act(observation)


class _KeepsTheObservation(_Policy):
    kept: ObservationArray | None = None

    def reset(self) -> None:
        self.kept = None

    def act(self, observation: ObservationArray) -> ActionArray:
        before = observation if self.kept is None else self.kept
        self.kept = observation
        return np.full(self.size, int(before[12] >= 0), dtype=np.int64)


class _ActsOutsideTheSpace(_Policy):
    def act(self, observation: ObservationArray) -> ActionArray:
        return np.full(self.size, 5, dtype=np.int64)


class _ActsInFractions(_Policy):
    def act(self, observation: ObservationArray) -> ActionArray:
        return np.full(self.size, 0.5)  # type: ignore[return-value]  # the fault under test


class _SaysNothing(_Policy):
    def __init__(self, env: Any) -> None:  # Any: as above
        super().__init__(env)
        self.diagnostics = None  # type: ignore[assignment]  # the fault under test


def test_a_policy_of_one_s_own_passes(toy_env: PipelineEnv) -> None:
    check_policy(_Policy(toy_env), toy_env)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_PeeksAtTheEnvironment, "step 1: .* answers from the observation alone"),
        (_RemembersOverReset, "the same after reset"),
        (_RemembersBrokenOffEpisodes, "forgets an episode that was broken off"),
        (_ChangesTheObservation, "step 0: act.. changed the observation"),
        (_KeepsTheObservation, "answers from the observation alone"),
        (_ActsOutsideTheSpace, r"step 0: act.. gave an illegal action: action\[0\] .* is 5"),
        (_ActsInFractions, "illegal action"),
        (_SaysNothing, "diagnostics is None; expected a mapping"),
    ],
)
def test_each_broken_rule_is_named(toy_env: PipelineEnv, broken: Callable[[Any], _Policy], message: str) -> None:
    with pytest.raises(PolicyContractError, match=message):
        check_policy(broken(toy_env), toy_env)


def test_make_policy_refuses_an_environment_with_another_forecast(toy_env: PipelineEnv) -> None:
    with pytest.raises(OptionError, match=r"'perfect', the environment has 'reactive'; make .* forecast='perfect'"):
        make_policy("ipa-perfect", toy_env)


def test_make_policy_sees_through_wrappers_and_refuses_other_environments(toy_env: PipelineEnv) -> None:
    import gymnasium

    wrapped = gymnasium.wrappers.TimeLimit(toy_env, 5)
    assert make_policy("fa2-low", wrapped).act(toy_env.reset(seed=1)[0]).shape == (6,)
    with pytest.raises(OptionError, match="CartPoleEnv without pipeline, layout, actions, interval_s"):
        make_policy("fa2-low", gymnasium.make("CartPole-v1"))
