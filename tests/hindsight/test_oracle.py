"""`oracle`: finds the optimum where all plans can be tried, keeps its word, and is never worse than where it starts."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.evaluation import play_windows
from ipa_gym.evaluation.play import play_agent, play_one
from ipa_gym.hindsight.beam import Beam, beam_pass
from ipa_gym.hindsight.oracle import Effort, search_plan
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.policies import Hindsight, check_policy, foresee, load_agent_card, make_policy, needs_hindsight
from ipa_gym.policies.card import agent_names
from tests.hindsight.conftest import (
    one_variant_pipeline,
    played_rewards,
    random_plan,
    wave,
    wave_arguments,
    wave_settings,
)

SMALL = Effort(rungs=8, beam=16, passes=4, reach=1)


@pytest.mark.parametrize("start", [0, 60, 130])
def test_it_is_the_best_of_all_plans_where_all_can_be_tried(start: int) -> None:
    arguments: dict[str, Any] = {
        "pipeline": one_variant_pipeline(replica_cap=3), "trace": wave(14.0), "episode_s": 30, "split": "all",
    }  # fmt: skip
    settings = wave_settings(**{name: arguments[name] for name in ("pipeline", "trace", "episode_s")})
    every = [np.array(plan).reshape(3, 3) for plan in product(*[[(0, 0, n) for n in range(3)]] * 3)]
    best = max(sum(played_rewards(arguments, plan, start=start, seed=1)) for plan in every)
    assert len(every) == 27
    assert search_plan(settings, start, 1, SMALL).reward_mean * 3 == pytest.approx(best, abs=1e-12)


def test_a_wide_beam_is_exhaustive_inside_its_corridor() -> None:
    settings = wave_settings(episode_s=40, startup_scale=2.0)
    rng = np.random.default_rng(0)
    corridor = [np.unique(random_plan(settings, rng)[:3], axis=0) for _ in range(4)]
    plans = np.array([np.stack(plan) for plan in product(*corridor)])
    rehearsal = Rehearsal(settings, start=20, seed=3)
    best = float(rehearsal.earned(plans).max())
    found, total = beam_pass(rehearsal, corridor, plans[0], Beam(81, 81, 0.0))
    assert total == pytest.approx(best, abs=1e-12)
    assert rehearsal.earned(found[None])[0] == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_pass_never_loses_the_plan_that_it_starts_from(width: int) -> None:
    settings = wave_settings()
    rng = np.random.default_rng(width)
    rehearsal = Rehearsal(settings, start=0, seed=2)
    good = search_plan(settings, 0, 2, SMALL)
    corridor = [np.unique(np.stack([random_plan(settings, rng)[0], action]), axis=0) for action in good.plan]
    _, total = beam_pass(rehearsal, corridor, good.plan, Beam(width, 1, 5.0))
    assert total / len(good.plan) >= good.reward_mean


@pytest.mark.parametrize("changes", [{}, {"service_cv": 0.5, "interval": 20.0}, {"service_scale": 1.5}])
def test_its_plan_earns_in_an_environment_exactly_what_the_search_says(changes: dict[str, Any]) -> None:
    found = search_plan(wave_settings(**changes), 75, 9, SMALL)
    rewards = played_rewards(wave_arguments(**changes), found.plan, start=75, seed=9)
    assert sum(rewards) / len(rewards) == pytest.approx(found.reward_mean, abs=1e-12)


def test_equal_searches_find_equal_plans() -> None:
    first, second = (search_plan(wave_settings(), 40, 6, SMALL) for _ in range(2))
    assert first.plan.tolist() == second.plan.tolist()
    assert (first.reward_mean, first.n_steps) == (second.reward_mean, second.n_steps)


@pytest.mark.parametrize("mean_rps", [4.0, 25.0])
def test_it_is_never_worse_than_what_it_starts_from(mean_rps: float) -> None:
    settings, starts = wave_settings(mean_rps), np.array([0, 90, 200])
    cards = [load_agent_card(name) for name in ("ipa-perfect", "ipa-exact", "fa2-low", "best-static", "static")]
    others = [play_agent(settings, card, starts, seed=2).metric("reward_mean") for card in cards]
    oracle = play_agent(settings, load_agent_card("oracle"), starts, seed=2).metric("reward_mean")
    nothing_searched = [search_plan(settings, s, 2 + s, Effort(passes=0)).reward_mean for s in starts.tolist()]
    assert (np.array(nothing_searched) >= np.max(others[:4], axis=0) - 1e-9).all()
    assert (oracle >= np.array(nothing_searched) - 1e-9).all()
    assert (oracle > np.max(others, axis=0) + 0.01).any()


def test_every_window_gets_a_plan_of_its_own() -> None:
    settings = wave_settings()
    policy = make_policy("oracle", PipelineEnv(**wave_arguments()))
    both = play_windows(settings, policy, np.array([0, 170]), seed=3).metric("reward_mean")
    apart = [search_plan(settings, start, 3 + start, Effort()).reward_mean for start in (0, 170)]
    assert both == pytest.approx(apart, abs=1e-12)
    rows = play_one(settings, policy, 170, seed=173 - 170)
    assert sum(row.reward for row in rows) / len(rows) == pytest.approx(apart[1], abs=1e-12)


@pytest.mark.parametrize("agent", ["oracle", "best-static"])
def test_an_episode_must_be_foreseen_after_each_reset(agent: str) -> None:
    env = PipelineEnv(**wave_arguments())
    policy = make_policy(agent, env)
    observation, _ = env.reset(seed=1, options={"start": 30})
    with pytest.raises(OptionError, match=rf"agent {agent} has not been told which episode.*policy\.foresee\("):
        policy.act(observation)
    policy.reset()
    foresee(policy, env.settings, start=30, seed=1)
    for _ in range(settings_intervals := env.n_intervals):
        policy.act(observation)
    with pytest.raises(OptionError, match=f"an episode of {settings_intervals} decisions and is asked for another"):
        policy.act(observation)
    policy.reset()
    assert policy.diagnostics == {}
    with pytest.raises(OptionError, match="has not been told"):
        policy.act(observation)


@pytest.mark.parametrize("agent", ["oracle", "best-static"])
def test_they_keep_the_contract_of_policies(agent: str) -> None:
    env = PipelineEnv(**wave_arguments())
    policy = make_policy(agent, env)
    assert isinstance(policy, Hindsight)
    check_policy(policy, env, seed=4)


def test_only_these_two_of_the_shipped_agents_need_hindsight() -> None:
    names = [name for name in agent_names() if needs_hindsight(load_agent_card(name))]
    assert sorted(names) == ["best-static", "oracle"]
