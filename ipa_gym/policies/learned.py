"""Trained agents as policies: a network in numpy, and a head that turns its outputs into an action.

Which head a file uses stands in its header; `HEADS` has them by name. Training is elsewhere
(`ipa_gym/training/`), and nothing here needs torch. Next: `networks.py`, `trained_file.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import CardError, IpaGymError, OptionError, unknown_name
from ipa_gym.policies.base import ActionArray, ObservationArray, Setting
from ipa_gym.policies.load_margins import LoadMargins
from ipa_gym.policies.networks import Network
from ipa_gym.policies.parameters import Parameter
from ipa_gym.policies.trained_file import TrainedFile, read_trained

PIPELINE = "{pipeline}"  # in a path of weights: the pipeline's name
Floats = NDArray[np.float64]


class Head(Protocol):
    """Turns outputs into actions."""

    n_outputs: int

    def act_many(self, observations: NDArray[np.float32], outputs: Floats) -> NDArray[np.int64]:
        """Actions int64 (n, 3 · n_stages) of outputs (n, n_outputs)."""
        ...


class Choices:
    """The likeliest value of each number of the action, of those that may ever pay.

    Args:
        nvec: sizes of the action's numbers.
        mask: bool (sum of nvec,), which values are allowed; None: all.
    """

    def __init__(self, nvec: NDArray[np.int64], mask: NDArray[np.bool_] | None = None) -> None:
        self.n_outputs = int(nvec.sum())
        ends = np.cumsum(nvec)
        self._slices = [slice(end - size, end) for end, size in zip(ends.tolist(), nvec.tolist(), strict=True)]
        self._barred = None if mask is None else ~mask
        if mask is not None and (mask.shape != (self.n_outputs,) or not all(mask[part].any() for part in self._slices)):
            raise OptionError(f"mask has the shape {mask.shape}; expected ({self.n_outputs},), a value for each number")

    def act_many(self, observations: NDArray[np.float32], outputs: Floats) -> NDArray[np.int64]:
        """See `Head`."""
        scores = outputs if self._barred is None else np.where(self._barred, -np.inf, outputs)
        return np.stack([scores[:, part].argmax(axis=1) for part in self._slices], axis=1).astype(np.int64)


class Configurations:
    """The configuration of highest value, of a table.

    Args:
        table: int64 (n, 3 · n_stages), actions.
        n_quantiles: outputs for each of them, whose mean is its value (QR-DQN); laid out (n_quantiles, n).
    """

    def __init__(self, table: NDArray[np.int64], n_quantiles: int = 1) -> None:
        self._table, self._n_quantiles = table, n_quantiles
        self.n_outputs = len(table) * n_quantiles

    def act_many(self, observations: NDArray[np.float32], outputs: Floats) -> NDArray[np.int64]:
        """See `Head`."""
        values = outputs.reshape(len(outputs), self._n_quantiles, len(self._table)).mean(axis=1)
        chosen: NDArray[np.int64] = self._table[values.argmax(axis=1)]
        return chosen


def _choices(trained: TrainedFile, setting: Setting) -> Head:
    mask = trained.arrays.get("mask")
    return Choices(setting.actions.nvec, None if mask is None else mask.astype(bool))


def _configurations(trained: TrainedFile, setting: Setting) -> Head:
    table = trained.arrays.get("table")
    if table is None or table.ndim != 2 or not len(table):
        raise OptionError("head.table is missing or no table; expected the configurations, one action a row")
    for row in table:
        setting.actions.decode(row)  # whoever made the file: only legal actions
    n_quantiles = trained.head.get("n_quantiles", 1)
    if not isinstance(n_quantiles, int) or isinstance(n_quantiles, bool) or n_quantiles < 1:
        raise OptionError(f"head.n_quantiles is {n_quantiles!r}; expected a whole number of at least 1")
    return Configurations(table.astype(np.int64), n_quantiles)


def _margins(trained: TrainedFile, setting: Setting) -> Head:
    span = trained.head.get("span")
    if not isinstance(span, int | float):
        raise OptionError(f"head.span is {span!r}; expected a number above 1")
    return LoadMargins(setting, span=float(span))


HEADS: Mapping[str, Callable[[TrainedFile, Setting], Head]] = {
    "choices": _choices,
    "configurations": _configurations,
    "margins": _margins,
}


class LearnedPolicy:
    """A trained agent; decides as its network says, without exploring.

    Rule: outputs of the network for the observation; the head makes an action of them: the likeliest value of each
    number (``choices``), the configuration of highest value (``configurations``), or IPA's optimiser for the loads that
    they correct (``margins``).
    Agents: ``trained`` (the best shipped one of each pipeline), and whatever ``ipa-gym train`` writes.
    Source: ours; what was learned by which algorithm stands in the file's provenance.
    """

    PARAMETERS: Mapping[str, Parameter] = {
        "weights": Parameter(
            "",
            f"the path of a .safetensors file; {PIPELINE} in it stands for the pipeline's name",
            "weights of the trained agent, beside the card",
            lambda value: isinstance(value, str) and (not value or value.endswith(".safetensors")),  # empty: missing
        ),
    }

    def __init__(self, setting: Setting, *, weights: str = "") -> None:
        if not weights:
            raise OptionError("parameters.weights is missing; expected the path of a .safetensors file")
        path = Path(weights.replace(PIPELINE, setting.pipeline.name))
        if not path.is_file() and PIPELINE in weights:
            raise OptionError(
                f"no agent was trained for pipeline {setting.pipeline.name}: there is no file {path.name}"
            )
        trained = read_trained(path)
        try:
            self._take(trained, setting)
        except IpaGymError as error:
            raise CardError(f"{path}: {error}") from error

    @classmethod
    def of(cls, trained: TrainedFile, setting: Setting) -> LearnedPolicy:
        """The policy of an agent that is in memory. Raises: OptionError or UnknownNameError."""
        policy = cls.__new__(cls)
        policy._take(trained, setting)
        return policy

    def _take(self, trained: TrainedFile, setting: Setting) -> None:
        trained.check_setting(setting)
        self._network = Network(trained.layers, trained.weights, n_inputs=setting.layout.size)
        self._head = _make_head(trained, setting)
        if self._head.n_outputs != self._network.n_outputs:
            raise OptionError(f"the network has {self._network.n_outputs} outputs; expected {self._head.n_outputs}")
        self._size = setting.layout.size
        self.diagnostics: Mapping[str, object] = {}

    def reset(self) -> None:
        """Forget the episode."""
        self._network.reset()
        self.diagnostics = {}

    def act(self, observation: ObservationArray) -> ActionArray:
        """See `Policy.act`."""
        action: ActionArray = self.act_many(np.asarray(observation).reshape(1, -1))[0]
        return action

    def act_many(self, observations: NDArray[np.float32]) -> NDArray[np.int64]:
        """Decide for many environments whose episodes began with the same `reset`.

        Args:
            observations: float32 (n, layout.size).
        Returns: int64 (n, 3 · n_stages).
        Raises: OptionError if they have another shape.
        """
        seen = np.asarray(observations)
        if seen.ndim != 2 or seen.shape[1] != self._size:
            raise OptionError(f"observation has shape {seen.shape[1:]}; expected ({self._size},)")
        return self._head.act_many(seen, self._network(seen))


def _make_head(trained: TrainedFile, setting: Setting) -> Head:
    kind = trained.head.get("kind")
    if not isinstance(kind, str) or kind not in HEADS:
        raise unknown_name("head", str(kind), HEADS)
    return HEADS[kind](trained, setting)
