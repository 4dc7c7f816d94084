"""Evaluations while an agent learns: when, what stays of them, when they end the run, and how a run goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from stable_baselines3 import PPO

import ipa_gym
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.evaluation import WindowResults
from ipa_gym.rendering import episode_frame
from ipa_gym.training.evaluation_callback import EvaluationCallback, EvaluationPlan
from ipa_gym.training.evaluation_curve import Evaluation, best_index, mean_metrics, read_curve, write_curve
from ipa_gym.training.logger import make_logger
from tests.conftest import toy_pipeline
from tests.training.board_reader import Board
from tests.training.conftest import OPTIONS, toy_vec_env

STEPS = 32  # of a rollout: 4 environments, 8 steps
REFERENCES = {"ipa": {"reward": -2.5, "cost_cores": 9.0}, "fa2-low": {"reward": -3.0, "unknown": 1.0}}


def scripted(rewards: list[float]) -> Any:
    """An `evaluate` that gives these mean rewards one after the other."""
    left: Iterator[float] = iter(rewards)
    return lambda: {"reward": next(left), "cost_cores": 7.0}


def learn(evaluations: EvaluationCallback, n_steps: int, folder: Path | None = None, model: PPO | None = None) -> PPO:
    """A tiny PPO, new or going on, in rollouts of `STEPS`."""
    if model is None:
        small: dict[str, Any] = {"policy_kwargs": {"net_arch": [8]}, "seed": 5, "device": "cpu"}
        model = PPO("MlpPolicy", toy_vec_env(4), n_steps=8, batch_size=32, n_epochs=1, **small)
    model.set_logger(make_logger(folder or Path("unused"), tensorboard=folder is not None))
    model.learn(n_steps, callback=[evaluations], reset_num_timesteps=model.num_timesteps == 0)
    model.logger.close()
    return model


def test_it_evaluates_at_the_start_at_every_multiple_and_at_the_end() -> None:
    evaluations = EvaluationCallback(lambda: {"reward": 0.0}, EvaluationPlan(every_steps=50))
    learn(evaluations, 4 * STEPS)
    assert [row.steps for row in evaluations.rows] == [0, 52, 100, 128]  # four environments step at once
    assert all(a.elapsed_s < b.elapsed_s for a, b in zip(evaluations.rows, evaluations.rows[1:], strict=False))
    assert not evaluations.stopped_early


def test_the_curve_is_on_disk_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.csv"
    seen: list[int] = []

    def evaluate() -> Mapping[str, float]:
        seen.append(pl.read_csv(path).height if path.exists() else 0)
        return {"reward": float(len(seen)), "latency_p99_s": float("nan") if len(seen) == 2 else 0.5}

    evaluations = EvaluationCallback(evaluate, EvaluationPlan(every_steps=32, csv=path))
    learn(evaluations, 2 * STEPS)
    assert seen == [0, 1, 2]
    assert pl.read_csv(path).columns == ["steps", "elapsed_s", "reward", "latency_p99_s"]
    assert pl.read_csv(path)["reward"].to_list() == [1.0, 2.0, 3.0]
    assert list(tmp_path.iterdir()) == [path]
    again = read_curve(path)
    assert [row.steps for row in again] == [0, 32, 64]
    assert np.isnan(again[1].metrics["latency_p99_s"])
    assert again[2] == evaluations.rows[2]


def test_the_best_is_kept_and_ties_keep_the_first() -> None:
    kept: list[tuple[int, float]] = []
    evaluations = EvaluationCallback(
        scripted([-5.0, -4.0, float("nan"), -4.0, -3.5]),
        EvaluationPlan(every_steps=STEPS),
        on_best=lambda row: kept.append((row.steps, row.reward)),
    )
    learn(evaluations, 4 * STEPS)
    assert kept == [(0, -5.0), (32, -4.0), (128, -3.5)]
    assert evaluations.best is evaluations.rows[4]


def test_early_stopping_stops_after_so_many_evaluations_without_a_better_one() -> None:
    evaluations = EvaluationCallback(
        scripted([-5.0, -4.0, -4.5, -3.0, -3.5, -3.0, -9.0]), EvaluationPlan(every_steps=STEPS, patience=2)
    )
    model = learn(evaluations, 100 * STEPS)
    assert evaluations.stopped_early
    assert model.num_timesteps == 5 * STEPS  # best at 3, no better at 4 and 5
    assert evaluations.best == evaluations.rows[3]


def test_without_patience_a_run_goes_on_through_bad_evaluations() -> None:
    evaluations = EvaluationCallback(scripted([-float(i) for i in range(9)]), EvaluationPlan(every_steps=STEPS))
    assert learn(evaluations, 8 * STEPS).num_timesteps == 8 * STEPS
    assert not evaluations.stopped_early


def test_a_run_that_goes_on_forgets_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.csv"
    rows = [Evaluation(s, float(s), {"reward": r}) for s, r in [(0, -5.0), (32, -2.0), (64, -3.0), (96, -1.0)]]
    write_curve(rows, path)
    plan, kept = EvaluationPlan(every_steps=STEPS, csv=path, patience=3), list[int]()
    evaluations = EvaluationCallback(scripted([-2.5, -2.0]), plan, on_best=lambda row: kept.append(row.steps))
    model = PPO("MlpPolicy", toy_vec_env(4), n_steps=8, batch_size=32, n_epochs=1, device="cpu")
    model.num_timesteps = 64
    learn(evaluations, 100 * STEPS, model=model)
    assert [row.steps for row in evaluations.rows] == [0, 32, 64, 96, 128]
    assert [row.reward for row in evaluations.rows] == [-5.0, -2.0, -3.0, -2.5, -2.0]  # 3 without a better one than -2
    assert kept == []
    assert evaluations.stopped_early
    assert 64 < evaluations.rows[3].elapsed_s < 96  # goes on from the last row's
    assert [row.steps for row in read_curve(path)] == [0, 32, 64, 96, 128]


def test_a_new_run_takes_no_old_rows(tmp_path: Path) -> None:
    path = write_curve([Evaluation(0, 1.0, {"reward": 9.0})], tmp_path / "evaluations.csv")
    evaluations = EvaluationCallback(scripted([-5.0, -4.0]), EvaluationPlan(every_steps=STEPS, csv=path))
    learn(evaluations, STEPS)
    assert [row.reward for row in read_curve(path)] == [-5.0, -4.0]


def test_faulty_plans_and_metrics_are_named() -> None:
    with pytest.raises(OptionError, match="every_steps is 0; expected a whole number of at least 1"):
        EvaluationPlan(every_steps=0)
    with pytest.raises(OptionError, match=r"evaluate\(\) gave pas; expected reward among its metrics"):
        learn(EvaluationCallback(lambda: {"pas": 1.0}, EvaluationPlan(every_steps=8)), 8)


def test_the_log_has_a_line_an_evaluation(caplog: pytest.LogCaptureFixture) -> None:
    plan = EvaluationPlan(every_steps=STEPS, references=REFERENCES)
    with caplog.at_level(logging.INFO, logger="ipa_gym.training"):
        learn(EvaluationCallback(scripted([-5.0, -4.0, -4.5]), plan), 2 * STEPS)
    assert len(caplog.messages) == 3
    assert caplog.messages[2].startswith("64 steps, ")
    assert "reward -4.5 (best -4 at 32; ipa -2.5; fa2-low -3), cost 7.00 cores" in caplog.messages[2]


def test_the_first_of_the_highest_is_best_and_no_number_is_none() -> None:
    rows = [Evaluation(i, 0.0, {"reward": r}) for i, r in enumerate([float("nan"), 1.0, 3.0, 3.0])]
    assert best_index(rows) == 2
    assert best_index(rows[:1]) is None
    assert best_index([]) is None


def test_violations_above_the_limit_cost_more_than_the_reward_says() -> None:
    points = [(-9.0, 3.0), (-1.0, 2.0), (-5.0, 1.0), (-4.0, 0.0), (-2.0, 1.1)]
    rows = [Evaluation(i, 0.0, {"reward": r, "violations_percent": v}) for i, (r, v) in enumerate(points)]
    assert best_index(rows, violations_limit_percent=1.0, excess_penalty=5.0) == 4  # -2.5 before -4, -5 and -6
    assert best_index(rows, violations_limit_percent=1.0, excess_penalty=30.0) == 3  # -5 and -31 behind -4
    assert best_index(rows[:2], violations_limit_percent=1.0, excess_penalty=30.0) == 1
    assert best_index(rows, violations_limit_percent=1.0) == best_index(rows, excess_penalty=30.0) == 1


def test_an_agent_is_kept_for_keeping_the_limit_though_it_earns_less() -> None:
    left = iter([(-1.0, 5.0), (-3.0, 0.5), (-2.0, 2.0)])
    kept: list[int] = []
    evaluations = EvaluationCallback(
        lambda: dict(zip(("reward", "violations_percent"), next(left), strict=True)),
        EvaluationPlan(every_steps=STEPS, violations_limit_percent=1.0, excess_penalty=2.0),
        on_best=lambda row: kept.append(row.steps),
    )
    learn(evaluations, 2 * STEPS)
    assert kept == [0, 32]


def test_means_are_over_windows_in_the_curves_units() -> None:
    some = np.array([1.0, 2.0, 6.0])
    values = dict.fromkeys(WindowResults.__dataclass_fields__, some)
    nothing = {"latency_p99_s": np.array([np.nan, 2.0, 4.0]), "pas": np.array([0.25, 0.5, 0.75])}
    means = mean_metrics(WindowResults(**{**values, **nothing}))
    assert (means["reward"], means["cost_cores"], means["violations_percent"]) == (3.0, 3.0, 3.0)
    assert (means["latency_p99_s"], means["pas_percent"]) == (3.0, 50.0)


# --- TensorBoard ---


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A run of three evaluations, of which the second is the best, with IPA's computed mean as a reference."""
    folder = tmp_path_factory.mktemp("board")
    hyperparameters = {
        "agent": "ppo",
        "seed": 3,
        "learning_rate": 3e-4,
        "net_arch": [8, 8],
        "masks": True,
        "gone": None,
    }
    plan = EvaluationPlan(
        every_steps=STEPS,
        references={**REFERENCES, "ipa-exact": {"reward": ipa_mean_reward()}},
        hyperparameters=hyperparameters,
    )
    env = PipelineEnv(toy_pipeline(), **OPTIONS)
    env.reset(seed=1)
    env.step(np.array([0, 0, 3, 0, 0, 1]))
    frame = episode_frame(env.pipeline, env.rows)
    evaluations = EvaluationCallback(scripted([-5.0, -4.0, -4.5]), plan, picture=lambda: frame)
    learn(evaluations, 2 * STEPS, folder)
    return Board(folder)


