"""What a rollout leaves in TensorBoard: means and histograms, against what the environments reported step by step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

from ipa_gym.episode import TERMS
from ipa_gym.errors import OptionError
from ipa_gym.training import PipelineVecEnv
from ipa_gym.training.logger import make_logger
from ipa_gym.training.metrics_callback import IntervalMeans, RolloutMetricsCallback
from tests.training.board_reader import Board
from tests.training.conftest import toy_vec_env

N_ENVS, N_STEPS = 4, 16
SMALL: dict[str, Any] = {"device": "cpu", "policy_kwargs": {"net_arch": [16]}, "seed": 5}


class Spy(BaseCallback):
    """Keeps each step's metrics and decisions."""

    def __init__(self, vec_env: PipelineVecEnv) -> None:
        super().__init__()
        self.vec_env = vec_env
        self.steps: list[dict[str, Any]] = []
        self.decided: list[Any] = []

    def _on_step(self) -> bool:
        self.steps.append(self.vec_env.interval_metrics())
        self.decided.append(np.array(self.locals["clipped_actions"]))
        return True


def learned(vec_env: Any, folder: Path, callbacks: Sequence[BaseCallback], n_rollouts: int = 2) -> PPO:
    """A tiny PPO with the callbacks."""
    model = PPO("MlpPolicy", vec_env, n_steps=N_STEPS, batch_size=32, n_epochs=1, **SMALL)
    model.set_logger(make_logger(folder))
    model.learn(n_rollouts * N_STEPS * N_ENVS, callback=list(callbacks))
    model.logger.close()
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Spy, RolloutMetricsCallback]:
    folder = tmp_path_factory.mktemp("run")
    vec_env = toy_vec_env(N_ENVS)
    spy, metrics = Spy(vec_env), RolloutMetricsCallback(min_intervals=N_ENVS * N_STEPS)
    learned(vec_env, folder, [metrics, spy])
    return Board(folder), spy, metrics


def all_of(spy: Spy, name: str, rollout: int) -> Any:
    return np.array([step[name] for step in spy.steps[rollout * N_STEPS : (rollout + 1) * N_STEPS]])


def test_each_rollout_has_the_means_of_its_intervals(run: tuple[Board, Spy, RolloutMetricsCallback]) -> None:
    board, spy, _ = run
    for rollout, step in ((0, 64), (1, 128)):
        arrivals = all_of(spy, "arrivals", rollout).sum()
        expected = {
            "reward": np.mean(sum(all_of(spy, f"reward_{term}", rollout) for term in TERMS)),
            "pas_percent": 100 * all_of(spy, "pas", rollout).mean(),
            "cost_cores": all_of(spy, "cost_cores", rollout).mean(),
            "violations_percent": 100 * all_of(spy, "violations", rollout).sum() / arrivals,
            "drops_percent": 100 * all_of(spy, "dropped", rollout).sum() / arrivals,
            "latency_p99_s": np.nanmean(all_of(spy, "latency_p99_s", rollout)),
            "queue_requests": all_of(spy, "queue_requests", rollout).mean(),
        }
        found = {name: board.curve(f"rollout/{name}") for name in expected}
        assert {name: list(curve) for name, curve in found.items()} == {name: [64, 128] for name in expected}
        assert {name: curve[step] for name, curve in found.items()} == pytest.approx(expected, rel=1e-6)
        assert expected["violations_percent"] > 1  # so that there is something to see
        assert expected["drops_percent"] > 1


def test_the_reward_is_the_one_that_the_episodes_were_paid(run: tuple[Board, Spy, RolloutMetricsCallback]) -> None:
    board, _, metrics = run
    curve = board.curve("rollout/reward")
    assert metrics.latest["reward"] == pytest.approx(curve[128])
    # SB3's mean return is over episodes that ended: 2 of 6 intervals in 16 steps, so near the mean of an interval
    assert board.curve("rollout/ep_rew_mean")[64] / 6 == pytest.approx(curve[64], rel=0.35)


