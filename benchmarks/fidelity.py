"""IPA, FA2-low, FA2-high and RIM on the paper's own loads, beside its published costs and accuracies.

Run by `make fidelity`. Needs the real Twitter counts and, for the comparison, the published series; writes the
generated part of docs/fidelity.md and docs/figures/fidelity.csv. Neither file is read by the package itself.
Settings of single published runs come from the `paper` section of the cards.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ipa_gym.env import PipelineEnv
from ipa_gym.reproduction.blocks import write_block
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import (
    DATA,
    DOCS,
    LOADS,
    PIPELINES,
    POLICIES,
    ROOT,
    SCALE,
    play,
    published_setting,
)

TABLE = ROOT / "docs" / "figures" / "fidelity.csv"
BEGIN = "<!-- begin: printed by `make fidelity` -->"
Published = Mapping[str, Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]]  # pipeline, load, policy, what
COST_TOLERANCE, PAS_TOLERANCE, ORDER_TOLERANCE = 0.10, 0.05, 0.10


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: a policy on a pipeline under a load."""

    pipeline: str
    batch_cap: int
    load: str
    policy: str
    cost_cores: float  # mean over the 120 decisions
    pas: float  # mean, times 100


def run(pipeline: str, load: str, policy: str, *, trace: Trace, batch_cap: int | None) -> Cell:
    """One episode as the paper ran it: perfect forecast, no startup delay, the published run's settings."""
    setting = published_setting(pipeline, load, policy)
    planned = setting.pipeline
    env = PipelineEnv(
        planned,
        trace,
        windows=LOADS[load],
        arrivals="exact",
        forecast="perfect",
        startup_scale=0.0,
        batch_cap=batch_cap,
    )
    play(env, setting.make_policy(env), seed=0)
    decided = [row.decision for row in env.rows]
    return Cell(
        pipeline=pipeline,
        batch_cap=env.pipeline.batch_cap,
        load=load,
        policy=policy,
        cost_cores=sum(planned.cost_cores(d) for d in decided) / len(decided),
        pas=100 * sum(planned.pas([s.variant for s in d.stages]) for d in decided) / len(decided),
    )


def run_all(trace: Trace) -> pl.DataFrame:
    """All cells: five pipelines with batch cap 1, and video with its card's cap of 8 beside it."""
    plans = [(name, 1) for name in PIPELINES] + [("video", 8)]
    cells = [
        run(name, load, policy, trace=trace, batch_cap=cap)
        for name, cap in plans
        for load in LOADS
        for policy in POLICIES
    ]
    return pl.DataFrame(cells)


def with_published(cells: pl.DataFrame, published: Published) -> pl.DataFrame:
    """Put the published means beside the runs with batch cap 1, null where none are at hand."""
    rows = [
        {
            "pipeline": pipeline,
            "load": load.lower().replace(" ", "-"),
            "policy": policy,
            "batch_cap": 1,
            "published_cost_cores": values["cost"]["mean"],
            "published_pas": values["pas"]["mean"],
        }
        for pipeline, loads in published.items()
        for load, policies in loads.items()
        for policy, values in policies.items()
    ]
    keys = ["pipeline", "batch_cap", "load", "policy"]
    joined = cells.join(pl.DataFrame(rows), on=keys, how="left", maintain_order="left")
    return joined.with_columns(
        cost_error=pl.col("cost_cores") / pl.col("published_cost_cores") - 1,
        pas_error=pl.col("pas") / pl.col("published_pas") - 1,
    )


def order_faults(compared: pl.DataFrame) -> list[str]:
    """Pairs of policies whose published costs differ by over 10 % and whose order by cost is the other way here."""
    faults: list[str] = []
    for (pipeline, load), group in compared.group_by(["pipeline", "load"], maintain_order=True):
        rows = group.to_dicts()
        for a in rows:
            for b in rows:
                clear = a["published_cost_cores"] * (1 + ORDER_TOLERANCE) < b["published_cost_cores"]
                if clear and a["cost_cores"] >= b["cost_cores"]:
                    faults.append(f"{pipeline}, {load}: {a['policy']} is not cheaper than {b['policy']}")
    return faults


