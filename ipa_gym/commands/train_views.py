"""The table at the end of training: the agent and what it is measured against. Formats; computes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ipa_gym.evaluation.results import METRICS

if TYPE_CHECKING:
    from rich.console import Group

    from ipa_gym.evaluation import Estimate
    from ipa_gym.training.held_out import HeldOut

COLUMNS = (
    "reward_mean",
    "violations_percent",
    "drops_percent",
    "latency_p99_s",
    "cost_cores",
    "pas",
    "reconfigurations",
)


def held_out_table(held_out: HeldOut) -> Group:
    """Mean metrics of each, and how much more reward the agent has, paired by window."""
    from ipa_gym.commands.views import plain_table, titled

    found = held_out.evaluation
    shown = [metric for metric in METRICS if metric.name in COLUMNS]
    headers = ["reward", "agent minus this", "95 % interval", *(metric.header for metric in shown[1:])]
    table = plain_table([("agent", False), *((header, True) for header in headers)])
    more = {comparison.baseline: comparison.metric("reward_mean").difference for comparison in found.comparisons}
    for played in found.played:
        cells = [f"{metric.factor * played.table(metric.name).mean():.{metric.digits}f}" for metric in shown]
        table.add_row(played.name, cells[0], *_difference(more.get(played.name)), *cells[1:])
    windows = found.played[0].results[0].n_windows
    return titled(f"{held_out.pipeline} under {held_out.trace}, means over {windows} {held_out.split} windows", table)


def _difference(difference: Estimate | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    if math.isnan(difference.low):
        return f"{difference.mean:+.2f}", "–"
    return f"{difference.mean:+.2f}", f"{difference.low:+.2f} to {difference.high:+.2f}"