def test_histograms_are_those_of_the_decisions(run: tuple[Board, Spy, RolloutMetricsCallback]) -> None:
    board, spy, _ = run
    batches = np.array([1, 2, 4])
    of_part = {"variant": lambda i: i, "batch": lambda i: batches[i], "replicas": lambda i: i + 1}
    for column, tag in enumerate(f"actions/{stage}/{part}" for stage in ("1-detect", "2-classify") for part in of_part):
        found = board.histograms(tag)
        assert [step for step, _ in found] == [64, 128]
        for rollout, (_, buckets) in enumerate(found):
            index = np.array(spy.decided[rollout * N_STEPS : (rollout + 1) * N_STEPS])[..., column]
            values, counts = np.unique(of_part[tag.rpartition("/")[2]](index), return_counts=True)
            assert buckets == dict(zip((values + 0.5).tolist(), counts.tolist(), strict=True))
            assert len(buckets) > 1


def test_losses_of_every_update_are_there_the_last_one_too(run: tuple[Board, Spy, RolloutMetricsCallback]) -> None:
    board, _, _ = run
    for name in ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "explained_variance"):
        assert len(board.events.Scalars(f"train/{name}")) == 2


class OneMoreReplica(VecEnvWrapper):
    """Turns the learner's decision into another one."""

    def reset(self) -> Any:
        return self.venv.reset()

    def step_async(self, actions: Any) -> None:
        changed = np.zeros_like(actions)
        changed[:, 2] = 6  # seven replicas of the first stage
        self.venv.step_async(changed)

    def step_wait(self) -> Any:
        return self.venv.step_wait()


def test_under_wrappers_the_decisions_are_the_environments(tmp_path: Path) -> None:
    learned(OneMoreReplica(toy_vec_env(N_ENVS)), tmp_path, [RolloutMetricsCallback(min_intervals=1)], n_rollouts=1)
    board = Board(tmp_path)
    assert board.histograms("actions/1-detect/replicas") == [(64, {7.5: 64})]
    assert board.histograms("actions/2-classify/replicas") == [(64, {1.5: 64})]


class Flat(VecEnvWrapper):
    """The variant of the first stage alone, as a Discrete action, for a value-based learner."""

    def __init__(self, venv: Any) -> None:
        from gymnasium.spaces import Discrete

        super().__init__(venv, action_space=Discrete(2))

    def reset(self) -> Any:
        return self.venv.reset()

    def step_async(self, actions: Any) -> None:
        table = np.full((self.num_envs, 6), 0)
        table[:, 0] = actions
        self.venv.step_async(table)

    def step_wait(self) -> Any:
        return self.venv.step_wait()


def test_short_rollouts_are_put_together(tmp_path: Path) -> None:
    model = DQN("MlpPolicy", Flat(toy_vec_env(N_ENVS)), train_freq=1, learning_starts=8, buffer_size=100, **SMALL)
    model.set_logger(make_logger(tmp_path))
    model.learn(100, callback=[RolloutMetricsCallback(min_intervals=40)])
    board = Board(tmp_path)
    assert list(board.curve("rollout/reward")) == [40, 80, 100]
    assert [sum(h.values()) for _, h in board.histograms("actions/1-detect/variant")] == [40, 40, 20]


def test_without_tensorboard_the_means_are_made_and_nothing_is_written(tmp_path: Path) -> None:
    metrics = RolloutMetricsCallback(min_intervals=1)
    model = PPO("MlpPolicy", toy_vec_env(2), n_steps=8, batch_size=16, n_epochs=1, **SMALL)
    model.set_logger(make_logger(tmp_path / "run", tensorboard=False))
    model.learn(16, callback=[metrics])
    assert set(metrics.latest) > {"reward", "latency_p99_s"}
    assert not (tmp_path / "run").exists()


def test_environments_that_are_no_pipelines_are_refused(tmp_path: Path) -> None:
    import gymnasium

    vec_env = DummyVecEnv([lambda: gymnasium.make("CartPole-v1")])
    model = PPO("MlpPolicy", vec_env, n_steps=8, batch_size=8, device="cpu")
    with pytest.raises(OptionError, match=re.escape("environment is DummyVecEnv; expected make_sb3_vec_env(...)")):
        model.learn(8, callback=[RolloutMetricsCallback()])


def test_intervals_in_which_nothing_completed_have_no_p99() -> None:
    means = IntervalMeans()
    zeros = {name: np.zeros(2) for name in ("pas", "cost_cores", "queue_requests", "violations", "dropped")}
    rewards = {f"reward_{name}": np.zeros(2) for name in TERMS}
    means.add({**zeros, **rewards, "arrivals": np.array([0, 0]), "latency_p99_s": np.array([np.nan, 3.0])})
    assert means.means()["latency_p99_s"] == 3.0
    assert np.isnan(means.means()["violations_percent"])  # of no request
