"""The predictor ablation as Markdown: tidy tables in, the generated block of docs/fidelity.md out.

`PUBLISHED` holds the paper's counts, which nothing in the package reads. Next: `ablation.py`, which plays the episodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class PublishedViolations:
    """SLA violations out of 14,437 requests under bursty load. Source: IPA (arXiv 2308.12871v3), predictor ablation."""

    lstm: int
    reactive: int
    perfect: int


PUBLISHED: Mapping[str, PublishedViolations] = {
    "video": PublishedViolations(69, 368, 43),
    "audio-qa": PublishedViolations(132, 683, 131),
    "audio-sent": PublishedViolations(50, 139, 40),
    "sum-qa": PublishedViolations(803, 1647, 365),
    "nlp": PublishedViolations(257, 463, 87),
}
COLUMNS = ("perfect", "holt", "max", "reactive")  # forecasts, in the tables' order
SIDES = (  # fewer, equal, more with the perfect forecast
    pl.col("perfect") < pl.col("reactive"),
    pl.col("perfect") == pl.col("reactive"),
    pl.col("perfect") > pl.col("reactive"),
)
CASE = ("load", "setting", "arrivals", "startup_scale", "pipeline")


def report(episodes: pl.DataFrame, cases: pl.DataFrame) -> str:
    """The whole block.

    Args:
        episodes: one row an episode (`ablation.Episode`).
        cases: the same, summarised over phases and seeds (`ablation.summarise`).
    """
    per_case = cases["episodes"][0]
    lines = [
        f"Means over {per_case} episodes a case, {per_case // episodes['phase_s'].n_unique()} at each phase of the "
        "decisions; in brackets the least and the most.",
        "",
        "#### Is the order the published one?",
        "",
        *order_table(episodes, cases),
    ]
    for (load,), part in cases.group_by(["load"], maintain_order=True):
        lines += [
            "",
            f"#### SLA violations, {load}, startup times as in the cards",
            "",
            *forecast_table(part.filter((pl.col("setting") == "published") & (pl.col("startup_scale") == 1.0))),
            "",
            f"#### Perfect / reactive, {load}, by startup time (times the cards')",
            "",
            *startup_table(part),
        ]
    return "\n".join(lines)


def order_table(episodes: pl.DataFrame, cases: pl.DataFrame) -> Iterator[str]:
    """On how many pipelines the perfect forecast does better than the reactive one, in means and in pairs."""
    yield (
        "| load | settings | arrivals | startup | violations: perfect < reactive | equal | perfect > reactive "
        "| pairs of episodes <, =, > | longest latency: perfect < reactive |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    longest = _side_by_side(cases, list(CASE), "longest_mean_s")
    for keys, part in paired(episodes).group_by(CASE[:-1], maintain_order=True):
        sides = _pipelines_by_side(part)
        counts = ", ".join(str(part.filter(side).height) for side in SIDES)
        same = longest.filter(*(pl.col(name) == key for name, key in zip(CASE[:-1], keys, strict=True)))
        cells = (f"{len(sides[0])} of {same.height}", *(", ".join(names) or "–" for names in sides[1:]), counts)
        load, setting, arrivals, scale = keys
        shorter = f"{same.filter(SIDES[0]).height} of {same.height}"
        yield f"| {load} | {setting} | {arrivals} | ×{scale:g} | {' | '.join(cells)} | {shorter} |"


def _pipelines_by_side(pairs: pl.DataFrame) -> list[list[str]]:
    """Pipelines whose summed violations are fewer, equal, more with the perfect forecast."""
    sums = pairs.group_by(["pipeline"], maintain_order=True).agg(pl.col("perfect").sum(), pl.col("reactive").sum())
    fewer, equal, more = (sums.filter(side) for side in SIDES)
    noted = [f"{name} (both {count})" for name, count, _ in equal.iter_rows()]
    return [fewer["pipeline"].to_list(), noted, more["pipeline"].to_list()]


def paired(episodes: pl.DataFrame) -> pl.DataFrame:
    """Violations of the perfect and the reactive forecast side by side, for the same load, phase and seed."""
    return _side_by_side(episodes, [*CASE, "phase_s", "seed"], "violations")


def _side_by_side(rows: pl.DataFrame, keys: list[str], values: str) -> pl.DataFrame:
    both = rows.filter(pl.col("forecast").is_in(["perfect", "reactive"]))
    return both.pivot(on="forecast", index=keys, values=values)


def forecast_table(cases: pl.DataFrame) -> Iterator[str]:
    """Violations by forecast beside the published ones, and the longest latency against the SLA."""
    yield (
        "| pipeline | arrivals | "
        + " | ".join(COLUMNS)
        + " | published perfect / LSTM / reactive | longest latency, perfect / reactive (SLA), s |"
    )
    yield "|---|---|" + "---|" * (len(COLUMNS) + 2)
    for (pipeline, arrivals), part in cases.group_by(["pipeline", "arrivals"], maintain_order=True):
        by = {row["forecast"]: row for row in part.to_dicts()}
        published = PUBLISHED[str(pipeline)]
        longest = " / ".join(f"{by[f]['longest_mean_s']:.1f}" for f in ("perfect", "reactive"))
        yield (
            f"| {pipeline} | {arrivals} | "
            + " | ".join(_spread(by[forecast]) for forecast in COLUMNS)
            + f" | {published.perfect} / {published.lstm} / {published.reactive} "
            + f"| {longest} ({by['perfect']['sla_s']:.2f}) |"
        )


def startup_table(cases: pl.DataFrame) -> Iterator[str]:
    """Mean violations of the pair at every startup scale, and with the card's own settings."""
    scales = cases["startup_scale"].unique().sort().to_list()
    yield (
        "| pipeline | arrivals | " + " | ".join(f"×{s:g}" for s in scales) + " | ×1, card's own settings | published |"
    )
    yield "|---|---|" + "---|" * (len(scales) + 2)
    for (pipeline, arrivals), part in cases.group_by(["pipeline", "arrivals"], maintain_order=True):
        published = PUBLISHED[str(pipeline)]
        columns = [("published", scale) for scale in scales] + [("card", 1.0)]
        cells = [_pair(part.filter((pl.col("setting") == s) & (pl.col("startup_scale") == x))) for s, x in columns]
        yield f"| {pipeline} | {arrivals} | {' | '.join(cells)} | {published.perfect} / {published.reactive} |"


def _pair(rows: pl.DataFrame) -> str:
    by: dict[str, float] = dict(rows.select("forecast", "violations").iter_rows())
    return f"{_count(by['perfect'])} / {_count(by['reactive'])}"


def _spread(row: Mapping[str, float]) -> str:
    most = row["violations_most"]
    return f"{_count(row['violations'])} ({row['violations_least']}–{most})" if most else "0"


def _count(mean: float) -> str:
    return f"{mean:.1f}" if 0 < mean < 9.95 else f"{mean:,.0f}"  # a mean below one must not look like none
