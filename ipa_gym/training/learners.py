"""`make_learner`: the model of a card's algorithm over many environments, ready to learn.

It chooses what stands between learner and pipeline (`_steered`) and what the card's hyperparameters are called in
stable-baselines3. Learning itself: `learning.py`. Next: `algorithms.py`, `exporting.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from ipa_gym.errors import OptionError
from ipa_gym.training.algorithms import ALGORITHMS, CHOICES, CONFIGURATIONS, LOADS, MASKED, Algorithm
from ipa_gym.training.card import TrainingCard
from ipa_gym.training.discrete_env import DiscreteVecEnv
from ipa_gym.training.margin_env import MarginVecEnv
from ipa_gym.training.residual_features import ResidualFeatures
from ipa_gym.training.vec_env import PipelineVecEnv

Values = Mapping[str, Any]  # Any: hyperparameters, checked by the card
_ACTIVATIONS: Mapping[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}
_SAME_NAME = (  # in the card and in stable-baselines3
    "gamma", "n_steps", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm", "batch_size", "n_epochs", "clip_range",
    "target_kl", "buffer_size", "learning_starts", "train_freq", "gradient_steps", "target_update_interval",
    "exploration_fraction", "exploration_final_eps",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Learner:
    """A model, and the environments that it learns on."""

    card: TrainingCard
    model: BaseAlgorithm
    pipelines: PipelineVecEnv

    @property
    def algorithm(self) -> Algorithm:
        """Its line of `ALGORITHMS`."""
        return ALGORITHMS[self.card.algorithm]


def make_learner(card: TrainingCard, pipelines: PipelineVecEnv, *, seed: int) -> Learner:
    """Build the model of a card.

    Args:
        card: with the values that hold, see `TrainingCard.of_pipeline` and `with_overrides`.
        pipelines: to learn on.
        seed: of networks, exploration and windows.
    Raises: OptionError for values that do not go together.
    """
    algorithm, values = ALGORITHMS[card.algorithm], card.hyperparameters
    _check_together(values, pipelines.num_envs)
    module, _, name = algorithm.model.partition(":")
    model_class = getattr(import_module(module), name)
    arguments = {key: values[key] for key in _SAME_NAME if key in values}
    model = model_class(
        algorithm.policy,
        _steered(algorithm, values, pipelines),
        learning_rate=falling(values["learning_rate"], values["learning_rate_end"]),
        policy_kwargs=_policy_arguments(algorithm, values),
        seed=seed,
        device="cpu",
        **arguments,
    )
    return Learner(card, model, pipelines)


def falling(start: float, end: float) -> Callable[[float], float]:
    """A schedule from ``start`` down to ``start · end``, linear in the part of the steps that remains."""
    return lambda remaining: start * (end + (1.0 - end) * remaining)


_STEERING: Mapping[str, Callable[[PipelineVecEnv, Values], VecEnv]] = {
    CHOICES: lambda pipelines, values: pipelines,
    MASKED: lambda pipelines, values: pipelines,
    CONFIGURATIONS: lambda pipelines, values: DiscreteVecEnv(pipelines),
    LOADS: lambda pipelines, values: MarginVecEnv(pipelines, span=values["span"]),
}


def _steered(algorithm: Algorithm, values: Values, pipelines: PipelineVecEnv) -> VecEnv:
    """The environments as the learner sees them."""
    return _STEERING[algorithm.steering](pipelines, values)


def _policy_arguments(algorithm: Algorithm, values: Values) -> dict[str, Any]:  # Any: stable-baselines3's own
    arguments: dict[str, Any] = {
        "net_arch": [int(units) for units in values["net_arch"]],
        "activation_fn": _ACTIVATIONS[values["activation"]],
    }
    if "log_std_init" in values:
        arguments["log_std_init"] = float(values["log_std_init"])
    if "lstm_units" in values:
        arguments["lstm_hidden_size"] = values["lstm_units"]
    if "n_quantiles" in values:
        arguments["n_quantiles"] = values["n_quantiles"]
    if algorithm.residual:
        arguments["features_extractor_class"] = ResidualFeatures
        arguments["features_extractor_kwargs"] = {
            "width": values["residual_units"],
            "n_blocks": values["residual_blocks"],
        }
    return arguments


def _check_together(values: Values, n_envs: int) -> None:
    if "n_epochs" in values and values["n_steps"] * n_envs % values["batch_size"]:
        raise OptionError(
            f"batch_size is {values['batch_size']}; expected a divisor of n_steps · n_envs = "
            f"{values['n_steps'] * n_envs}"
        )
