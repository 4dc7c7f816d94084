"""`TuningSettings`: what a search of hyperparameters is asked for, and where its folder lies.

Nothing here loads torch or Optuna. Next: `space.py`, `search.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.errors import OptionError
from ipa_gym.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """One search: an agent on a pipeline.

    Raises: OptionError naming the field that is out of its range.
    """

    env: str = "video"  # name or path of a pipeline card
    agent: str = "ppo"  # name or path of a trainable agent's card
    trials: int = 30  # in all, those of a search that goes on included
    steps: int | None = None  # decisions of a training run; None: the agent card's
    seeds: tuple[int, ...] = (0,)  # of training; a trial's value is the mean over them
    trace: str = "twitter-like"
    forecast: str | None = None  # None: the agent card's, else the pipeline card's
    space: str | None = None  # path of a file of ranges; None: the one that ships for the agent's algorithm
    eval_windows: int = 32  # validation windows that an evaluation plays
    prune: bool = True  # break off trials that are worse than half of the finished ones were at that point
    seed: int = 0  # of the proposals
    out: Path = Path("tuning")

    def __post_init__(self) -> None:
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise OptionError(f"{name} is {value!r}; expected a whole number of at least {lowest}")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise OptionError(f"seeds is {list(self.seeds)}; expected at least one from 0, and none twice")

    @property
    def folder(self) -> Path:
        """The folder of the search: ``out/ENV/AGENT``."""
        return self.out / Path(self.env).stem / Path(self.agent).stem

    def training(self) -> TrainingSettings:
        """A training run of the search, without a trial's values."""
        return TrainingSettings(
            env=self.env,
            agent=self.agent,
            steps=self.steps,
            trace=self.trace,
            forecast=self.forecast,
            eval_windows=self.eval_windows,
            tensorboard=False,
        )


_LOWEST: Mapping[str, int] = {"trials": 1, "steps": 1, "eval_windows": 1, "seed": 0}  # the least that it may be
