"""`Evaluation`: one point of a run's curve, and the ``evaluations.csv`` that holds them all.

The file is also what early stopping and `--resume` remember: which evaluation was best and how long ago that was
follows from its rows. Nothing here plays or logs. Next: `evaluation_callback.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ipa_gym.errors import OptionError
from ipa_gym.evaluation.results import WindowResults
from ipa_gym.files import write_frame

_FIELDS: Mapping[str, str] = {  # metric of the curve -> field of `WindowResults`
    "reward": "reward_mean",
    "pas_percent": "pas",
    "cost_cores": "cost_cores",
    "violations_percent": "violations_percent",
    "drops_percent": "drops_percent",
    "latency_p99_s": "latency_p99_s",
    "reconfigurations": "reconfigurations",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the agent did on the validation windows after so many steps."""

    steps: int  # decisions over all environments so far
    elapsed_s: float  # of training and evaluating so far, over all resumptions
    metrics: Mapping[str, float]  # means over the windows

    @property
    def reward(self) -> float:
        """Mean reward of an interval."""
        return self.metrics["reward"]


def mean_metrics(results: WindowResults) -> dict[str, float]:
    """Means over windows under the names of the curve; windows in which nothing completed have no latency."""
    values = {name: results.metric(field) for name, field in _FIELDS.items()}
    means = {name: float(np.nanmean(v)) if not np.isnan(v).all() else math.nan for name, v in values.items()}
    return {**means, "pas_percent": 100 * means["pas_percent"]}


def merit(row: Evaluation, *, violations_limit_percent: float = math.inf, excess_penalty: float = 0.0) -> float:
    """What the best evaluation is chosen by: mean reward, less ``excess_penalty`` for each percent above the limit.

    Args: see `best_index`.
    """
    excess = row.metrics.get("violations_percent", 0.0) - violations_limit_percent
    return row.reward - (excess_penalty * excess if excess > 0 else 0.0)


def best_index(
    rows: Sequence[Evaluation], *, violations_limit_percent: float = math.inf, excess_penalty: float = 0.0
) -> int | None:
    """Number of the first row with the highest mean reward; None if there is none that is a number.

    Args:
        violations_limit_percent: SLA violations up to here count as the reward counts them.
        excess_penalty: reward that each percent above it costs besides.
    """
    found, highest = None, -math.inf
    for index, row in enumerate(rows):
        own = merit(row, violations_limit_percent=violations_limit_percent, excess_penalty=excess_penalty)
        if own == own and (found is None or own > highest):
            found, highest = index, own
    return found


def write_curve(rows: Sequence[Evaluation], path: Path) -> Path:
    """Write the rows as CSV: steps, elapsed_s, then the metrics."""
    import polars as pl

    table = [{"steps": row.steps, "elapsed_s": row.elapsed_s, **row.metrics} for row in rows]
    return write_frame(pl.DataFrame(table, infer_schema_length=None), path)


def read_curve(path: Path) -> list[Evaluation]:
    """Read what `write_curve` wrote; nothing if there is no such file.

    Raises: OptionError if the file is another one.
    """
    import polars as pl

    if not path.exists():
        return []
    table = pl.read_csv(path, infer_schema_length=None)
    missing = [name for name in ("steps", "elapsed_s", "reward") if name not in table.columns]
    if missing:
        raise OptionError(f"{path} has no column {missing[0]}; expected a curve of evaluations that training wrote")
    metrics = table.drop("steps", "elapsed_s").fill_null(math.nan).to_dicts()
    numbers = table.select("steps", "elapsed_s").rows()
    return [Evaluation(steps, elapsed_s, row) for (steps, elapsed_s), row in zip(numbers, metrics, strict=True)]
