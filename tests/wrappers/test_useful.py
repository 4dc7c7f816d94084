"""The table of useful configurations: what is in it and in which order; and the wrapper's steps, space and errors."""

from __future__ import annotations

import doctest
import math
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from sb3_contrib.common.maskable.utils import get_action_masks
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import ipa_gym
from ipa_gym.action import ActionLayout
from ipa_gym.cards import load_pipeline
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import IpaGymError, OptionError
from ipa_gym.optimizer.capacity import largest_capacity
from ipa_gym.optimizer.frontier import for_some_weight, frontier
from ipa_gym.optimizer.planner import ExactPlanner
from ipa_gym.optimizer.problem import Problem
from ipa_gym.workload.trace import Trace
from ipa_gym.wrappers import UsefulConfigurations, useful, useful_configurations
from ipa_gym.wrappers.useful import highest_load_rps
from tests.conftest import toy_pipeline

CARDS = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
CALM = Trace("calm", np.full(600, 9, dtype=np.int64))


def actions_of(pipeline, found) -> set[tuple[int, ...]]:
    """The configurations of a frontier as actions, by hand."""
    sizes = pipeline.batch_sizes
    return {tuple(x for m, b, n in row for x in (m, sizes.index(b), n - 1)) for row in found.chosen.tolist()}


def test_the_table_is_the_union_over_all_whole_loads() -> None:
    toy = toy_pipeline()
    expected = set().union(*(actions_of(toy, frontier(toy, float(load))) for load in range(13)))
    table = useful_configurations(toy, peak_rps=11.5)
    assert set(map(tuple, table.tolist())) == expected
    assert len(table) == len(expected) > 15
    fewer = useful_configurations(toy, peak_rps=12.0, step_rps=4.0)
    assert set(map(tuple, fewer.tolist())) == set().union(
        *(actions_of(toy, frontier(toy, load)) for load in (0.0, 4.0, 8.0, 12.0))
    )
    assert len(fewer) < len(table)


def test_rows_go_up_in_capacity_then_in_cost() -> None:
    toy = toy_pipeline()
    layout, keys = ActionLayout(toy), []
    for row in useful_configurations(toy, peak_rps=40.0):
        configuration = layout.decode(row)
        capacity_rps = min(
            choice.replicas * stage.variants[choice.variant].throughput_rps(choice.batch)
            for stage, choice in zip(toy.stages, configuration.stages, strict=True)
        )
        keys.append((capacity_rps, toy.cost_cores(configuration), tuple(row)))
    assert keys == sorted(keys)
    assert 10 < len({capacity for capacity, _, _ in keys}) < len(keys)


def test_a_table_that_is_too_long_keeps_what_some_weight_would_choose_and_ipas_decisions() -> None:
    toy = toy_pipeline()
    full = useful_configurations(toy, peak_rps=12.0)
    table = useful_configurations(toy, peak_rps=12.0, most=len(full) - 1)
    corners = [for_some_weight(frontier(toy, float(load)), toy.objective) for load in range(13)]
    assert set(map(tuple, table.tolist())) == set().union(*(actions_of(toy, found) for found in corners))
    assert len(table) < len(full)
    with pytest.raises(
        OptionError, match=rf"pipeline toy has {len(table)} useful configurations up to 12 .* at most 5: raise"
    ):
        useful_configurations(toy, peak_rps=12.0, most=5)


def test_beyond_what_the_pipeline_carries_the_table_holds_ipas_fallback() -> None:
    card = load_pipeline("sum-qa").with_limits(replica_cap=3)
    fallback = tuple(ActionLayout(card).encode(largest_capacity(Problem(card, 500.0))))
    assert fallback not in set().union(*(actions_of(card, frontier(card, float(load))) for load in range(0, 501, 10)))
    table = useful_configurations(card, peak_rps=500.0, step_rps=10.0)
    fewer = useful_configurations(card, peak_rps=500.0, step_rps=10.0, most=len(table) - 1)
    assert len(fewer) < len(table)
    assert fallback in set(map(tuple, table.tolist()))
    assert fallback in set(map(tuple, fewer.tolist()))


@pytest.mark.parametrize("name", CARDS)
def test_on_shipped_pipelines_it_is_small_and_holds_ipas_decision_for_every_load(name: str) -> None:
    card = load_pipeline(name)
    loads_rps = np.arange(75.0)
    table = useful_configurations(card, peak_rps=74.0)
    decided = ExactPlanner(card).decide_many(loads_rps)
    layout = ActionLayout(card)
    rows = {layout.decode(row) for row in table}
    for chosen in decided.chosen.tolist():
        assert tuple(map(tuple, chosen)) in {tuple((s.variant, s.batch, s.replicas) for s in c.stages) for c in rows}
    assert len(np.unique(decided.chosen.reshape(75, -1), axis=0)) > 20
    assert 100 < len(table) == len(rows) <= 500


