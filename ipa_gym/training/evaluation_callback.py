"""`EvaluationCallback`: evaluates the agent while it learns, keeps the best one, and stops where nothing gets better.

How windows are played is the caller's business; here is when, and what becomes of it: the curve's file, TensorBoard,
a line in the log. Next: `evaluation_curve.py`, `evaluation_board.py`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from ipa_gym.errors import OptionError
from ipa_gym.training import evaluation_board as board_parts
from ipa_gym.training.evaluation_board import References
from ipa_gym.training.evaluation_curve import Evaluation, best_index, merit, read_curve, write_curve
from ipa_gym.training.logger import board_of

Evaluate = Callable[[], Mapping[str, float]]
OnBest = Callable[[Evaluation], object]
OnEvaluation = Callable[[Evaluation, float], object]  # the number is its merit
Picture = Callable[[], NDArray[np.uint8]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """When to evaluate, against whom, and when to stop.

    Raises: OptionError.
    """

    every_steps: int  # decisions over all environments between evaluations
    patience: int | None = None  # stop after so many evaluations without a better mean reward; None: never
    references: References = field(default_factory=dict)  # agent -> its metrics on the same windows
    csv: Path | None = None  # the curve's file
    hyperparameters: Mapping[str, object] = field(default_factory=dict)  # of the HPARAMS page
    violations_limit_percent: float = math.inf  # SLA violations above it cost more than the reward says:
    excess_penalty: float = 0.0  # so much reward for each percent above it, when the best evaluation is chosen

    def __post_init__(self) -> None:
        for name, value in (("every_steps", self.every_steps), ("patience", self.patience)):
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value!r}; expected a whole number of at least 1")


class EvaluationCallback(BaseCallback):
    """Evaluates at the start of training, at every so many steps, and after the last update.

    Args:
        evaluate: plays the validation windows with the model as it is now; means by name, ``reward`` among them.
        plan: see `EvaluationPlan`.
        on_best: called with each evaluation whose mean reward is higher than all before, before its row is written.
        on_evaluation: called with each evaluation and what the best is chosen by, after its row is written.
        picture: draws an episode of the model as it is now, for TensorBoard: uint8 (height, width, 3).

    A run that goes on (``model.num_timesteps`` above 0) takes over the rows of its file up to there.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        plan: EvaluationPlan,
        *,
        on_best: OnBest | None = None,
        on_evaluation: OnEvaluation | None = None,
        picture: Picture | None = None,
    ) -> None:
        super().__init__()
        self.plan, self.rows = plan, list[Evaluation]()
        self._evaluate, self._on_best, self._on_evaluation = evaluate, on_best, on_evaluation
        self._picture = picture
        self._begun_s, self._before_s = time.perf_counter(), 0.0

    def _best_index(self) -> int | None:
        limit, penalty = self.plan.violations_limit_percent, self.plan.excess_penalty
        return best_index(self.rows, violations_limit_percent=limit, excess_penalty=penalty)

    @property
    def best(self) -> Evaluation | None:
        """The first of the evaluations with the highest mean reward, violations above the limit counted more."""
        index = self._best_index()
        return None if index is None else self.rows[index]

    @property
    def stopped_early(self) -> bool:
        """Whether the newest evaluations, as many as the plan's patience, were no better than one before."""
        index = self._best_index()
        if self.plan.patience is None or not self.rows:
            return False
        return len(self.rows) - 1 - (0 if index is None else index) >= self.plan.patience

    @property
    def elapsed_s(self) -> float:
        """Seconds of training and evaluating, over all resumptions."""
        return self._before_s + time.perf_counter() - self._begun_s

    def _on_training_start(self) -> None:
        kept = read_curve(self.plan.csv) if self.plan.csv is not None and self.num_timesteps else []
        self.rows = [row for row in kept if row.steps <= self.num_timesteps]
        self._begun_s, self._before_s = time.perf_counter(), self.rows[-1].elapsed_s if self.rows else 0.0
        if not self.rows:
            self._run()

    def _on_step(self) -> bool:
        every = self.plan.every_steps
        if self.num_timesteps // every > self.rows[-1].steps // every:
            self._run()
        return not self.stopped_early

    def _on_training_end(self) -> None:
        if self.num_timesteps > self.rows[-1].steps and not self.stopped_early:
            self._run()

    def _run(self) -> None:
        metrics = {name: float(value) for name, value in self._evaluate().items()}
        if "reward" not in metrics:
            raise OptionError(f"evaluate() gave {', '.join(metrics) or 'nothing'}; expected reward among its metrics")
        row = Evaluation(self.num_timesteps, self.elapsed_s, metrics)
        self.rows.append(row)
        if self.best is row and self._on_best is not None:
            self._on_best(row)
        if self.plan.csv is not None:
            write_curve(self.rows, self.plan.csv)
        self._show(row)
        if self._on_evaluation is not None:
            limit, penalty = self.plan.violations_limit_percent, self.plan.excess_penalty
            self._on_evaluation(row, merit(row, violations_limit_percent=limit, excess_penalty=penalty))

    def _show(self, row: Evaluation) -> None:
        best, board = self.best or row, board_of(self.logger)
        _log.info("%s", evaluation_line(row, best=best, references=self.plan.references))
        if board is None:
            return
        if len(self.rows) == 1:
            board_parts.add_layout(board, row.metrics)
            if self.plan.hyperparameters:
                board_parts.add_hyperparameters(board, self.plan.hyperparameters, row.metrics)
        board_parts.add_evaluation(board, row, best_reward=best.reward, references=self.plan.references)
        if self._picture is not None:
            board_parts.add_picture(board, self._picture(), row.steps)
        board.flush()


_WORDS = {"violations_percent": "SLA violations {:.2f} %", "cost_cores": "cost {:.2f} cores"}


def evaluation_line(row: Evaluation, *, best: Evaluation, references: References) -> str:
    """An evaluation in one line: ``50000 steps, 12 s: reward -4.21 (best -4.10 at 40000; ipa -4.34), ...``."""
    others = [f"{agent} {metrics['reward']:.4g}" for agent, metrics in references.items() if "reward" in metrics]
    beside = "; ".join([f"best {best.reward:.4g} at {best.steps}", *others])
    rest = [f", {words.format(row.metrics[name])}" for name, words in _WORDS.items() if name in row.metrics]
    return f"{row.steps} steps, {row.elapsed_s:.0f} s: reward {row.reward:.4g} ({beside}){''.join(rest)}"
