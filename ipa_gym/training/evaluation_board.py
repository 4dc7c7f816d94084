"""What TensorBoard shows of evaluations: curves beside flat reference lines in one chart, hyperparameters, a picture.

Tags: ``eval/METRIC`` for the agent and ``reference/AGENT/METRIC`` for those that it is measured against, drawn together
under CUSTOM SCALARS. Nothing here plays, averages or draws. Next: `evaluation_curve.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from ipa_gym.training.evaluation_curve import Evaluation

CATEGORY = "the agent (eval) against reference agents, on the same validation windows"
TITLES: Mapping[str, str] = {  # metric -> title of its chart, in the order of the page
    "reward": "reward per interval",
    "violations_percent": "SLA violations (% of requests)",
    "cost_cores": "cost (cores)",
    "pas_percent": "PAS (%)",
    "drops_percent": "drops (% of requests)",
    "latency_p99_s": "p99 latency of a window (s)",
    "reconfigurations": "decisions that change something, a window",
}
PICTURE = "eval/episode"
BEST = "best_reward"
References = Mapping[str, Mapping[str, float]]  # agent -> metric -> mean


def add_layout(board: SummaryWriter, metrics: Iterable[str]) -> None:
    """Say which curves share a chart: for each metric the agent's and all reference agents'."""
    found = set(metrics)
    names = [name for name in TITLES if name in found] + sorted(found - set(TITLES))
    charts = {TITLES.get(name, name): ["Multiline", _tags(name)] for name in names}
    board.add_custom_scalars({CATEGORY: charts})


def _tags(name: str) -> list[str]:
    """Patterns of the tags of a metric's chart; TensorBoard compares them from the start of a tag."""
    return [f"^eval/{re.escape(name)}$", f"^reference/[^/]+/{re.escape(name)}$"]


def add_hyperparameters(board: SummaryWriter, values: Mapping[str, object], metrics: Iterable[str]) -> None:
    """Fill in the HPARAMS page: the values, and which curves' newest points stand beside them.

    Args:
        values: name -> number, text, or anything that is shown as JSON.
        metrics: of the evaluations.
    """
    shown = {name: _plain(value) for name, value in values.items() if value is not None}
    columns = dict.fromkeys([f"eval/{BEST}", *(f"eval/{name}" for name in metrics)], 0.0)
    for summary in hparams(shown, columns):  # type: ignore[no-untyped-call]  # torch's
        board._get_file_writer().add_summary(summary)  # type: ignore[no-untyped-call]  # as above


def _plain(value: object) -> float | str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def add_evaluation(board: SummaryWriter, row: Evaluation, *, best_reward: float, references: References) -> None:
    """Write an evaluation's curves, and as long a piece of the reference lines."""
    points = {f"eval/{name}": value for name, value in {**row.metrics, BEST: best_reward}.items()}
    points |= {
        f"reference/{agent}/{name}": value
        for agent, metrics in references.items()
        for name, value in metrics.items()
        if name in row.metrics
    }
    for tag, value in points.items():
        board.add_scalar(tag, value, row.steps)


def add_picture(board: SummaryWriter, picture: NDArray[np.uint8], steps: int) -> None:
    """Write a picture, uint8 (height, width, 3)."""
    board.add_image(PICTURE, picture, steps, dataformats="HWC")
