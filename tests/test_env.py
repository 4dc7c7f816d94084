"""The environment: both checkers, determinism, conservation, the reward's identity, options and their errors."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import ipa_gym
from ipa_gym import catalog
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import IpaGymError
from ipa_gym.pipeline import Configuration, Stage, StageConfiguration, Variant
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

IDS = tuple(ipa_gym.ENVIRONMENTS)
SHORT = {"trace": "bursty", "episode_s": 200}


def rollout(env: gym.Env, *, seed: int, steps: int) -> list[Any]:
    """Everything that `steps` random steps return."""
    rng = np.random.default_rng(seed)
    first: list[Any] = [env.reset(seed=seed)]
    return first + [env.step(rng.integers(env.action_space.nvec)) for _ in range(steps)]


def same(a: Any, b: Any) -> bool:
    """Exact equality of nested results, NaN equal to NaN."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))


def test_there_are_five_ids() -> None:
    assert len(IDS) == 5


@pytest.mark.parametrize("env_id", IDS)
def test_passes_both_env_checkers_without_a_warning(env_id: str) -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(env_id, render_mode="rgb_array")
        check_env(env.unwrapped)
        sb3_check_env(gym.make(env_id))


def test_a_card_by_path_passes_the_checkers_too(tmp_path) -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check_env

    own = tmp_path / "own.yaml"
    own.write_text(catalog.find("envs", "video").read_text().replace("name: video", "name: own", 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("ipa_gym/Pipeline-v0", pipeline=str(own), render_mode="ansi")
        check_env(env.unwrapped)
        sb3_check_env(gym.make("ipa_gym/Pipeline-v0", pipeline=str(own)))


@pytest.mark.parametrize("env_id", IDS)
def test_two_seeded_copies_agree_in_everything(env_id: str) -> None:
    first, second = (rollout(gym.make(env_id, **SHORT, service_cv=0.3), seed=11, steps=20) for _ in range(2))
    assert same(first, second)


def test_another_seed_is_another_world() -> None:
    first, second = (rollout(gym.make(IDS[0], **SHORT), seed=seed, steps=3) for seed in (1, 2))
    assert not same(first, second)


def test_a_sequence_of_episodes_depends_on_its_seed_only() -> None:
    envs = [gym.make(IDS[0]), gym.make(IDS[0])]
    starts = []
    for env, steps in zip(envs, (1, 5), strict=True):  # what happens in an episode must not move the next one
        windows = [env.reset(seed=4)[1]["windows"]]
        for _ in range(3):
            for _ in range(steps):
                env.step(env.action_space.sample())
            windows.append(env.reset()[1]["windows"])
        starts.append(windows)
    assert starts[0] == starts[1]
    assert len(set(starts[0])) == 4


@pytest.mark.parametrize("env_id", IDS)
def test_conservation_and_reward_identity_at_every_step(env_id: str) -> None:
    env = gym.make(env_id, **SHORT)
    base: PipelineEnv = env.unwrapped
    rng = np.random.default_rng(0)
    env.reset(seed=5)
    arrived = left = violations = 0
    objectives, rewards = [], []
    truncated = False
    while not truncated:
        _, reward, terminated, truncated, info = env.step(rng.integers(env.action_space.nvec))
        arrived += info["arrivals"]
        left += info["completed"] + info["dropped"]
        violations += info["violations"]
        assert arrived == left + base.simulator.n_inside
        assert not terminated
        terms = info["reward_terms"]
        assert reward == pytest.approx(sum(terms.values()), rel=1e-12)
        objectives.append(terms["accuracy"] + terms["cost"] + terms["batch"])
        rewards.append(reward)
    assert len(rewards) == 20
    per_request = violations / (base.expected_requests * len(rewards))
    penalty = base.pipeline.objective.rho * per_request
    assert np.mean(rewards) == pytest.approx(np.mean(objectives) - penalty, rel=1e-9)


def constant(env: gym.Env, action: list[int], *, seed: int = 3) -> list[dict[str, Any]]:
    env.reset(seed=seed)
    infos, truncated = [], False
    while not truncated:
        _, _, _, truncated, info = env.step(np.array(action))
        infos.append(info)
    return infos


def test_a_steady_configuration_costs_what_it_should(toy) -> None:
    trace = Trace("flat", np.full(100, 4))
    env = PipelineEnv(toy, trace, episode_s=100, arrivals="even", startup_scale=0.0)
    infos = constant(env, [0, 0, 2, 1, 0, 1])  # small x 3, big x 2: 3 x 1 + 2 x 3 cores, 0.5 x 0.9
    assert [info["cost_cores"] for info in infos] == [9.0] * 10
    assert infos[-1]["pas"] == pytest.approx(0.45)
    assert infos[0]["arrivals"] == 40
    assert infos[5]["latency_p99_s"] == pytest.approx(0.35)  # 0.10 + 0.25 s, no waiting: 4 rps over 2 replicas at 8 rps


def test_startup_delays_the_switch_and_is_paid_for(toy) -> None:
    trace = Trace("flat", np.full(40, 1))
    start = Configuration((StageConfiguration(0, 1, 1), StageConfiguration(0, 1, 1)))
    env = PipelineEnv(replace(toy, initial=start), trace, episode_s=40, arrivals="even")
    env.reset(seed=0)
    _, _, _, _, info = env.step(np.array([1, 0, 0, 0, 0, 0]))  # "large" starts 8 s; both run until then
    # cores: small 1 (and busy at most to the end of a batch) for 8 s, large 2 for 10 s, tiny 1 for 10 s
    assert info["cost_cores"] == pytest.approx((8 * 1 + 10 * 2 + 10 * 1) / 10, abs=0.011)
    assert info["pas"] == pytest.approx(0.8 * 0.5 * 0.6 + 0.2 * 0.8 * 0.6)


def test_requests_still_inside_and_overdue_count_at_the_windows_end() -> None:
    # One replica of 0.2 s under 10 requests/s: request i arrives at 0.05 + 0.1 i and ends at 0.25 + 0.2 i.
    only = Stage("only", (Variant("one", 50.0, 1.0, 0.0, (1,), (0.2,)),))
    pipeline = toy_pipeline(stages=(only,), batch_cap=1, sla_s=2.05, drop_after_s=1000.0)
    env = PipelineEnv(pipeline, Trace("flat", np.full(10, 10)), episode_s=10, arrivals="even")
    env.reset(seed=0)
    _, reward, _, truncated, info = env.step(np.array([0, 0, 0]))
    assert truncated
    assert info["completed"] == 49
    assert env.rows[-1].outcome.violations == 30  # requests 19 to 48
    assert info["violations"] == 60  # and 49 to 78, still inside
    assert info["reward_terms"]["violations"] == pytest.approx(-20.0 * 60 / 100)
    assert reward == pytest.approx(10 * 0.5 - 0.5 - 1e-6 - 12.0)


def test_overload_violates_and_drops(toy) -> None:
    trace = Trace("flood", np.full(60, 50))
    infos = constant(PipelineEnv(toy, trace, episode_s=60, startup_scale=0.0), [1, 0, 0, 1, 0, 0])
    assert sum(info["dropped"] for info in infos) > 1000
    assert sum(info["violations"] for info in infos) <= sum(info["arrivals"] for info in infos)


def test_scale_rounds_down_like_the_paper() -> None:
    env = PipelineEnv("video", "steady-low", scale=0.5)
    whole = PipelineEnv("video", "steady-low")
    assert env.trace.counts.tolist() == (whole.trace.counts // 2).tolist()


def test_windows_are_joined_and_start_is_obeyed() -> None:
    env = PipelineEnv("video", "twitter-like", windows=[(1000, 1100), (5000, 5100)])
    _, info = env.reset(seed=0)
    assert info["windows"] == ((1000, 1100), (5000, 5100))
    assert env.n_intervals == 20
    _, info = PipelineEnv("video").reset(seed=0, options={"start": 777})
    assert info["windows"] == ((777, 1977),)


def test_splits_keep_training_and_test_days_apart() -> None:
    for split, (first, last) in {"train": (0, 14), "test": (14, 21)}.items():
        env = PipelineEnv("video", split=split)
        starts = [env.reset(seed=seed)[1]["windows"][0] for seed in range(50)]
        assert all(first * 86400 <= a and b <= last * 86400 for a, b in starts)
    assert PipelineEnv("video").settings.episodes.split_range == (0, 14 * 86400)


def test_reward_weights_and_caps_can_be_overridden() -> None:
    env = PipelineEnv("video", reward={"beta": 3.0, "accuracy_measure": "rank_sum"}, batch_cap=2, replica_cap=7)
    assert env.pipeline.objective.beta == 3.0
    assert env.pipeline.objective.accuracy_measure == "rank_sum"
    assert env.action_space.nvec.tolist() == [5, 2, 7, 5, 2, 7]


def test_perfect_forecast_is_the_highest_of_the_next_20_seconds() -> None:
    env = PipelineEnv("video", "bursty", forecast="perfect", arrivals="exact")
    observation, _ = env.reset(seed=0)
    counts = env.trace.counts
    for step in range(30):
        assert env.layout.read(observation).forecast_rps == counts[10 * step : 10 * step + 20].max()
        observation = env.step(env.actions.encode(env.initial_configuration))[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pipeline": "vidoe"}, "Did you mean 'video'"),
        ({"trace": "burst"}, "Did you mean 'bursty'"),
        ({"scale": 0}, "scale is 0"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"split": "tset"}, "Did you mean 'test'"),
        ({"interval": -1}, "interval is -1"),
        ({"interval": 7}, "multiple of interval"),
        ({"arrivals": "poison"}, "Did you mean 'poisson'"),
        ({"forecast": "holtz"}, "Did you mean 'holt'"),
        ({"batch_cap": 3}, "batch_cap is 3"),
        ({"replica_cap": 0}, "replica_cap is 0"),
        ({"service_cv": -0.1}, "service_cv is -0.1"),
        ({"service_scale": 0}, "service_scale is 0"),
        ({"startup_scale": "1"}, "startup_scale is '1'"),
        ({"reward": {"gamma": 1}}, "unknown reward option 'gamma'"),
        ({"reward": {"alpha": "x"}}, "alpha"),
        ({"windows": []}, "windows"),
        ({"windows": [(5, 5)]}, r"\(5, 5\)"),
        ({"episode_s": 0}, "episode_s is 0"),
        ({"episode_s": 10**9}, "episode_s is 1000000000"),
        ({"render_mode": "human"}, "unknown render_mode 'human'"),
    ],
)
def test_bad_options_are_one_clear_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(IpaGymError, match=message):
        PipelineEnv(**arguments)


def test_bad_reset_options_and_steps_out_of_turn() -> None:
    env = PipelineEnv("video", "bursty", episode_s=20)
    with pytest.raises(IpaGymError, match="has not begun"):
        env.step(env.action_space.sample())
    with pytest.raises(IpaGymError, match="unknown reset option 'strat'"):
        env.reset(options={"strat": 3})
    with pytest.raises(IpaGymError, match="start is 1181"):
        env.reset(options={"start": 1181})
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.step(env.action_space.sample())
    with pytest.raises(IpaGymError, match="has ended"):
        env.step(env.action_space.sample())


def test_masks_have_sb3_contribs_shape_and_leave_a_choice_everywhere() -> None:
    for env_id in IDS:
        env = gym.make(env_id).unwrapped
        mask = env.action_masks()
        assert mask.shape == (int(env.action_space.nvec.sum()),)
        edges = np.cumsum(env.action_space.nvec)[:-1]
        assert all(part.any() for part in np.split(mask, edges))


def test_make_vec_works() -> None:
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=2, vectorization_mode="sync", trace="bursty")
    observations, _ = envs.reset(seed=9)
    single, _ = gym.make("ipa_gym/Video-v0", trace="bursty").reset(seed=10)
    assert observations[1].tolist() == single.tolist()  # Gymnasium gives copy i the seed + i
