"""What a forecast is worth to IPA: the exact planner on validation days, with each forecast, on all five pipelines.

Prints the table of docs/forecasting.md. Every forecast meets the same windows and the same arrivals. Test days are not
touched: python benchmarks/forecasts.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import ipa_gym
from ipa_gym import catalog
from ipa_gym.forecast import FORECASTS
from ipa_gym.vector_env import PipelineVectorEnv
from ipa_gym.workload import load_trace
from ipa_gym.workload.trace import Trace
from ipa_gym.workload.validation import with_validation

N_WINDOWS = 64
COMPARED_WITH = "reactive"
HEADER = (
    "| pipeline | forecast | reward | against reactive | violations % | cores | PAS | switches % |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Played:
    """A pipeline's windows under one forecast."""

    reward: NDArray[np.float64]  # (N_WINDOWS,), mean of a window's intervals
    violations_percent: float  # of all requests
    cost_cores: float
    pas_percent: float
    switches_percent: float  # of decisions: another variant in some stage than the one before


def main() -> None:
    print(*HEADER, sep="\n")
    for pipeline in catalog.names("envs"):
        print(*table(pipeline), sep="\n", flush=True)


def table(pipeline: str) -> list[str]:
    """The table's lines of a pipeline."""
    trace = with_validation(load_trace("twitter-like"))
    return list(rows(pipeline, {name: play(pipeline, name, trace) for name in FORECASTS}))


def play(pipeline: str, forecast: str, trace: Trace) -> Played:
    """Play all windows of a pipeline at once."""
    envs = PipelineVectorEnv(
        N_WINDOWS, pipeline, trace, split="validation", forecast=forecast, autoreset_mode="Disabled"
    )
    policy = ipa_gym.make_policy("ipa-exact", envs)
    observations, _ = envs.reset(seed=0)
    sums = {name: np.zeros(N_WINDOWS) for name in ("reward", "violations", "arrivals", "cost_cores", "pas")}
    variants = []
    for _ in range(envs.n_intervals):
        actions = policy.act_many(observations)
        observations, rewards, _, _, infos = envs.step(actions)
        variants.append(actions[:, ::3])
        for name, total in sums.items():
            total += rewards if name == "reward" else infos[name]
    return Played(
        reward=sums["reward"] / envs.n_intervals,
        violations_percent=100 * sums["violations"].sum() / sums["arrivals"].sum(),
        cost_cores=sums["cost_cores"].mean() / envs.n_intervals,
        pas_percent=100 * sums["pas"].mean() / envs.n_intervals,
        switches_percent=100 * float((np.diff(variants, axis=0) != 0).any(axis=2).mean()),
    )


def rows(pipeline: str, played: dict[str, Played]) -> Iterator[str]:
    """A line a forecast; the difference in reward is paired by window, with its 95 % interval."""
    for name, found in played.items():
        difference = found.reward - played[COMPARED_WITH].reward
        half_width = 1.96 * difference.std(ddof=1) / np.sqrt(N_WINDOWS)
        against = "" if name == COMPARED_WITH else f"{difference.mean():+.2f} ± {half_width:.2f}"
        yield (
            f"| {pipeline if name == COMPARED_WITH else ''} | `{name}` | {found.reward.mean():.2f} | {against} "
            f"| {found.violations_percent:.3f} | {found.cost_cores:.2f} | {found.pas_percent:.1f} "
            f"| {found.switches_percent:.1f} |"
        )


if __name__ == "__main__":
    main()
