"""`train`: one training run, from its settings to a trained agent in its run folder.

It only joins: environments and model from the card, callbacks, checkpoints, and the agent of the best evaluation. What
a run folder holds: docs/training.md. Next: `learners.py`, `checkpoints.py`, `evaluation_callback.py`.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.evaluation.comparison import VIOLATIONS_LIMIT_PERCENT
from ipa_gym.evaluation.play import play_one, play_windows, setting_of
from ipa_gym.evaluation.windows import evaluation_starts
from ipa_gym.files import write_text
from ipa_gym.policies import Policy, build_policy, load_agent_card
from ipa_gym.policies.card import AGENT_FILE, WEIGHTS_FILE
from ipa_gym.policies.learned import LearnedPolicy
from ipa_gym.policies.trained_file import TrainedFile, write_trained
from ipa_gym.rendering import episode_frame
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.training.card import TrainingCard
from ipa_gym.training.checkpoints import CheckpointCallback, load_checkpoint, newest_checkpoint
from ipa_gym.training.cloning import clone_teacher
from ipa_gym.training.evaluation_callback import EvaluationCallback, EvaluationPlan, OnEvaluation
from ipa_gym.training.evaluation_curve import Evaluation, mean_metrics
from ipa_gym.training.exporting import export
from ipa_gym.training.factory import make_sb3_vec_env
from ipa_gym.training.inputs import TrainingInputs, load_inputs
from ipa_gym.training.learners import Learner, make_learner
from ipa_gym.training.logger import make_logger
from ipa_gym.training.metrics_callback import RolloutMetricsCallback
from ipa_gym.training.outcome import TrainingInterrupted, TrainingOutcome, write_outcome
from ipa_gym.training.progress import OnProgress, ProgressCallback
from ipa_gym.training.settings import TrainingSettings, check_run_folder, write_settings
from ipa_gym.training.torch_thread import one_torch_thread
from ipa_gym.training.windows import learning_trace

REFERENCES = ("ipa-exact", "fa2-low")  # drawn beside the agent's curve; the first decides as IPA's program does
_VALIDATION_SEED = 1
_EXCESS_FACTOR = 9.0  # chosen: beside what the reward counts, ten times as much for violations above the limit
_VERSIONED = ("ipa-gym", "torch", "stable-baselines3", "sb3-contrib", "numpy", "gymnasium")


@dataclass(frozen=True, slots=True)
class Run:
    """A training run that is ready to go."""

    settings: TrainingSettings
    card: TrainingCard  # with all values that hold
    learner: Learner
    validation: EnvSettings
    starts: NDArray[np.int64]  # of the validation windows

    @property
    def steps(self) -> int:
        """Decisions over all environments, in all."""
        return int(self.card.hyperparameters["steps"])


def train(
    settings: TrainingSettings,
    *,
    on_progress: OnProgress | None = None,
    on_evaluation: OnEvaluation | None = None,
    inputs: TrainingInputs | None = None,
) -> TrainingOutcome:
    """Train an agent, or go on with a run that was stopped.

    Args:
        settings: see `TrainingSettings`; its folder is the run folder.
        on_progress: called with every rollout's `Progress`.
        on_evaluation: see `EvaluationCallback`; what it raises ends the run.
        inputs: what the settings name, where it was read before.
    Returns: what came out; the agent of the best evaluation is in the folder.
    Raises: IpaGymError before anything is made, TrainingInterrupted at Ctrl-C once a checkpoint is written.
    """
    check_run_folder(settings)
    with one_torch_thread():
        run = prepare(settings, inputs)
        checkpoint = newest_checkpoint(settings.folder) if settings.resume else None
        write_settings(settings)
        if checkpoint is not None:
            load_checkpoint(run.learner, checkpoint)
        elif run.learner.algorithm.clones:
            clone_teacher(run.learner, seed=settings.seed)
        return _learn(run, on_progress, on_evaluation)


def prepare(settings: TrainingSettings, inputs: TrainingInputs | None = None) -> Run:
    """Make environments and model, of inputs that were read before or are read now. Raises: IpaGymError."""
    read = inputs or load_inputs(settings)
    pipeline, trace, forecast = read.pipeline, read.trace, read.forecast
    given = {name: value for name in ("steps", "n_envs") if (value := getattr(settings, name)) is not None}
    card = read.card.with_overrides({**settings.overrides, **given})
    values = card.hyperparameters
    pipelines = make_sb3_vec_env(
        pipeline,
        values["n_envs"],
        trace=learning_trace(trace, values["load_scales"]),
        forecast=forecast,
        reward_scale=values["reward_scale"],
        violation_weight=values["violation_weight"],
    )
    validation = env_settings(pipeline, trace, split="validation", forecast=forecast)
    starts = evaluation_starts(trace, "validation", settings.eval_windows, validation.episodes.episode_s)
    return Run(settings, card, make_learner(card, pipelines, seed=settings.seed), validation, starts)


def _learn(run: Run, on_progress: OnProgress | None, on_evaluation: OnEvaluation | None) -> TrainingOutcome:
    settings, model = run.settings, run.learner.model
    done = int(model.num_timesteps)
    references = {name: _reference(run, name) for name in REFERENCES}
    plan = EvaluationPlan(
        settings.eval_every_of(run.steps),
        patience=settings.early_stop,
        references=references,
        csv=settings.folder / "evaluations.csv",
        hyperparameters=_flat(run),
        violations_limit_percent=max(VIOLATIONS_LIMIT_PERCENT, references[REFERENCES[0]]["violations_percent"]),
        excess_penalty=_EXCESS_FACTOR * run.validation.pipeline.objective.rho / 100,
    )
    evaluations = EvaluationCallback(
        lambda: _metrics(run, _trained_policy(run)),
        plan,
        on_best=partial(_save, run),
        on_evaluation=on_evaluation,
        picture=lambda: _picture(run),
    )
    rollouts = RolloutMetricsCallback()
    checkpoints = CheckpointCallback(run.learner, settings.folder, every_steps=settings.checkpoint_every_of(run.steps))
    callbacks = [rollouts, evaluations, checkpoints]
    if on_progress is not None:
        callbacks.append(ProgressCallback(run.steps, on_progress, rollouts=rollouts, evaluations=evaluations))
    model.set_logger(make_logger(settings.folder, tensorboard=settings.tensorboard, resumed_at=done or None))
    try:
        model.learn(max(0, run.steps - done), callback=callbacks, reset_num_timesteps=not done)
    except KeyboardInterrupt:
        raise TrainingInterrupted(checkpoints.newest, int(model.num_timesteps)) from None
    finally:
        checkpoints.stop_listening()
        model.logger.close()
    return _finish(run, evaluations, references)


def _finish(
    run: Run, evaluations: EvaluationCallback, references: Mapping[str, Mapping[str, float]]
) -> TrainingOutcome:
    best = evaluations.best
    if best is None:  # every evaluation was NaN: only absurd weights do that
        raise FloatingPointError(f"no evaluation of {run.settings.folder} gave a reward")
    outcome = TrainingOutcome(
        folder=run.settings.folder,
        agent=run.settings.folder / AGENT_FILE,
        steps=int(run.learner.model.num_timesteps),
        elapsed_s=evaluations.elapsed_s,
        stopped_early=evaluations.stopped_early,
        best_steps=best.steps,
        metrics=best.metrics,
        references=references,
    )
    write_outcome(outcome)
    return outcome


# --- the agent ---


def _trained(run: Run, *, steps: int, metrics: Mapping[str, float]) -> TrainedFile:
    settings = run.settings
    provenance = {
        "agent": run.card.name,
        "agent_version": run.card.version,
        "hyperparameters": {name: run.card.hyperparameters[name] for name in sorted(run.card.hyperparameters)},
        "pipeline": run.validation.pipeline.name,
        "trace": run.validation.trace.name,
        "seed": settings.seed,
        "steps": steps,
        "validation": {name: value for name, value in metrics.items() if np.isfinite(value)},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _VERSIONED},
    }
    return export(run.learner, provenance=provenance)


def _save(run: Run, evaluation: Evaluation) -> None:
    """Keep the agent as it is now: weights first, then the card that makes them an agent."""
    trained = _trained(run, steps=evaluation.steps, metrics=evaluation.metrics)
    write_trained(trained, run.settings.folder / WEIGHTS_FILE)
    pipeline = run.validation.pipeline.name
    title = f"{run.card.title}; trained on {pipeline}, seed {run.settings.seed}, {evaluation.steps} steps"
    card = (
        f"name: {run.card.name}-{pipeline}-seed-{run.settings.seed}\n"
        f"title: {json.dumps(title, ensure_ascii=False)}\n"
        f'version: "{run.card.version}"\n'
        "policy: learned\n"
        f"forecast: {trained.forecast}\n"
        "parameters:\n"
        f"  weights: {WEIGHTS_FILE}\n"
    )
    write_text(card, run.settings.folder / AGENT_FILE)


def _trained_policy(run: Run) -> Policy:
    """The model as it is now, as the policy that its file would be."""
    return LearnedPolicy.of(export(run.learner, provenance={}), setting_of(run.validation))


# --- evaluation ---


def _metrics(run: Run, policy: Policy) -> dict[str, float]:
    return mean_metrics(play_windows(run.validation, policy, run.starts, seed=_VALIDATION_SEED))


def _reference(run: Run, name: str) -> dict[str, float]:
    """A policy on the validation windows, with the agent's own forecast unless its card asks for one."""
    card = load_agent_card(name)
    settings = replace(run.validation, forecast=card.forecast or run.validation.forecast)
    results = play_windows(settings, build_policy(card, setting_of(settings)), run.starts, seed=_VALIDATION_SEED)
    return mean_metrics(results)


def _picture(run: Run) -> NDArray[np.uint8]:
    rows = play_one(run.validation, _trained_policy(run), int(run.starts[0]), seed=_VALIDATION_SEED)
    return episode_frame(run.validation.pipeline, rows)


def _flat(run: Run) -> dict[str, Any]:  # Any: hyperparameters
    own = {"env": run.validation.pipeline.name, "agent": run.card.name, "seed": run.settings.seed}
    return {**own, "forecast": run.validation.forecast, **run.card.hyperparameters}
