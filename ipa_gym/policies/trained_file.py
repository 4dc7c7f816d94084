"""The file of a trained agent: weights as safetensors, and what they mean as JSON in its header.

Both are data: reading one executes nothing, whoever made it. `TrainedFile` is what is in it, `read_trained` and
`write_trained` move it. What it computes: `networks.py`; how it decides: `learned.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import CardError, OptionError
from ipa_gym.files import write_atomically
from ipa_gym.policies.base import Setting

_KEY = "ipa_gym_agent"  # of the header
FORMAT = 1
_HEAD = "head."  # first part of the names of arrays that belong to the head
_FIELDS = {  # of the header -> type
    "format": int,
    "algorithm": str,
    "head": dict,
    "layers": list,
    "pipeline": str,
    "observation": list,
    "nvec": list,
    "interval_s": float,
    "forecast": str,
    "provenance": dict,
}


@dataclass(frozen=True, slots=True)
class TrainedFile:
    """A trained agent."""

    algorithm: str  # the agent's name when it was trained
    head: Mapping[str, Any]  # how outputs become actions: "kind", a key of `learned.HEADS`, and its options
    layers: tuple[Mapping[str, Any], ...]  # see `networks.Network`
    weights: Mapping[str, NDArray[np.floating]]
    pipeline: str  # name of the card that it was trained on
    observation: tuple[tuple[str, int, int, float], ...]  # name, stage (-1: the load), size, scale of each field
    nvec: tuple[int, ...]  # sizes of the action's numbers
    interval_s: float
    forecast: str  # that it was trained with
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # of the head
    provenance: Mapping[str, Any] = field(default_factory=dict)  # command, seed, versions, scores

    def check_setting(self, setting: Setting) -> None:
        """Check that it can decide here. Raises: OptionError naming what differs."""
        for name, own, found in (
            ("interval", self.interval_s, setting.interval_s),
            ("sizes of the action", list(self.nvec), setting.actions.nvec.tolist()),
            ("fields of the observation", list(self.observation), observation_fields(setting)),
        ):
            if own != found:
                raise OptionError(
                    f"the agent was trained on pipeline {self.pipeline} with the {name} {_difference(own, found)}; "
                    "expected the same: the same card, caps and interval"
                )


def observation_fields(setting: Setting) -> list[tuple[str, int, int, float]]:
    """What an agent's numbers mean: name, stage, size and scale of each field of the observation."""
    fields = setting.layout.fields
    return [(f.name, -1 if f.stage is None else f.stage, f.size, float(f.scale)) for f in fields]


def write_trained(trained: TrainedFile, path: Path) -> Path:
    """Write the file, atomically; the same agent gives the same bytes."""
    from safetensors.numpy import save

    about = {
        "format": FORMAT,
        "algorithm": trained.algorithm,
        "head": dict(trained.head),
        "layers": [dict(layer) for layer in trained.layers],
        "pipeline": trained.pipeline,
        "observation": [list(entry) for entry in trained.observation],
        "nvec": list(trained.nvec),
        "interval_s": trained.interval_s,
        "forecast": trained.forecast,
        "provenance": dict(trained.provenance),
    }
    arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in trained.weights.items()}
    arrays |= {_HEAD + name: np.ascontiguousarray(array) for name, array in trained.arrays.items()}
    header = {_KEY: json.dumps(about, sort_keys=True, allow_nan=False)}
    content = save(arrays, metadata=header)
    return write_atomically(path, lambda temporary: temporary.write_bytes(content))


def read_trained(path: Path) -> TrainedFile:
    """Read the file. Raises: CardError naming the file, the field, and what is expected."""
    about, arrays = _read(path)
    for name, kind in _FIELDS.items():
        found = about.get(name)
        if not isinstance(found, kind) and not (kind is float and isinstance(found, int)):
            raise CardError(f"{path}: header field {name!r} is {_short(found)}; expected {kind.__name__}")
    if about["format"] != FORMAT:
        raise CardError(f"{path}: header field 'format' is {about['format']}; expected {FORMAT}")
    try:
        observation = tuple(
            (str(n), int(stage), int(size), float(scale)) for n, stage, size, scale in about["observation"]
        )
        nvec = tuple(int(size) for size in about["nvec"])
        layers = tuple(dict(layer) for layer in about["layers"])
    except (TypeError, ValueError) as error:
        raise CardError(f"{path}: header fields 'observation', 'nvec' or 'layers' cannot be read: {error}") from error
    return TrainedFile(
        algorithm=about["algorithm"],
        head=about["head"],
        layers=layers,
        weights={name: array for name, array in arrays.items() if not name.startswith(_HEAD)},
        pipeline=about["pipeline"],
        observation=observation,
        nvec=nvec,
        interval_s=float(about["interval_s"]),
        forecast=about["forecast"],
        arrays={name.removeprefix(_HEAD): array for name, array in arrays.items() if name.startswith(_HEAD)},
        provenance=about["provenance"],
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CardError(f"{path}: no such file; expected the weights of a trained agent")
    try:
        with safe_open(path, framework="numpy") as opened:
            header = (opened.metadata() or {}).get(_KEY)
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no mapping
        about = json.loads(header) if header is not None else None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CardError(f"{path}: not a safetensors file of a trained agent ({_short(str(error))})") from error
    if not isinstance(about, dict):
        raise CardError(
            f"{path}: header {_KEY!r} is {_short(about)}; expected a JSON object: a trained agent of ipa-gym"
        )
    return about, arrays


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _difference(own: object, found: object) -> str:
    """The first entry that differs, where both are lists."""
    if isinstance(own, list) and isinstance(found, list) and len(own) == len(found):
        own, found = next((a, b) for a, b in zip(own, found, strict=True) if a != b)
    return f"{_short(own)}, here it is {_short(found)}"
