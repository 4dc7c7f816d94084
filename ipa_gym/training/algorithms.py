"""The learning algorithms by name: what learns, and what its outputs mean.

The table alone; `learners.py` builds what it names. To add one: a line here, and a card in ``agents/``. Nothing here
imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ipa_gym.training.hyperparameters import (
    ACTOR_CRITIC,
    CLONING,
    COMMON,
    MARGINS,
    PPO,
    QUANTILES,
    RECURRENT,
    RESIDUAL,
    VALUES,
    Parameters,
)

CHOICES, MASKED, CONFIGURATIONS, LOADS = "choices", "masked choices", "configurations", "load margins"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way of learning."""

    model: str  # "module:Class" of stable-baselines3 or sb3-contrib
    steering: str  # what an output decides: CHOICES, MASKED, CONFIGURATIONS or LOADS
    hyperparameters: Parameters
    policy: str = "MlpPolicy"
    clones: bool = False  # imitates IPA before it learns from rewards
    residual: bool = False  # residual blocks before the hidden layers


_ON_POLICY = {**COMMON, **ACTOR_CRITIC}
_VALUES = {**COMMON, **VALUES}

ALGORITHMS: Mapping[str, Algorithm] = {  # name in cards
    "ppo": Algorithm("stable_baselines3:PPO", CHOICES, {**_ON_POLICY, **PPO}),
    "a2c": Algorithm("stable_baselines3:A2C", CHOICES, _ON_POLICY),
    "maskable-ppo": Algorithm("sb3_contrib:MaskablePPO", MASKED, {**_ON_POLICY, **PPO}),
    "recurrent-ppo": Algorithm(
        "sb3_contrib:RecurrentPPO", CHOICES, {**_ON_POLICY, **PPO, **RECURRENT}, policy="MlpLstmPolicy"
    ),
    "dqn": Algorithm("stable_baselines3:DQN", CONFIGURATIONS, _VALUES),
    "qr-dqn": Algorithm("sb3_contrib:QRDQN", CONFIGURATIONS, {**_VALUES, **QUANTILES}),
    "ppo-bc": Algorithm("sb3_contrib:MaskablePPO", MASKED, {**_ON_POLICY, **PPO, **CLONING}, clones=True),
    "ppo-residual": Algorithm("stable_baselines3:PPO", LOADS, {**_ON_POLICY, **PPO, **MARGINS}),
    "opd": Algorithm("stable_baselines3:PPO", CHOICES, {**_ON_POLICY, **PPO, **RESIDUAL}, residual=True),
}
