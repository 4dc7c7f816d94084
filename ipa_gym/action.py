"""The action space: encodes a `Configuration` as an action, decodes an action, and says which choices can never pay.

``MultiDiscrete([V_1, B_1, N_1, ..., V_S, B_S, N_S])``: index of variant, index of batch size, replicas − 1.
Any action is legal. Nothing here simulates. Next: `observation.py`, `env.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Configuration, Pipeline, Stage, StageConfiguration, Variant


class ActionLayout:
    """Order and ranges of the action's numbers for one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.batch_sizes = pipeline.batch_sizes
        self.nvec: NDArray[np.int64] = np.array(
            [
                size
                for stage in pipeline.stages
                for size in (len(stage.variants), len(self.batch_sizes), pipeline.replica_cap)
            ],
            dtype=np.int64,
        )
        self._sizes: list[int] = self.nvec.tolist()

    def space(self) -> spaces.MultiDiscrete:
        """The Gymnasium space of actions, shape (3 · n_stages,)."""
        return spaces.MultiDiscrete(self.nvec)

    def decode(self, action: Any) -> Configuration:
        """Turn an action, integers of shape (3 · n_stages,), into a `Configuration`.

        Raises: OptionError naming the shape or the first number outside its range.
        """
        values = np.asarray(action)
        if values.shape != self.nvec.shape or not np.issubdtype(values.dtype, np.integer):
            raise OptionError(
                f"action has shape {values.shape} and type {values.dtype}; "
                f"expected {self.nvec.shape[0]} integers (variant, batch, replicas - 1 of each stage)"
            )
        numbers = values.tolist()
        for index, (value, size) in enumerate(zip(numbers, self._sizes, strict=True)):
            if not 0 <= value < size:
                part = ("variant", "batch", "replicas")[index % 3]
                raise OptionError(
                    f"action[{index}] ({part} of stage {index // 3 + 1}) is {value}; expected 0 to {size - 1}"
                )
        return Configuration(
            tuple(
                StageConfiguration(numbers[i], self.batch_sizes[numbers[i + 1]], numbers[i + 2] + 1)
                for i in range(0, len(numbers), 3)
            )
        )

    def checked(self, action: Any) -> NDArray[np.int64]:
        """An action as a fresh int64 (3 · n_stages,) of its own.

        Raises: OptionError as `decode` does.
        """
        values = np.asarray(action)
        legal = values.shape == self.nvec.shape and values.dtype.kind in "iu"
        if not legal or not all(0 <= value < size for value, size in zip(values.tolist(), self._sizes, strict=True)):
            self.decode(values)
        return values.astype(np.int64)

    def encode(self, configuration: Configuration) -> NDArray[np.int64]:
        """Turn a `Configuration` into an action, int64 (3 · n_stages,).

        Raises: OptionError if a number is outside the action space.
        """
        if len(configuration.stages) != len(self.pipeline.stages):
            raise OptionError(
                f"configuration has {len(configuration.stages)} stages; expected {len(self.pipeline.stages)}"
            )
        numbers: list[int] = []
        for choice in configuration.stages:
            if choice.batch not in self.batch_sizes:
                raise OptionError(f"configuration's batch is {choice.batch}; expected one of {self.batch_sizes}")
            numbers += [choice.variant, self.batch_sizes.index(choice.batch), choice.replicas - 1]
        action = np.array(numbers, dtype=np.int64)
        self.decode(action)
        return action

    def encode_many(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn the optimiser's decisions into actions; what is outside the action space is not looked for.

        Args:
            chosen: int64 (n, n_stages, 3), variant index, batch in requests (one of the batch sizes), replicas.
        Returns: int64 (n, 3 · n_stages).
        """
        actions = chosen.copy()
        actions[:, :, 1] = np.searchsorted(self.batch_sizes, actions[:, :, 1])
        actions[:, :, 2] -= 1
        return actions.reshape(len(actions), -1)

    def masks(self, peak_rps: float, interval_s: float) -> tuple[NDArray[np.bool_], ...]:
        """For each number of the action, which values may ever pay (True); any action stays legal.

        Ruled out are variants that another of the stage dominates (no less accurate, no more cores, no slower at any
        batch size, starting no later, and better in one of these); batch sizes that raise no kept variant's throughput
        over all smaller ones; and replicas beyond those with which the slowest kept variant, one request at a time,
        serves within one interval both an interval of peak load and the longest queue that the drop limit lets wait.

        Args:
            peak_rps: highest per-second count of the load.
            interval_s: seconds between decisions.
        Returns: bool arrays of the sizes in ``nvec``.
        """
        masks: list[NDArray[np.bool_]] = []
        for stage in self.pipeline.stages:
            keep = _undominated(stage, self.batch_sizes)
            kept = [variant for variant, kept_here in zip(stage.variants, keep, strict=True) if kept_here]
            masks += [
                np.array(keep),
                np.array([_batch_pays(kept, batch, self.batch_sizes) for batch in self.batch_sizes]),
                np.arange(1, self.pipeline.replica_cap + 1) <= self._most_replicas(kept, peak_rps, interval_s),
            ]
        return tuple(masks)

    def _most_replicas(self, variants: list[Variant], peak_rps: float, interval_s: float) -> int:
        slowest_s = max(variant.latency_s[0] for variant in variants)
        requests = max(peak_rps, 1.0) * (interval_s + self.pipeline.drop_after_s)
        needed = requests * slowest_s / interval_s  # infinite where nothing is ever dropped
        return max(1, math.ceil(min(needed, float(self.pipeline.replica_cap))))


def _undominated(stage: Stage, batch_sizes: tuple[int, ...]) -> list[bool]:
    merits = [
        (v.accuracy, -v.cores, -v.startup_s, *(-v.batch_latency_s(batch) for batch in batch_sizes))
        for v in stage.variants
    ]
    return [
        not any(other != own and all(o >= m for o, m in zip(other, own, strict=True)) for other in merits)
        for own in merits
    ]


def _batch_pays(variants: list[Variant], batch: int, batch_sizes: tuple[int, ...]) -> bool:
    smaller = [size for size in batch_sizes if size < batch]
    return any(all(v.throughput_rps(batch) > v.throughput_rps(size) for size in smaller) for v in variants)
