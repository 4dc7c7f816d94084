"""Small neural networks in numpy: what a trained agent runs on, without torch and without executing code from a file.

A network is a list of layers, data that come from a file's header, and named weight arrays. `Network` checks the one
against the other and computes. Nothing here learns. Next: `trained_file.py` (the file), `learned.py` (the policy).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError, unknown_name

Floats = NDArray[np.float64]
Layer = Mapping[str, Any]  # Any: "kind" and "name" are words, "layers" a list of layers


def _sigmoid(values: Floats) -> Floats:
    return 0.5 * (np.tanh(0.5 * values) + 1.0)


ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0.0),
}
LAYERS = ("linear", "residual", "lstm", *ACTIVATIONS)


class Network:
    """A chain of layers.

    Layers: ``{"kind": "linear", "name": n}`` with weights ``n.weight`` (out, in) and ``n.bias`` (out,);
    ``{"kind": "tanh"}`` and ``{"kind": "relu"}``; ``{"kind": "residual", "layers": [...]}``, whose output is added to
    its input; ``{"kind": "lstm", "name": n}`` with ``n.weight_ih_l0`` (4·h, in), ``n.weight_hh_l0`` (4·h, h) and two
    biases, gates in torch's order (input, forget, cell, output), which remembers between calls until `reset`.

    Args:
        layers: as above.
        weights: arrays by name; all must be used.
        n_inputs: numbers that go in.
    Raises: OptionError or UnknownNameError naming the layer or the array.
    """

    def __init__(self, layers: Sequence[Layer], weights: Mapping[str, NDArray[np.floating]], *, n_inputs: int) -> None:
        self._weights = {name: np.asarray(array, dtype=np.float64) for name, array in weights.items()}
        self._layers = tuple(layers)
        self._used: set[str] = set()
        self._memory: dict[str, tuple[Floats, Floats]] = {}
        self.n_outputs = self._checked(self._layers, n_inputs)
        unused = sorted(set(weights) - self._used)
        if unused:
            raise OptionError(f"weights {unused[0]!r} belong to no layer; expected {', '.join(sorted(self._used))}")

    def reset(self) -> None:
        """Forget what was seen."""
        self._memory.clear()

    def __call__(self, inputs: NDArray[np.floating]) -> Floats:
        """Outputs float64 (n, n_outputs) of inputs (n, n_inputs); with memory, n stays the same until `reset`."""
        return self._run(self._layers, np.asarray(inputs, dtype=np.float64))

    def _run(self, layers: Sequence[Layer], values: Floats) -> Floats:
        for layer in layers:
            kind = layer["kind"]
            if kind == "linear":
                values = values @ self._weights[f"{layer['name']}.weight"].T + self._weights[f"{layer['name']}.bias"]
            elif kind == "residual":
                values = values + self._run(layer["layers"], values)
            elif kind == "lstm":
                values = self._remember(str(layer["name"]), values)
            else:
                values = ACTIVATIONS[kind](values)
        return values

    def _remember(self, name: str, values: Floats) -> Floats:
        weight, recurrent = self._weights[f"{name}.weight_ih_l0"], self._weights[f"{name}.weight_hh_l0"]
        bias = self._weights[f"{name}.bias_ih_l0"] + self._weights[f"{name}.bias_hh_l0"]
        nothing = np.zeros((len(values), recurrent.shape[1]))
        hidden, cell = self._memory.get(name, (nothing, nothing))
        if len(hidden) != len(values):
            raise OptionError(f"{len(values)} observations after {len(hidden)}; expected as many until reset()")
        entry, forget, candidate, exit_ = np.split(values @ weight.T + hidden @ recurrent.T + bias, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(entry) * np.tanh(candidate)
        hidden = _sigmoid(exit_) * np.tanh(cell)
        self._memory[name] = (hidden, cell)
        return hidden

    def _checked(self, layers: Any, size: int) -> int:  # Any: whatever stands in a file
        """Numbers that come out of layers that ``size`` numbers go into."""
        if not isinstance(layers, list | tuple) or not all(isinstance(layer, Mapping) for layer in layers):
            raise OptionError(f"layers are {str(layers)[:60]!r}; expected a list of mappings, each with a kind")
        for layer in layers:
            kind = layer.get("kind")
            if kind not in LAYERS:
                raise unknown_name("layer", str(kind), LAYERS)
            if kind == "linear":
                size = self._linear(str(layer.get("name")), size)
            elif kind == "lstm":
                size = self._lstm(str(layer.get("name")), size)
            elif kind == "residual":
                inside = self._checked(layer.get("layers"), size)
                if inside != size:
                    raise OptionError(f"a residual layer turns {size} numbers into {inside}; expected as many")
        return size

    def _linear(self, name: str, size: int) -> int:
        out = self._array(f"{name}.weight", (None, size)).shape[0]
        self._array(f"{name}.bias", (out,))
        return int(out)

    def _lstm(self, name: str, size: int) -> int:
        gates = self._array(f"{name}.weight_ih_l0", (None, size)).shape[0]
        if gates % 4:
            raise OptionError(f"weights '{name}.weight_ih_l0' have {gates} rows; expected a multiple of 4: four gates")
        for part, shape in (("weight_hh_l0", (gates, gates // 4)), ("bias_ih_l0", (gates,)), ("bias_hh_l0", (gates,))):
            self._array(f"{name}.{part}", shape)
        return int(gates // 4)

    def _array(self, name: str, shape: tuple[int | None, ...]) -> Floats:
        """A weight array of a shape, None: any size."""
        if name not in self._weights:
            raise unknown_name("weights", name, self._weights)
        found = self._weights[name]
        expected = tuple("any" if size is None else str(size) for size in shape)
        fits = found.ndim == len(shape) and all(w in (None, h) for w, h in zip(shape, found.shape, strict=True))
        if not fits or not np.isfinite(found).all():
            problem = f"has the shape {found.shape}" if not fits else "holds a number that is not finite"
            raise OptionError(f"weights {name!r} {problem}; expected finite numbers of shape ({', '.join(expected)})")
        self._used.add(name)
        return found
