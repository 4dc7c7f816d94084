"""Trained agents of the toy pipeline that are made by hand, so that no test needs to train one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ipa_gym.policies import Setting
from ipa_gym.policies.trained_file import TrainedFile, observation_fields

N_OUTPUTS = {"choices": 30, "margins": 4}  # sum of the toy's nvec; correction, two margins, reluctance
UNITS = 6


def trained_agent(setting: Setting, *, seed: int = 0, **changes: Any) -> TrainedFile:
    """An agent with one hidden layer of random weights, its head ``choices`` unless told otherwise."""
    head: dict[str, Any] = changes.pop("head", {"kind": "choices"})
    n_outputs = changes.pop("n_outputs", N_OUTPUTS.get(str(head["kind"]), 0))
    generator, size = np.random.default_rng(seed), setting.layout.size
    weights = {
        "first.weight": generator.normal(size=(UNITS, size)).astype(np.float32),
        "first.bias": generator.normal(size=UNITS).astype(np.float32),
        "last.weight": generator.normal(size=(n_outputs, UNITS)).astype(np.float32),
        "last.bias": generator.normal(size=n_outputs).astype(np.float32),
    }
    layers = ({"kind": "linear", "name": "first"}, {"kind": "tanh"}, {"kind": "linear", "name": "last"})
    values: dict[str, Any] = {
        "algorithm": "by-hand", "head": head, "layers": layers, "weights": weights, "pipeline": setting.pipeline.name,
        "observation": tuple(observation_fields(setting)), "nvec": tuple(setting.actions.nvec.tolist()),
        "interval_s": setting.interval_s, "forecast": "reactive", "provenance": {"seed": 3, "reward": -1.5},
    }  # fmt: skip
    return TrainedFile(**{**values, **changes})


def recurrent_agent(setting: Setting) -> TrainedFile:
    """An agent whose only memory is an LSTM."""
    generator, size = np.random.default_rng(0), setting.layout.size
    shapes = {
        "m.weight_ih_l0": (4 * UNITS, size), "m.weight_hh_l0": (4 * UNITS, UNITS), "m.bias_ih_l0": (4 * UNITS,),
        "m.bias_hh_l0": (4 * UNITS,), "last.weight": (N_OUTPUTS["choices"], UNITS), "last.bias": (30,),
    }  # fmt: skip
    weights = {name: 2 * generator.normal(size=shape) for name, shape in shapes.items()}
    layers = ({"kind": "lstm", "name": "m"}, {"kind": "linear", "name": "last"})
    return trained_agent(setting, layers=layers, weights=weights)
