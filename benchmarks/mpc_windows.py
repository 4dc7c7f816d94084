"""`mpc` on held-out windows, beside IPA and the trained agents: the table of docs/policies.md.

Twenty windows of the test days of `twitter-like` a pipeline, everyone on the same arrivals, differences paired by
window; what ``ipa-gym evaluate --agent mpc --against ipa-exact,trained --windows 20`` does. Prints Markdown:

    python benchmarks/mpc_windows.py [--windows 20]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import PIPELINES
from ipa_gym.evaluation import evaluate, evaluation_starts, load_groups
from ipa_gym.settings import env_settings
from ipa_gym.statistics import Estimate
from ipa_gym.workload.loading import load_trace

AGENT, BASELINES = "mpc", ("ipa-exact", "trained")
TRACE, SPLIT, EPISODE_S = "twitter-like", "test", 1200
HEADER = """| pipeline | mpc | against ipa-exact | against trained | violations % |
|---|---:|---|---|---|"""


def row(pipeline: str, *, n_windows: int) -> str:
    """The line of one pipeline: mean reward, differences with their 95 % intervals, violations of all three."""
    trace = load_trace(TRACE)
    found = evaluate(
        env_settings(pipeline, trace, split=SPLIT, episode_s=EPISODE_S),
        evaluation_starts(trace, SPLIT, n_windows, EPISODE_S),
        candidates=load_groups([AGENT]),
        baselines=load_groups(BASELINES),
    )
    rewards = [comparison.metric("reward_mean") for comparison in found.comparisons]
    violations = [float(played.table("violations_percent").mean()) for played in found.played]
    differences = " | ".join(interval(reward.difference) for reward in rewards)
    shown = ", ".join(f"{percent:.2f}" for percent in violations)
    return f"| `{pipeline}` | {rewards[0].candidate.mean:.2f} | {differences} | {shown} |"


def interval(difference: Estimate) -> str:
    """A difference and its interval."""
    return f"{difference.mean:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})"


def lines(n_windows: int) -> Iterator[str]:
    """The table, a process a pipeline."""
    yield HEADER
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(row, n_windows=n_windows), PIPELINES)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=20, help="of each pipeline")
    for line in lines(parser.parse_args().windows):
        print(line, flush=True)


if __name__ == "__main__":
    main()
