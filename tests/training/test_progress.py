"""What is reported of a run's progress."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3 import PPO

from ipa_gym.training.evaluation_callback import EvaluationCallback, EvaluationPlan
from ipa_gym.training.logger import make_logger
from ipa_gym.training.metrics_callback import RolloutMetricsCallback
from ipa_gym.training.progress import Progress, ProgressCallback
from tests.training.conftest import toy_vec_env


def reports(total: int, begun: int = 0, **changes: Any) -> list[Progress]:
    """Reports of a tiny PPO that does all steps up to ``total``."""
    model = PPO("MlpPolicy", toy_vec_env(4), n_steps=8, batch_size=32, n_epochs=1, device="cpu", seed=1)
    model.num_timesteps = begun
    model.set_logger(make_logger(Path("unused"), tensorboard=False))
    found: list[Progress] = []
    rollouts = RolloutMetricsCallback(min_intervals=1)
    evaluations = EvaluationCallback(lambda: {"reward": -1.5}, EvaluationPlan(every_steps=10**6))
    progress = ProgressCallback(total, found.append, rollouts=rollouts, evaluations=evaluations, **changes)
    model.learn(total - begun, callback=[rollouts, evaluations, progress], reset_num_timesteps=begun == 0)
    return found


def test_it_counts_steps_of_all_environments_up_to_the_total() -> None:
    found = reports(64, every_s=0.0)
    assert [report.done for report in found] == [*range(0, 65, 4), 64]
    assert {report.total for report in found} == {64}
    assert found[0].left_s is None
    assert found[-1].left_s == 0


def test_speed_and_time_left_agree() -> None:
    begun_s = time.perf_counter()
    found = reports(64, every_s=0.0)
    lasted_s = time.perf_counter() - begun_s
    for report in found[1:]:
        assert report.steps_per_s > 64 / lasted_s / 4
        assert report.left_s is not None
        assert report.left_s * report.steps_per_s == pytest.approx(64 - report.done)


def test_a_run_that_goes_on_has_the_speed_of_its_new_steps_alone() -> None:
    found = reports(1_000_064, begun=1_000_000, every_s=0.0)
    assert found[0].done == 1_000_000
    assert found[0].steps_per_s == 0
    assert 0 < found[-1].steps_per_s < 100_000


def test_it_knows_the_rewards_of_rollout_and_evaluation() -> None:
    found = reports(64, every_s=0.0)
    assert found[0].reward is None
    assert found[0].best_reward == -1.5
    assert found[-1].reward is not None
    assert found[-1].reward < 0


def test_it_reports_no_oftener_than_asked() -> None:
    assert [report.done for report in reports(64, every_s=60.0)] == [0, 64]
