"""Windows side by side are single episodes, float for float, and every policy meets the same requests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.benchmark.episode import measure, play
from ipa_gym.benchmark.settings import Task
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.evaluation import play_agent, play_one, play_windows, setting_of
from ipa_gym.policies import AgentCard, build_policy, load_agent_card, make_policy
from ipa_gym.rendering import episode_frame
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.vector_env import PipelineVectorEnv
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.evaluation.conftest import STARTS, WAVE, toy_settings

SEED = 11


def single(agent: str, start: int) -> tuple[PipelineEnv, Task]:
    """An environment, and the benchmark's episode in the window that begins at ``start``."""
    env = PipelineEnv(toy_pipeline(), WAVE, split="test", episode_s=100, service_cv=0.5)
    return env, Task("toy", "wave", agent, SEED, ((start, start + 100),))


@pytest.mark.parametrize("agent", ["ipa-exact", "ipa", "fa2-low", "hpa", "static", "random"])
def test_a_window_is_the_benchmarks_episode_of_the_same_window_and_seed(agent: str, settings: EnvSettings) -> None:
    card = load_agent_card(agent)
    found = play_agent(settings, card, STARTS, seed=SEED)
    for index, start in enumerate(STARTS.tolist()):
        env, task = single(agent, start)
        played = play(env, build_policy(card, setting_of(settings)), seed=task.seed, start=start)
        expected = measure(task, env, played)
        for name in ("reward_mean", "pas", "cost_cores", "violations_percent", "drops_percent", "latency_mean_s",
                     "latency_p99_s", "reconfigurations", "arrivals"):  # fmt: skip
            assert getattr(found, name)[index] == getattr(expected, name), (name, start)
    assert found.arrivals.min() > 100
    assert len(set(found.latency_p99_s.tolist())) == len(STARTS)


def test_a_window_is_what_the_vector_environment_plays(settings: EnvSettings, ipa_exact: AgentCard) -> None:
    envs = PipelineVectorEnv(
        len(STARTS), toy_pipeline(), WAVE, autoreset_mode="Disabled", split="test", episode_s=100, service_cv=0.5
    )
    policy = make_policy(ipa_exact, envs)
    observations, _ = envs.reset(seed=(SEED + STARTS).tolist(), options={"start": STARTS})
    rewards = []
    for _ in range(10):
        observations, reward, *_ = envs.step(policy.act_many(observations))
        rewards.append(reward)
    found = play_agent(settings, ipa_exact, STARTS, seed=SEED).reward_mean
    np.testing.assert_allclose(found, np.mean(rewards, axis=0), rtol=1e-12)


def test_every_policy_meets_the_same_requests_and_another_seed_brings_others(settings: EnvSettings) -> None:
    cards = [load_agent_card(name) for name in ("ipa-exact", "hpa", "static", "random")]
    arrivals = [play_agent(settings, card, STARTS, seed=SEED).arrivals.tolist() for card in cards]
    assert arrivals[1:] == arrivals[:-1]
    assert play_agent(settings, cards[0], STARTS, seed=SEED + 1).arrivals.tolist() != arrivals[0]


def test_a_window_does_not_depend_on_which_others_are_played(settings: EnvSettings, hpa: AgentCard) -> None:
    together = play_agent(settings, hpa, STARTS, seed=SEED)
    turned = play_agent(settings, hpa, STARTS[::-1], seed=SEED)
    alone = play_agent(settings, hpa, STARTS[2:3], seed=SEED)
    assert turned.reward_mean.tolist() == together.reward_mean[::-1].tolist()
    assert alone.latency_p99_s[0] == together.latency_p99_s[2]


def test_an_agent_gets_the_forecast_that_its_card_asks_for(settings: EnvSettings, ipa_exact: AgentCard) -> None:
    def rewards(card: AgentCard, forecast: str) -> list[float]:
        return play_agent(toy_settings(forecast=forecast), card, STARTS).reward_mean.tolist()

    asks = load_agent_card("ipa-perfect")
    assert rewards(asks, "reactive") == rewards(ipa_exact, "perfect")
    assert rewards(asks, "reactive") != rewards(replace(asks, forecast=None), "reactive")


def test_one_window_row_by_row_is_the_environments_rows(settings: EnvSettings, hpa: AgentCard) -> None:
    start = int(STARTS[1])
    policy = build_policy(hpa, setting_of(settings))
    rows = play_one(settings, policy, start, seed=SEED)
    env, task = single("hpa", start)
    play(env, policy, seed=task.seed, start=start)
    assert [row.reward for row in rows] == [row.reward for row in env.rows]
    assert [row.decision for row in rows] == [row.decision for row in env.rows]
    assert all((a.outcome.latency_s == b.outcome.latency_s).all() for a, b in zip(rows, env.rows, strict=True))
    np.testing.assert_array_equal(episode_frame(env.pipeline, rows), episode_frame(env.pipeline, env.rows))


class Fixed:
    """Always the same row; counts its resets and its calls."""

    def __init__(self, row: list[float]) -> None:
        self.row, self.resets, self.diagnostics = row, 0, {}
        self.seen: list[np.ndarray] = []

    def reset(self) -> None:
        self.resets += 1

    def act_many(self, observations: np.ndarray) -> np.ndarray:
        self.seen.append(observations.copy())
        observations[:] = np.nan  # a policy may spoil what it is handed
        return np.array([self.row] * len(observations))


def test_a_policy_is_reset_and_sees_the_windows_own_observations(settings: EnvSettings) -> None:
    policy = Fixed([0, 0, 3, 0, 0, 3])
    found = play_windows(settings, policy, STARTS)  # type: ignore[arg-type]  # no `act`: it is not needed
    assert policy.resets >= 1
    assert not np.isnan(policy.seen).any()
    assert (policy.seen[0] == policy.seen[1]).all()  # the first decision is made twice and not counted once
    assert found.cost_cores[0] == 8.0  # 2 stages x 4 replicas x 1 core
    assert (found.cost_cores >= 8.0).all()  # more where larger variants served at the start
    assert set(found.reconfigurations.tolist()) == {1.0}  # from what served at the start


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([2, 0, 0, 0, 0, 0], r"action\[0\] \(variant of stage 1\) is 2; expected 0 to 1"),
        ([0, 0, -1, 0, 0, 0], r"action\[2\] \(replicas of stage 1\) is -1"),
        ([0, 0, 0], r"shape \(4, 3\).*for 4 windows; expected integers \(4, 6\)"),
        ([0.0] * 6, "type float64"),
    ],
)
def test_an_action_outside_the_space_is_an_error(row: list[float], message: str, settings: EnvSettings) -> None:
    with pytest.raises(OptionError, match=message):
        play_windows(settings, Fixed(row), STARTS)  # type: ignore[arg-type]  # as above


def test_a_start_outside_the_split_is_an_error(settings: EnvSettings, ipa_exact: AgentCard) -> None:
    with pytest.raises(OptionError, match="start is 2901; expected a whole second from 1400 to 2900"):
        play_agent(settings, ipa_exact, np.array([2901]))


def test_a_window_without_requests_has_no_latency_and_no_violations(ipa_exact: AgentCard) -> None:
    silent = env_settings(toy_pipeline(), Trace("silence", np.zeros(300, dtype=np.int64)), episode_s=100)
    found = play_agent(silent, ipa_exact, np.array([0, 100]))
    assert np.isnan([found.latency_mean_s, found.latency_p99_s]).all()
    assert found.violations_percent.tolist() == found.drops_percent.tolist() == [0.0, 0.0]
