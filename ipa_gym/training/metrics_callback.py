"""`RolloutMetricsCallback`: what the learner's decisions did in each rollout, for TensorBoard and the progress bar.

Means over all intervals of all environments, under ``rollout/``, and histograms of the decisions under ``actions/``.
Rewards are in the environment's own units, whatever the learner's are scaled by. Next: `evaluation_callback.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from torch.utils.tensorboard import SummaryWriter

from ipa_gym.episode import TERMS
from ipa_gym.errors import OptionError
from ipa_gym.training.decision_counts import DecisionCounts, Histogram
from ipa_gym.training.logger import board_of
from ipa_gym.training.vec_env import PipelineVecEnv

_SUMMED = ("pas", "cost_cores", "queue_requests", "arrivals", "violations", "dropped")
MIN_INTERVALS = 1024  # of a row of means; off-policy learners have rollouts of a few steps


class IntervalMeans:
    """Sums over intervals, from which means are made."""

    def __init__(self) -> None:
        self.n_intervals = 0
        self._sums = dict.fromkeys((*_SUMMED, "reward", "latency_p99_s", "n_completing"), 0.0)

    def add(self, metrics: Mapping[str, NDArray[Any]]) -> None:
        """Add one step's metrics, as `PipelineVecEnv.interval_metrics` gives them."""
        sums, p99_s = self._sums, metrics["latency_p99_s"]
        completing = p99_s[~np.isnan(p99_s)]
        self.n_intervals += p99_s.size
        for name in _SUMMED:
            sums[name] += float(metrics[name].sum())
        sums["reward"] += sum(float(metrics[f"reward_{name}"].sum()) for name in TERMS)
        sums["latency_p99_s"] += float(completing.sum())
        sums["n_completing"] += completing.size

    def means(self) -> dict[str, float]:
        """Means over the intervals; violations and drops are shares of all arrivals. NaN where there is nothing."""
        sums, n = self._sums, self.n_intervals
        return {
            "reward": _ratio(sums["reward"], n),
            "pas_percent": 100 * _ratio(sums["pas"], n),
            "cost_cores": _ratio(sums["cost_cores"], n),
            "violations_percent": 100 * _ratio(sums["violations"], sums["arrivals"]),
            "drops_percent": 100 * _ratio(sums["dropped"], sums["arrivals"]),
            "latency_p99_s": _ratio(sums["latency_p99_s"], sums["n_completing"]),
            "queue_requests": _ratio(sums["queue_requests"], n),
        }


def _ratio(total: float, n: float) -> float:
    return total / n if n else math.nan


class RolloutMetricsCallback(BaseCallback):
    """Logs each rollout's means and decisions.

    Args:
        min_intervals: of a row of means: shorter rollouts are put together.
    Raises: OptionError at the start of training if there is no `PipelineVecEnv` under the model's environment.
    """

    def __init__(self, *, min_intervals: int = MIN_INTERVALS) -> None:
        super().__init__()
        self.latest: Mapping[str, float] = {}  # means of the newest rollout
        self._min_intervals = min_intervals
        self._means = IntervalMeans()

    def _on_training_start(self) -> None:
        self._env = pipelines_of(self.training_env)
        self._decisions = DecisionCounts(self._env.actions)
        self._means = IntervalMeans()

    def _on_step(self) -> bool:
        decided = self._env.last_actions
        if decided is not None:
            self._means.add(self._env.interval_metrics())
            self._decisions.add(decided)
        return True

    def _on_rollout_end(self) -> None:
        if self._means.n_intervals >= self._min_intervals:
            self._log()

    def _on_training_end(self) -> None:
        if self._means.n_intervals:
            self._log()
        self.logger.dump(self.num_timesteps)  # the last update's losses, which nobody else writes

    def _log(self) -> None:
        self.latest, board = self._means.means(), board_of(self.logger)
        if board is not None:
            for name, value in self.latest.items():
                board.add_scalar(f"rollout/{name}", value, self.num_timesteps)
            for histogram in self._decisions.histograms():
                add_histogram(board, histogram, self.num_timesteps)
        self._means = IntervalMeans()
        self._decisions.clear()


def pipelines_of(vec_env: Any) -> PipelineVecEnv:  # Any: a VecEnv under any number of wrappers
    """The environments below stable-baselines3's wrappers. Raises: OptionError if they are no pipelines."""
    inner = vec_env.unwrapped
    if not isinstance(inner, PipelineVecEnv):
        raise OptionError(f"the model's environment is {type(inner).__name__}; expected make_sb3_vec_env(...)")
    return inner


def add_histogram(board: SummaryWriter, histogram: Histogram, step: int) -> None:
    """Write a histogram of decisions, its buckets centred on whole numbers."""
    edges, counts = histogram.buckets()
    values, n = histogram.values.astype(float), histogram.counts
    board.add_histogram_raw(
        f"actions/{histogram.tag}",
        min=float(edges[0]),  # TensorBoard draws the first bucket from here and the last one to max
        max=float(edges[-1]),
        num=int(n.sum()),
        sum=float(values @ n),
        sum_squares=float(values**2 @ n),
        bucket_limits=edges[1:].tolist(),
        bucket_counts=counts.tolist(),
        global_step=step,
    )
