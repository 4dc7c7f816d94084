"""`ProgressCallback`: says how far a run is, how fast, how good and how long it will still take.

It reports and draws nothing: the command line draws a bar from it. Next: `metrics_callback.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from stable_baselines3.common.callbacks import BaseCallback

from ipa_gym.training.evaluation_callback import EvaluationCallback
from ipa_gym.training.metrics_callback import RolloutMetricsCallback


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: int  # decisions over all environments
    total: int
    steps_per_s: float  # since training began or went on, evaluations included; 0 before the first step
    left_s: float | None  # at that speed; None before the first step
    reward: float | None  # mean of an interval in the newest rollout
    best_reward: float | None  # of the best evaluation


OnProgress = Callable[[Progress], object]


class ProgressCallback(BaseCallback):
    """Reports a run's progress now and then, and at its end.

    Args:
        total: decisions over all environments of the whole run.
        on_progress: takes the reports.
        rollouts, evaluations: where the rewards come from.
        every_s: the shortest time between two reports.
    """

    def __init__(
        self,
        total: int,
        on_progress: OnProgress,
        *,
        rollouts: RolloutMetricsCallback | None = None,
        evaluations: EvaluationCallback | None = None,
        every_s: float = 0.2,
    ) -> None:
        super().__init__()
        self._total, self._on_progress, self._every_s = total, on_progress, every_s
        self._rollouts, self._evaluations = rollouts, evaluations
        self._begun_s, self._begun_steps, self._reported_s = 0.0, 0, 0.0

    def _on_training_start(self) -> None:
        self._begun_s, self._begun_steps = time.perf_counter(), self.num_timesteps
        self._report()

    def _on_step(self) -> bool:
        if time.perf_counter() - self._reported_s >= self._every_s:
            self._report()
        return True

    def _on_training_end(self) -> None:
        self._report()

    def _report(self) -> None:
        self._reported_s = time.perf_counter()
        done, elapsed_s = self.num_timesteps - self._begun_steps, self._reported_s - self._begun_s
        speed = done / elapsed_s if done else 0.0
        best = None if self._evaluations is None else self._evaluations.best
        self._on_progress(
            Progress(
                done=self.num_timesteps,
                total=self._total,
                steps_per_s=speed,
                left_s=max(0, self._total - self.num_timesteps) / speed if speed else None,
                reward=None if self._rollouts is None else self._rollouts.latest.get("reward"),
                best_reward=None if best is None else best.reward,
            )
        )