def headline(cells: pl.DataFrame) -> Iterable[str]:
    """The paper's headline: accuracy gained over the cheapest baseline, and the cost of it, per pipeline and load."""
    titles = ("pipeline", "load", "cheapest baseline", "its cost", "IPA's cost", "more cost", "its PAS", "IPA's PAS")
    yield "| " + " | ".join((*titles, "PAS gained", "under 5 % more cost")) + " |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    unbatched = cells.filter(pl.col("batch_cap") == 1)
    for (pipeline, load), group in unbatched.group_by(["pipeline", "load"], maintain_order=True):
        base = group.filter(pl.col("policy") != "IPA").sort("cost_cores").row(0, named=True)
        ipa = group.filter(pl.col("policy") == "IPA").row(0, named=True)
        more, gained = ipa["cost_cores"] / base["cost_cores"] - 1, ipa["pas"] / base["pas"] - 1
        yield (
            f"| {pipeline} | {load} | {base['policy']} "
            f"| {base['cost_cores']:.2f} | {ipa['cost_cores']:.2f} | {more:+.1%} "
            f"| {base['pas']:.2f} | {ipa['pas']:.2f} | {gained:+.1%} | {'yes' if more < 0.05 else 'no'} |"
        )


def comparison(compared: pl.DataFrame) -> Iterable[str]:
    """The side-by-side table of the cells with published figures."""
    yield "| pipeline | load | policy | cost | published | error | PAS | published | error |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in compared.to_dicts():
        cost_mark = "" if abs(row["cost_error"]) <= COST_TOLERANCE else " **miss**"
        pas_mark = "" if abs(row["pas_error"]) <= PAS_TOLERANCE else " **miss**"
        yield (
            f"| {row['pipeline']} | {row['load']} | {row['policy']} "
            f"| {row['cost_cores']:.2f} | {row['published_cost_cores']:.2f} | {row['cost_error']:+.1%}{cost_mark} "
            f"| {row['pas']:.2f} | {row['published_pas']:.2f} | {row['pas_error']:+.1%}{pas_mark} |"
        )


def plain(cells: pl.DataFrame) -> Iterable[str]:
    """Cost and PAS of every run."""
    yield "| pipeline | batch cap | load | " + " | ".join(f"{p} cost / PAS" for p in POLICIES) + " |"
    yield "|---|---|---|" + "---|" * len(POLICIES)
    for (name, cap, load), group in cells.group_by(["pipeline", "batch_cap", "load"], maintain_order=True):
        by = {row["policy"]: row for row in group.to_dicts()}
        figures = " | ".join(f"{by[p]['cost_cores']:.2f} / {by[p]['pas']:.2f}" for p in POLICIES)
        yield f"| {name} | {cap} | {load} | {figures} |"


def report(cells: pl.DataFrame) -> str:
    """The generated part of docs/fidelity.md."""
    compared = cells.filter(pl.col("published_cost_cores").is_not_null())
    n = compared.height
    costs = compared.filter(pl.col("cost_error").abs() <= COST_TOLERANCE).height
    scores = compared.filter(pl.col("pas_error").abs() <= PAS_TOLERANCE).height
    faults = order_faults(compared)
    lines = [
        f"Of {n} pairs, **{costs} costs lie within 10 %** and **{scores} PAS within 5 %** of the published means.",
        (
            f"Order by cost differs in {len(faults)}: " + "; ".join(faults) + "."
            if faults
            else "The order of the policies by cost agrees wherever published costs differ by over 10 %."
        ),
        "",
        *comparison(compared),
        "",
        "### All five pipelines, and video with its card's batch cap",
        "",
        *plain(cells),
        "",
        "### The paper's headline, recomputed",
        "",
        *headline(cells),
    ]
    return "\n".join(lines)


def main() -> int:
    """Run everything and write the docs' table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=Path, default=DATA / "twitter_rps.npz", help="the real per-second counts")
    parser.add_argument("--published", type=Path, default=DATA / "paper_figures.json", help="the published series")
    arguments = parser.parse_args()
    for path in (arguments.counts, arguments.published):
        if not path.is_file():
            print(f"{path}: no such file; give it with --counts or --published", file=sys.stderr)
            return 2
    trace = load_trace(arguments.counts, scale=SCALE)
    cells = with_published(run_all(trace), json.loads(arguments.published.read_text(encoding="utf-8")))
    text = report(cells)
    write_block(text, begin=BEGIN, page=DOCS)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    cells.write_csv(TABLE, float_precision=4)
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
