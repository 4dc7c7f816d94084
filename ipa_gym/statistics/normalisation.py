"""One scale for tasks whose rewards cannot be compared: 0 is a policy that does not try, 1 one that is good."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipa_gym.errors import OptionError


@dataclass(frozen=True, slots=True)
class Scale:
    """The rewards that have score 0 and score 1."""

    zero: float
    one: float

    def __post_init__(self) -> None:
        span = self.one - self.zero
        if not math.isfinite(span) or span <= 1e-12 * max(abs(self.zero), abs(self.one)):
            raise OptionError(f"scale: 0 is {self.zero:g}, 1 is {self.one:g}; expected finite numbers, 1 above 0")

    def score(self, rewards: ArrayLike) -> NDArray[np.float64]:
        """(reward − zero) / (one − zero), of any shape; may lie below 0 and above 1."""
        scores: NDArray[np.float64] = (np.asarray(rewards, dtype=np.float64) - self.zero) / (self.one - self.zero)
        return scores
