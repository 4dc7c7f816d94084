"""The file of the paper's predictor: weights as safetensors and, as JSON in the header, what they are.

The format holds numbers and texts only: nothing is executed when such a file is read. Every fault in one is a
`WeightsError`. What the arrays mean: `lstm_kernel.py`; who writes it: `ipa_gym/training/forecaster_report.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import WeightsError
from ipa_gym.files import write_atomically
from ipa_gym.forecast.base import WEIGHTS_SUFFIX
from ipa_gym.forecast.lstm_kernel import Network

KIND = "load-forecaster"  # what the header says that the file is
FORMAT = 1
ARRAYS = ("lstm.input", "lstm.recurrent", "lstm.bias", "dense.weight", "dense.bias")  # in `Network`'s order
_HEADER_KEY = "ipa_gym"  # the header's one entry; with several their order, and so the file, would vary

Arrays = Mapping[str, NDArray[Any]]  # Any: of the types that a file gives
About = Mapping[str, Any]  # Any: what JSON can hold


def read_network(path: Path) -> Network:
    """The weights in a file. Raises: WeightsError naming file, field, value and what is expected."""
    _, arrays = _read(path)
    units = len(_array(arrays, "dense.weight", (None,), path=path))
    shapes = ((4 * units,), (units, 4 * units), (4 * units,), (units,), (1,))
    return Network(*(_array(arrays, name, shape, path=path) for name, shape in zip(ARRAYS, shapes, strict=True)))


def read_about(path: Path) -> About:
    """What the header says of the weights. Raises: as `read_network`."""
    return _read(path)[0]


def write_network(path: Path, arrays: Arrays, about: About) -> Path:
    """Write a file, atomically; the same arrays and words give the same bytes.

    Args:
        arrays: by the names in `ARRAYS`.
        about: what is known about them; ``kind`` and ``format`` are added.
    """
    from safetensors.numpy import save

    header = {_HEADER_KEY: json.dumps({"kind": KIND, "format": FORMAT, **about}, ensure_ascii=False, allow_nan=False)}
    laid_out = {name: np.ascontiguousarray(arrays[name]) for name in ARRAYS}
    return write_atomically(path, lambda temporary: temporary.write_bytes(save(laid_out, metadata=header)))


def _read(path: Path) -> tuple[About, Arrays]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(_HEADER_KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
    except (SafetensorError, OSError, TypeError, ValueError) as error:  # the last two: types that numpy does not have
        raise WeightsError(f"{path}: cannot be read ({error}); expected a {WEIGHTS_SUFFIX} file of a {KIND}") from error
    about = _parsed(path, header)
    for field, wanted in (("kind", KIND), ("format", FORMAT)):
        if about.get(field) != wanted:
            raise WeightsError(f"{path}: {field} in the header is {about.get(field)!r}; expected {wanted!r}")
    return about, arrays


def _parsed(path: Path, header: str | None) -> About:
    try:
        about = json.loads(header or "null")
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path}: {_HEADER_KEY} in the header is no JSON ({error}); expected a mapping") from error
    if not isinstance(about, dict):
        found = "missing" if header is None else repr(about)
        raise WeightsError(f"{path}: {_HEADER_KEY} in the header is {found}; expected a mapping of kind {KIND!r}")
    return about


def _array(arrays: Arrays, name: str, shape: tuple[int | None, ...], *, path: Path) -> NDArray[np.float64]:
    """An array of finite floats of a shape, as float64; None in the shape: any length of at least 1."""
    if name not in arrays:
        raise WeightsError(f"{path}: {name} is missing; expected the arrays {', '.join(ARRAYS)}")
    found = arrays[name]
    fits = len(found.shape) == len(shape) and all(
        has == wanted or (wanted is None and has > 0) for has, wanted in zip(found.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("at least 1" if length is None else str(length) for length in shape)
        raise WeightsError(f"{path}: {name} has shape {found.shape}; expected ({wanted})")
    if found.dtype.kind != "f":
        raise WeightsError(f"{path}: {name} holds numbers of type {found.dtype}; expected floating-point numbers")
    if not np.isfinite(found).all():
        place = tuple(np.argwhere(~np.isfinite(found))[0].tolist())
        raise WeightsError(f"{path}: {name}{list(place)} is {found[place]}; expected finite numbers")
    return np.ascontiguousarray(found, dtype=np.float64)