def ipa_mean_reward() -> float:
    """IPA's mean reward an interval in one episode of the toy pipeline, played step by step."""
    env = PipelineEnv(toy_pipeline(), **OPTIONS)
    policy = ipa_gym.make_policy("ipa-exact", env)
    observation, _ = env.reset(seed=3)
    rewards, truncated = [], False
    while not truncated:
        observation, reward, _, truncated, _ = env.step(policy.act(observation))
        rewards.append(float(reward))
    return float(np.mean(rewards))


def test_the_agents_curve_and_flat_reference_lines_have_the_same_steps(board: Board) -> None:
    assert board.curve("eval/reward") == {0: -5.0, 32: -4.0, 64: -4.5}
    assert board.curve("eval/best_reward") == {0: -5.0, 32: -4.0, 64: -4.0}
    assert board.curve("reference/ipa/reward") == {0: -2.5, 32: -2.5, 64: -2.5}
    assert board.curve("reference/fa2-low/reward") == {0: -3.0, 32: -3.0, 64: -3.0}
    ipa = board.curve("reference/ipa-exact/reward")
    assert list(ipa) == [0, 32, 64]
    assert list(ipa.values()) == pytest.approx([ipa_mean_reward()] * 3, rel=1e-6)


def test_only_metrics_that_the_agent_has_get_reference_lines(board: Board) -> None:
    lines = {tag for tag in board.tags["scalars"] if tag.startswith("reference/")}
    rewards = {f"reference/{agent}/reward" for agent in ("ipa", "fa2-low", "ipa-exact")}
    assert lines == rewards | {"reference/ipa/cost_cores"}


