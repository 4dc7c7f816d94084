"""The hyperparameters of the learning algorithms: defaults, what is allowed, what they mean.

Defaults are for training on many short steps; cards set what was chosen. Which algorithm has which: `algorithms.py`.
Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ipa_gym.policies.parameters import Parameter, choice, number, whole

Parameters = Mapping[str, Parameter]


def _from_zero(default: float, *, up_to: float, meaning: str) -> Parameter:
    """A finite number in [0, up_to]."""

    def accepts(value: object) -> bool:
        return _is_number(value) and 0 <= value <= up_to  # type: ignore[operator]  # checked to be a number

    return Parameter(default, f"a number from 0 to {up_to:g}", meaning, accepts)


def _list(default: tuple[float, ...], *, of: str, low: float, high: float, meaning: str) -> Parameter:
    """A list of numbers in [low, high], whole ones if ``of`` says so."""

    def accepts(value: object) -> bool:
        kind = int if of == "whole numbers" else float
        return (
            isinstance(value, list | tuple)
            and len(value) > 0
            and all(_is_number(entry) and low <= entry <= high and kind(entry) == entry for entry in value)
        )

    return Parameter(list(default), f"a list of {of} from {low:g} to {high:g}", meaning, accepts)


def _number_or_rule(meaning: str) -> Parameter:
    def accepts(value: object) -> bool:
        return value is None or (_is_number(value) and value > 0)  # type: ignore[operator]  # as above

    return Parameter(None, "a number above 0, or null: by rule", meaning, accepts)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


COMMON: Parameters = {
    "steps": whole(1_000_000, low=1, high=10**10, meaning="environment steps, over all environments"),
    "n_envs": whole(64, low=1, high=65536, meaning="environments side by side"),
    "gamma": _from_zero(0.9, up_to=1.0, meaning="discount factor an interval"),
    "learning_rate": number(5e-4, above=0, up_to=1, meaning="step size of the optimiser at the start"),
    "learning_rate_end": _from_zero(0.05, up_to=1.0, meaning="what it falls to, linearly (a fraction of the start)"),
    "net_arch": _list((64, 64), of="whole numbers", low=1, high=4096, meaning="units of the hidden layers"),
    "activation": choice("tanh", ("tanh", "relu"), meaning="of the hidden layers"),
    "reward_scale": _number_or_rule("what rewards are multiplied by for the learner; null: 1 / rho"),
    "violation_weight": number(
        1.0, above=0, up_to=1000, meaning="factor on the penalty for violations while learning; scores keep the card's"
    ),
    "load_scales": _list(
        (0.7, 0.85, 1.0, 1.15, 1.3), of="numbers", low=0.01, high=100,
        meaning="factors on the load of the training days; windows are drawn from all of them alike",
    ),
}  # fmt: skip

ACTOR_CRITIC: Parameters = {
    "n_steps": whole(32, low=1, high=100_000, meaning="intervals of each environment between updates"),
    "gae_lambda": _from_zero(0.95, up_to=1.0, meaning="trade-off of bias and variance of the advantages"),
    "ent_coef": _from_zero(0.0, up_to=10, meaning="weight of the entropy"),
    "vf_coef": _from_zero(0.5, up_to=100, meaning="weight of the critic's loss"),
    "max_grad_norm": number(0.5, above=0, up_to=1e6, meaning="longest gradient"),
}

PPO: Parameters = {
    "batch_size": whole(1024, low=2, high=10**7, meaning="steps of a gradient step"),
    "n_epochs": whole(4, low=1, high=1000, meaning="passes over the steps of an update"),
    "clip_range": number(0.2, above=0, up_to=10, meaning="how far a probability ratio counts"),
    "target_kl": _number_or_rule("an update stops beyond 1.5 times this divergence; null: never"),
}

CLONING: Parameters = {
    "cloning_intervals": whole(200, low=1, high=10**6, meaning="intervals of each environment played by the teacher"),
    "cloning_epochs": whole(40, low=1, high=10**5, meaning="passes over them"),
    "cloning_deviation": _from_zero(
        0.2, up_to=1.0, meaning="how often a decision of the teacher's is replaced by one for another load"
    ),
    "cloning_spread": _from_zero(
        0.1, up_to=1.0, meaning="probability given to the neighbours of the teacher's replicas, so that they are tried"
    ),
}

MARGINS: Parameters = {
    "span": number(1.6, above=1, up_to=100, meaning="largest factor of the correction, and of each margin"),
    "log_std_init": Parameter(
        -1.0, "a number from -20 to 2", "logarithm of the standard deviation at the start",
        lambda value: _is_number(value) and -20 <= value <= 2,  # type: ignore[operator]  # as above
    ),
}  # fmt: skip

RECURRENT: Parameters = {"lstm_units": whole(64, low=1, high=4096, meaning="units of the LSTM")}

RESIDUAL: Parameters = {
    "residual_units": whole(64, low=1, high=4096, meaning="width of the residual blocks"),
    "residual_blocks": whole(2, low=1, high=64, meaning="how many there are"),
}

VALUES: Parameters = {
    "buffer_size": whole(200_000, low=100, high=10**8, meaning="steps that are remembered"),
    "learning_starts": whole(10_000, low=0, high=10**8, meaning="steps before the first update"),
    "batch_size": whole(1024, low=1, high=10**7, meaning="steps of a gradient step"),
    "train_freq": whole(4, low=1, high=10**6, meaning="intervals of each environment between updates"),
    "gradient_steps": whole(4, low=1, high=10**6, meaning="gradient steps of an update"),
    "target_update_interval": whole(5000, low=1, high=10**8, meaning="steps between copies to the target network"),
    "exploration_fraction": number(0.3, above=0, up_to=1, meaning="part of the steps in which exploration falls"),
    "exploration_final_eps": _from_zero(0.02, up_to=1.0, meaning="exploration after that"),
}

QUANTILES: Parameters = {"n_quantiles": whole(25, low=1, high=1000, meaning="quantiles of a return")}
