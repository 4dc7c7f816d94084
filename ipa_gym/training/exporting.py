"""Turns a trained model into a `TrainedFile`: its network as layers and arrays, and what its outputs mean.

Only the part that decides is kept: no critic, no target network. The numpy network gives the model's own outputs
(tested on every algorithm). Next: `ipa_gym/policies/networks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ipa_gym.policies.base import Setting
from ipa_gym.policies.trained_file import TrainedFile, observation_fields
from ipa_gym.training.algorithms import CHOICES, CONFIGURATIONS, LOADS, MASKED
from ipa_gym.training.learners import Learner
from ipa_gym.training.residual_features import ResidualBlock

Arrays = dict[str, NDArray[Any]]
_ACTIVATIONS: Mapping[type[nn.Module], str] = {nn.Tanh: "tanh", nn.ReLU: "relu"}


def export(learner: Learner, *, provenance: Mapping[str, object]) -> TrainedFile:
    """What a model has learned so far, by value: later training does not change it."""
    pipelines = learner.pipelines
    setting = Setting(pipelines.pipeline, pipelines.layout, pipelines.actions, pipelines.interval_s)
    head, arrays = _HEADS[learner.algorithm.steering](learner)
    weights: Arrays = {}
    layers = list(_layers(_deciding(learner.model.policy), weights))
    return TrainedFile(
        algorithm=learner.card.name,
        head=head,
        layers=tuple(layers),
        weights=weights,
        pipeline=pipelines.pipeline.name,
        observation=tuple(observation_fields(setting)),
        nvec=tuple(setting.actions.nvec.tolist()),
        interval_s=setting.interval_s,
        forecast=pipelines.forecast_name,
        arrays=arrays,
        provenance=provenance,
    )


def _deciding(policy: Any) -> Iterator[nn.Module]:  # Any: a policy class of stable-baselines3 or sb3-contrib
    """The modules between observation and outputs, in order."""
    if hasattr(policy, "quantile_net"):
        yield policy.quantile_net.quantile_net
        return
    if hasattr(policy, "q_net"):
        yield policy.q_net.q_net
        return
    yield policy.pi_features_extractor
    if hasattr(policy, "lstm_actor"):
        yield policy.lstm_actor
    yield policy.mlp_extractor.policy_net
    yield policy.action_net


def _layers(modules: Iterator[nn.Module], weights: Arrays) -> Iterator[dict[str, Any]]:
    """Layers as `Network` reads them; their arrays go into ``weights``."""
    for module in modules:
        if type(module) in _ACTIVATIONS:
            yield {"kind": _ACTIVATIONS[type(module)]}
        elif isinstance(module, nn.Linear | nn.LSTM):
            kind = "linear" if isinstance(module, nn.Linear) else "lstm"
            name = f"{kind}{len(weights)}"
            for part, values in module.named_parameters():
                weights[f"{name}.{part}"] = values.detach().numpy().copy()
            yield {"kind": kind, "name": name}
        elif isinstance(module, ResidualBlock):
            yield {"kind": "residual", "layers": list(_layers(module.layers.children(), weights))}
        elif not isinstance(module, nn.Flatten | nn.Identity):
            yield from _layers(module.children(), weights)


def _choices(learner: Learner) -> tuple[dict[str, Any], Arrays]:
    return {"kind": "choices"}, {}


def _masked(learner: Learner) -> tuple[dict[str, Any], Arrays]:
    return {"kind": "choices"}, {"mask": learner.pipelines.action_masks()[0].astype(np.uint8)}


def _configurations(learner: Learner) -> tuple[dict[str, Any], Arrays]:
    n_quantiles = int(learner.card.hyperparameters.get("n_quantiles", 1))
    table: NDArray[np.int64] = learner.model.get_env().table  # type: ignore[union-attr]  # a DiscreteVecEnv
    return {"kind": "configurations", "n_quantiles": n_quantiles}, {"table": table}


def _margins(learner: Learner) -> tuple[dict[str, Any], Arrays]:
    return {"kind": "margins", "span": float(learner.card.hyperparameters["span"])}, {}


_HEADS: Mapping[str, Callable[[Learner], tuple[dict[str, Any], Arrays]]] = {
    CHOICES: _choices,
    MASKED: _masked,
    CONFIGURATIONS: _configurations,
    LOADS: _margins,
}