@pytest.mark.parametrize("argument", ["peak_rps", "step_rps"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_faulty_loads_are_named(argument: str, value: float) -> None:
    with pytest.raises(OptionError, match=f"{argument} is {value}; expected a finite number above 0"):
        useful_configurations(toy_pipeline(), **{"peak_rps": 10.0, argument: value})


def test_the_highest_load_leaves_room_above_the_counts_only_where_arrivals_are_drawn() -> None:
    def highest(arrivals: str) -> float:
        return highest_load_rps(PipelineEnv(toy_pipeline(), CALM, episode_s=60, arrivals=arrivals).settings)

    assert highest("poisson") == 9.0 + 4.0 * 3.0
    assert highest("exact") == highest("even") == 9.0


def wrapped(**options) -> UsefulConfigurations:
    return UsefulConfigurations(gymnasium.make("ipa_gym/Pipeline-v0", pipeline=toy_pipeline(), **options))


def test_ipas_every_decision_in_an_episode_is_a_row() -> None:
    env = gymnasium.make("ipa_gym/Video-v0", trace="steady-low", split="all")
    rows = set(map(tuple, UsefulConfigurations(env).table.tolist()))
    policy = ipa_gym.make_policy("ipa-exact", env)
    met = set()
    for seed in range(3):
        observation, truncated = env.reset(seed=seed)[0], False
        while not truncated:
            met.add(tuple(policy.act(observation).tolist()))
            observation, _, _, truncated, _ = env.step(policy.act(observation))
    assert met <= rows
    assert len(met) > 5


def test_a_step_is_the_environments_own_step_with_the_rows_action() -> None:
    options = {"trace": "bursty", "episode_s": 200}
    env, plain = wrapped(**options), gymnasium.make("ipa_gym/Pipeline-v0", pipeline=toy_pipeline(), **options)
    assert np.array_equal(env.reset(seed=3)[0], plain.reset(seed=3)[0])
    rewards = []
    for index in np.random.default_rng(0).integers(env.action_space.n, size=20):
        action = plain.unwrapped.actions.encode(env.configuration(int(index)))
        assert np.array_equal(action, env.table[index])
        ours, theirs = env.step(index), plain.step(action)
        assert np.array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]
        np.testing.assert_equal(ours[4], theirs[4])
        rewards.append(float(ours[1]))
    assert len(set(rewards)) > 10


def test_passes_both_checkers_and_is_made_again_from_its_spec() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check_env(wrapped(trace="bursty", episode_s=200))
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")  # it is a wrapper
        check_env(wrapped(trace="bursty", episode_s=200), skip_render_check=True)
    env = UsefulConfigurations(gymnasium.make("ipa_gym/SumQA-v0"), step_rps=2.0)
    again = gymnasium.make(env.spec)
    assert (
        again.action_space == env.action_space != UsefulConfigurations(gymnasium.make("ipa_gym/SumQA-v0")).action_space
    )
    assert pickle.loads(pickle.dumps(env)).action_space == env.action_space


def test_its_masks_are_of_the_rows_not_of_the_environments_own_action() -> None:
    env = wrapped(trace=CALM, episode_s=60)
    assert get_action_masks(env).tolist() == [True] * int(env.action_space.n)
    assert len(env.unwrapped.action_masks()) == 2 * (2 + 3 + 10)


def test_the_table_cannot_be_written_to_and_actions_are_copies() -> None:
    env = wrapped(trace=CALM, episode_s=60)
    with pytest.raises(ValueError, match="read-only"):
        env.table[0, 0] = 1
    env.action(np.int64(0))[:] = -1
    assert env.table.min() == 0


@pytest.mark.parametrize("index", [-1, 10_000, 1.5, True, [1, 2]])
def test_a_number_outside_the_table_is_refused(index: object) -> None:
    env = wrapped(trace=CALM, episode_s=60)
    env.reset(seed=0)
    with pytest.raises(OptionError, match=rf"expected a whole number from 0 to {len(env.table) - 1}"):
        env.step(index)


def test_another_environment_is_refused() -> None:
    with pytest.raises(IpaGymError, match="env is CartPoleEnv; expected a PipelineEnv"):
        UsefulConfigurations(gymnasium.make("CartPole-v1"))


def test_the_docstrings_example_runs() -> None:
    outcome = doctest.testmod(useful)
    assert outcome.attempted == 4
    assert outcome.failed == 0
