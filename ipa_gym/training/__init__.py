"""Learning: the glue between the environments and stable-baselines3.

``import ipa_gym.training`` loads neither torch nor stable-baselines3; using a name of it does. Next: `vec_env.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipa_gym.training.discrete_env import DiscreteVecEnv as DiscreteVecEnv
    from ipa_gym.training.factory import make_sb3_vec_env as make_sb3_vec_env
    from ipa_gym.training.forecast_scores import score_forecasts as score_forecasts
    from ipa_gym.training.forecaster import ForecasterSettings as ForecasterSettings
    from ipa_gym.training.forecaster_report import ForecasterReport as ForecasterReport
    from ipa_gym.training.forecaster_report import train_to_file as train_to_file
    from ipa_gym.training.scaling import reward_scale as reward_scale
    from ipa_gym.training.vec_env import PipelineVecEnv as PipelineVecEnv

__all__ = [
    "DiscreteVecEnv",
    "ForecasterReport",
    "ForecasterSettings",
    "PipelineVecEnv",
    "make_sb3_vec_env",
    "reward_scale",
    "score_forecasts",
    "train_to_file",
]

_PLACES = {  # name -> module
    "DiscreteVecEnv": "ipa_gym.training.discrete_env",
    "PipelineVecEnv": "ipa_gym.training.vec_env",
    "make_sb3_vec_env": "ipa_gym.training.factory",
    "reward_scale": "ipa_gym.training.scaling",
    "ForecasterReport": "ipa_gym.training.forecaster_report",
    "ForecasterSettings": "ipa_gym.training.forecaster",
    "score_forecasts": "ipa_gym.training.forecast_scores",
    "train_to_file": "ipa_gym.training.forecaster_report",
}
_EXTRA = ("stable_baselines3", "torch")  # what `pip install 'ipa-gym[train]'` brings


def __getattr__(name: str) -> Any:  # the module's lazy attributes: their types are their own
    if name not in _PLACES:
        raise AttributeError(f"module 'ipa_gym.training' has no attribute {name!r}")
    try:
        return getattr(import_module(_PLACES[name]), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _EXTRA:
            raise ModuleNotFoundError(
                f"ipa_gym.training needs {missing}; pip install 'ipa-gym[train]' brings it", name=missing
            ) from error
        raise