def test_one_chart_holds_the_agents_reward_and_every_reference(board: Board) -> None:
    import re

    charts = board.charts()
    assert list(charts) == ["reward per interval", "cost (cores)"]
    drawn = {t for t in board.tags["scalars"] if any(re.match(p, t) for p in charts["reward per interval"])}
    references = {f"reference/{agent}/reward" for agent in ("ipa", "fa2-low", "ipa-exact")}
    assert drawn == references | {"eval/reward"}  # not eval/best_reward, not rollout/reward


def test_hyperparameters_stand_beside_the_evaluations(board: Board) -> None:
    values, metrics = board.hyperparameters()
    assert values == {"agent": "ppo", "seed": 3.0, "learning_rate": 3e-4, "net_arch": "[8, 8]", "masks": "true"}
    assert metrics == ["eval/best_reward", "eval/reward", "eval/cost_cores"]
    assert set(metrics) <= set(board.tags["scalars"])


def test_every_evaluation_has_a_picture_of_its_episode(board: Board) -> None:
    assert [event.step for event in board.events.Images("eval/episode")] == [0, 32, 64]
    picture = board.picture("eval/episode")
    assert picture.shape[:2] == (900, 960)
    assert picture.std() > 0.05


def test_where_a_run_goes_on_its_old_end_is_gone(tmp_path: Path) -> None:
    model = learn(EvaluationCallback(scripted([-5.0, -4.0, -4.5]), EvaluationPlan(every_steps=STEPS)), 64, tmp_path)
    model.num_timesteps = 32  # as after a kill: the checkpoint is older than the events
    model.set_logger(make_logger(tmp_path, resumed_at=32))
    plan = EvaluationPlan(every_steps=STEPS)
    evaluations = EvaluationCallback(scripted([-1.0, -0.5]), plan)
    model.learn(32, callback=[evaluations], reset_num_timesteps=False)
    model.logger.close()
    points = [(event.step, event.value) for event in Board(tmp_path).events.Scalars("eval/reward")]
    assert points == [(0, -5.0), (32, -4.0), (32, -1.0), (64, -0.5)]
