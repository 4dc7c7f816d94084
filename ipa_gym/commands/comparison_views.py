"""Tables and lines about agents on held-out windows. Formats; computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipa_gym.evaluation.results import METRICS, Metric

if TYPE_CHECKING:
    from rich.console import Group

    from ipa_gym.evaluation import Comparison, Estimate


@dataclass(frozen=True, slots=True)
class Scene:
    """What was played."""

    pipeline: str
    trace: str
    split: str
    n_windows: int
    episode_s: int

    def __str__(self) -> str:
        windows = "window" if self.n_windows == 1 else "windows"
        return f"{self.pipeline} under {self.trace}, {self.n_windows} {windows} of {self.episode_s} s of {self.split}"


def comparison_table(comparison: Comparison, scene: Scene) -> Group:
    """Each metric of two agents, their difference, and its interval."""
    from ipa_gym.commands.views import plain_table, titled

    numbers = (comparison.candidate, comparison.baseline, "difference", "95 % interval")
    table = plain_table([("metric", False), *((name, True) for name in numbers)])
    for metric in METRICS:
        found = comparison.metric(metric.name)
        table.add_row(
            metric.header,
            _number(found.candidate.mean, metric),
            _number(found.baseline.mean, metric),
            _number(found.difference.mean, metric, sign="+"),
            _interval(found.difference, metric, sign="+"),
        )
    return titled(f"{comparison.candidate} against {comparison.baseline}: {scene}", table)


def agents_table(agents: Mapping[str, Mapping[str, Estimate]], scene: Scene) -> Group:
    """Each metric of agents that are compared with nothing: the mean and its interval."""
    from ipa_gym.commands.views import plain_table, titled

    table = plain_table([("metric", False), *((name, True) for name in agents)])
    for metric in METRICS:
        estimates = [found[metric.name] for found in agents.values()]
        table.add_row(metric.header, *(f"{_number(e.mean, metric)} {_interval(e, metric)}" for e in estimates))
    return titled(f"{scene}: mean [95 % interval]", table)


def verdict_line(comparison: Comparison) -> str:
    """``ppo against ipa: better: reward +0.42 [+0.31, +0.55] ...``, and whether the SLA is kept."""
    reward = comparison.metric("reward_mean").difference
    shown = f"{_number(reward.mean, METRICS[0], sign='+')} {_interval(reward, METRICS[0], sign='+')}"
    seeds = f" and {comparison.n_agents} training seeds" if comparison.n_agents > 1 else ""
    violations = comparison.metric("violations_percent").candidate.mean
    kept = "kept" if comparison.violations_limit_kept else "not kept"
    return (
        f"{comparison.candidate} against {comparison.baseline}: {comparison.verdict}: reward {shown} an interval, over "
        f"{comparison.n_windows} windows{seeds}; SLA violations {violations:.2f} %, limit "
        f"{comparison.violations_limit_percent:.2f} %: {kept}"
    )


def _number(value: float, metric: Metric, *, sign: str = "") -> str:
    if math.isnan(value):
        return "–"
    rounded = round(metric.factor * value, metric.digits) + 0.0  # no "-0.00"
    return f"{rounded:{sign}.{metric.digits}f}"


def _interval(estimate: Estimate, metric: Metric, *, sign: str = "") -> str:
    """``[low, high]``, or a dash where one window and one agent give none."""
    if math.isnan(estimate.low):
        return "–"
    return f"[{_number(estimate.low, metric, sign=sign)}, {_number(estimate.high, metric, sign=sign)}]"
