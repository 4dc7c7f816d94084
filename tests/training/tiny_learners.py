"""Learners of every shipped algorithm that are as small as can be: the toy pipeline, 4 environments, one layer of 8."""

from __future__ import annotations

from typing import Any

from ipa_gym.training.algorithms import ALGORITHMS
from ipa_gym.training.card import load_training_card
from ipa_gym.training.learners import Learner, make_learner
from tests.training.conftest import toy_vec_env

N_ENVS = 4
STEPS = 256
SMALL: dict[str, Any] = {
    "steps": STEPS, "n_steps": 8, "batch_size": 16, "n_epochs": 2, "net_arch": [8], "lstm_units": 8,
    "residual_units": 8, "buffer_size": 200, "learning_starts": 32, "target_update_interval": 32, "n_quantiles": 5,
    "cloning_intervals": 40, "cloning_epochs": 2,
}  # fmt: skip


def tiny_learner(name: str, *, seed: int = 3, n_envs: int = N_ENVS, **changes: Any) -> Learner:
    """A fresh learner of a shipped card with small values."""
    card = load_training_card(name)
    known = ALGORITHMS[card.algorithm].hyperparameters
    small = {key: value for key, value in SMALL.items() if key in known}
    values = {**small, "n_envs": n_envs, **changes}
    pipelines = toy_vec_env(n_envs, violation_weight=card.hyperparameters["violation_weight"])
    return make_learner(card.with_overrides(values), pipelines, seed=seed)
