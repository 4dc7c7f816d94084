"""The shipped traces beside the real load that they stand for: the tables and pictures of docs/traces.md.

Needs the real Twitter counts; prints the two tables as Markdown and writes docs/figures/traces/*-comparison.png, in
which no count of the real load can be read off:

    python benchmarks/trace_comparison.py [--counts FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import DATA, LOADS, ROOT
from ipa_gym.workload.card import StatisticPair
from ipa_gym.workload.comparison import Comparison, compare
from ipa_gym.workload.figures import comparison_figure

LONG = "twitter-like"
DRAWN = (LONG, "bursty")
PICTURES = ROOT / "docs" / "figures" / "traces"


def tables(found: Mapping[str, Comparison]) -> Iterator[str]:
    """The figures that every trace has, a column a trace; then those of the long one alone."""
    shared = [name for name in found["bursty"].statistics if all(name in one.statistics for one in found.values())]
    yield f"| figure | {' | '.join(found)} |"
    yield f"|{'---|' * (len(found) + 1)}"
    for name in shared:
        yield f"| {name} | {' | '.join(both(one.statistics[name]) for one in found.values())} |"
    yield ""
    yield f"| {LONG} | trace | real |"
    yield "|---|---|---|"
    for name, pair in found[LONG].statistics.items():
        if name not in shared and not isinstance(pair.trace, Sequence):
            yield f"| {name} | {shown(pair.trace)} | {shown(pair.real)} |"


def both(pair: StatisticPair) -> str:
    """Trace / real."""
    return f"{shown(pair.trace)} / {shown(pair.real)}"


def shown(value: object) -> str:
    """A number as the cards have it, thousands apart."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main() -> int:
    """Print the tables and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=Path, default=DATA / "twitter_rps.npz", help="the real per-second counts")
    counts = parser.parse_args().counts
    if not counts.is_file():
        print(f"{counts}: no such file (--counts); nothing to compare with", file=sys.stderr)
        return 1
    found = {name: compare(name, counts) for name in (*LOADS, LONG)}
    print("\n".join(tables(found)))
    for name in DRAWN:
        PICTURES.mkdir(parents=True, exist_ok=True)
        comparison_figure(found[name]).savefig(PICTURES / f"{name}-comparison.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
