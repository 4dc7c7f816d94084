"""How much episodes of one seed have in common: correlations of rewards over seeds, between loads and pipelines.

``python -m benchmarks.shared_traffic`` prints what docs/statistics.md quotes; it takes a minute on one core.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from numpy.typing import NDArray

from ipa_gym.benchmark.settings import DEFAULT_TRACES
from ipa_gym.env import PipelineEnv
from ipa_gym.policies import load_agent_card, make_policy

PIPELINES = ("video", "sum-qa")
AGENTS = ("ipa-exact", "fa2-low", "hpa")
Task = tuple[str, str]  # (pipeline, trace)


def rewards(task: Task, agent: str, n_seeds: int) -> NDArray[np.float64]:
    """Mean reward of one agent's episodes (n_seeds,)."""
    card = load_agent_card(agent)
    env = PipelineEnv(task[0], task[1], forecast=card.forecast)
    policy, found = make_policy(card, env), np.empty(n_seeds)
    for seed in range(n_seeds):
        observation, _ = env.reset(seed=seed)
        policy.reset()
        truncated = False
        while not truncated:
            observation, _, _, truncated, _ = env.step(policy.act(observation))
        found[seed] = np.mean([row.reward for row in env.rows])
    return found


def correlations(values: dict[Task, NDArray[np.float64]]) -> dict[str, list[float]]:
    """Of each pair of tasks, by what the two have in common."""
    found: dict[str, list[float]] = {"load": [], "pipeline": [], "neither": []}
    for (ours, x), (theirs, y) in itertools.combinations(values.items(), 2):
        kind = "load" if ours[1] == theirs[1] else "pipeline" if ours[0] == theirs[0] else "neither"
        found[kind].append(float(np.corrcoef(x, y)[0, 1]))
    return found


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    n_seeds = parser.parse_args().seeds
    tasks = list(itertools.product(PIPELINES, DEFAULT_TRACES))
    played = {agent: {task: rewards(task, agent, n_seeds) for task in tasks} for agent in AGENTS}
    base = played[AGENTS[0]]
    tables = {f"reward of {AGENTS[0]}": base}
    for agent in AGENTS[1:]:
        tables[f"{agent} minus {AGENTS[0]}"] = {task: played[agent][task] - base[task] for task in tasks}
    where = f"{' and '.join(PIPELINES)}, {', '.join(DEFAULT_TRACES)}"
    print(f"{n_seeds} seeds, {where}: mean correlation of two episodes of one seed")
    for name, values in tables.items():
        found = correlations(values)
        every = [value for part in found.values() for value in part]
        means = ", ".join(f"same {kind} {np.mean(found[kind]):+.2f}" for kind in ("load", "pipeline"))
        print(f"{name}: {means}, neither {np.mean(found['neither']):+.2f};", end=" ")
        print(f"all {np.mean(every):+.2f}, largest {max(every):+.2f}")


if __name__ == "__main__":
    main()
