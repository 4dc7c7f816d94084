"""How far policies are from the oracle, and the oracle from the bound: the tables and the figure of docs/hindsight.md.

``python benchmarks/hindsight.py`` (some ten minutes of two processors; ``--quick`` takes one and writes nothing).
Plays every agent on the four loads and on held-out windows of `twitter-like`, one seed. Next: `hindsight_tables.py`,
`hindsight_figure.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from ipa_gym.evaluation import evaluation_starts, play_agent
from ipa_gym.hindsight.bound import reward_bound
from ipa_gym.hindsight.oracle import Effort, search_plan
from ipa_gym.policies import load_agent_card
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.workload.loading import load_trace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.hindsight_figure import gap_figure
from benchmarks.hindsight_tables import report
from benchmarks.published_runs import ROOT

PAGE, FIGURE = ROOT / "docs" / "hindsight.md", ROOT / "docs" / "figures" / "hindsight.png"
BEGIN, END = "<!-- begin: printed by `python benchmarks/hindsight.py` -->", "<!-- end -->"
PIPELINES = ("video", "audio-qa", "audio-sent", "sum-qa", "nlp")
LOADS = ("bursty", "steady-low", "steady-high", "fluctuating")
AGENTS = ("oracle", "mpc", "trained", "ipa-perfect", "ipa-exact", "fa2-low", "best-static", "random")
HELD_OUT, N_WINDOWS = "twitter-like", 2
BOUND = "bound"
CONVERGENCE_LOAD = "bursty"
EFFORTS = {  # what the convergence table shows
    **{f"{passes} passes": Effort(passes=passes) for passes in (0, 1, 2, 4)},
    "default: 6 passes, beam 24": Effort(),
    "12 passes": Effort(passes=12),
    "beam 12, 1 a phase": Effort(beam=12, per_configuration=1),
    "beam 48, 4 a phase": Effort(beam=48, per_configuration=4),
    "beam 96, 8 a phase": Effort(beam=96, per_configuration=8),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One episode."""

    pipeline: str
    trace: str
    start: int

    def settings(self) -> EnvSettings:
        """Of its environment."""
        split = "test" if self.trace == HELD_OUT else "all"
        return env_settings(self.pipeline, self.trace, split=split)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the block and the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--quick", action="store_true", help="video under two loads, nothing is written")
    asked = parser.parse_args(arguments)
    cases = _cases()
    chosen = [case for case in cases if case.pipeline == "video" and case.start == 0][:2] if asked.quick else cases
    searched = [case for case in chosen if case.trace == CONVERGENCE_LOAD]
    with ProcessPoolExecutor(asked.jobs) as pool:
        rows = [row for found in pool.map(measure, chosen) for row in found]
        efforts = [row for found in pool.map(measure_efforts, searched) for row in found]
    episodes = pl.DataFrame(rows)
    text = report(episodes, pl.DataFrame(efforts))
    print(text)
    if not asked.quick:
        write_block(text, begin=BEGIN, end=END, page=PAGE)
        gap_figure(episodes).savefig(FIGURE, dpi=110)


def measure(case: Case) -> list[dict[str, str | float]]:
    """A row an agent, and one for the bound."""
    settings, starts = case.settings(), np.array([case.start])
    name: dict[str, str | float] = {"pipeline": case.pipeline, "trace": case.trace, "start": float(case.start)}
    begun = process_time()
    bound = reward_bound(settings, start=case.start, seed=case.start)
    rows: list[dict[str, str | float]] = [{**name, "agent": BOUND, "reward": bound}]
    rows[0] |= {"violations_percent": float("nan"), "cpu_s": process_time() - begun}
    for agent in AGENTS:
        begun = process_time()
        found = play_agent(settings, load_agent_card(agent), starts)
        reward, violations = (float(found.metric(metric)[0]) for metric in ("reward_mean", "violations_percent"))
        rows.append({**name, "agent": agent, "reward": reward, "violations_percent": violations})
        rows[-1]["cpu_s"] = process_time() - begun
    return rows


def measure_efforts(case: Case) -> list[dict[str, str | float]]:
    """A row an effort: what the search finds, and what it takes."""
    rows: list[dict[str, str | float]] = []
    for name, effort in EFFORTS.items():
        begun = process_time()
        found = search_plan(case.settings(), case.start, case.start, effort)
        rows.append({"pipeline": case.pipeline, "effort": name, "reward": found.reward_mean})
        rows[-1] |= {"steps": float(found.n_steps), "cpu_s": process_time() - begun}
    return rows


def _cases() -> list[Case]:
    starts = evaluation_starts(load_trace(HELD_OUT), "test", N_WINDOWS, 1200).tolist()
    return [
        Case(pipeline, trace, start)
        for pipeline in PIPELINES
        for trace, start in [*((load, 0) for load in LOADS), *((HELD_OUT, start) for start in starts)]
    ]


if __name__ == "__main__":
    main()
