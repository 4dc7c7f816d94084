"""The league table: normalised scores over all pipelines, then each pipeline by itself.

Only lays out what `ipa_gym.benchmark.league` found; PAS, cost, drops and latency are plain means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.league import League
from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.report.cells import agent_cell, number, number_cell, p_cell, text_cell
from ipa_gym.report.means import means
from ipa_gym.report.section import Cell, PageTable, Section

if TYPE_CHECKING:
    import polars as pl

COMMAND = "ipa-gym benchmark"
SCORE_DIGITS = 4  # scores crowd near 1: docs/statistics.md, "The score"
READING = (
    "An agent's score is 0 where it earns what random decisions earn and 1 where it earns what IPA with a perfect "
    "forecast earns; numbers in brackets are 95 % intervals, and a click on a heading sorts."
)
_PLAIN = (("pas", 100.0, 2), ("cost_cores", 1.0, 2), ("drops_percent", 1.0, 2), ("latency_p99_s", 1.0, 2))


def league_section(found: League, main: pl.DataFrame) -> Section:
    """The overall table and one a pipeline, best first, without columns that nobody has a value in.

    Args:
        found: the league of ``main``.
        main: a row an episode.
    """
    plain = means(main, [name for name, _, _ in _PLAIN])
    pipelines = found.pipelines["pipeline"].unique(maintain_order=True).to_list()
    tables = [_overall_table(found), *(_pipeline_table(found, plain, name) for name in pipelines)]
    return Section(
        "league",
        "League table",
        READING,
        COMMAND,
        tables=[_without_empty(table) for table in tables],
        notes=found.notes,
    )


def _without_empty(table: PageTable) -> PageTable:
    kept = [place for place in range(len(table.columns)) if any(row[place].order is not None for row in table.rows)]
    columns = [table.columns[place] for place in kept]
    return replace(table, columns=columns, rows=[[row[place] for place in kept] for row in table.rows])


def _overall_table(found: League) -> PageTable:
    columns = (
        "agent", "score, IQM", "score, mean", "optimality gap", f"P(better than {found.baseline})", "gap to oracle",
        "worst SLA violations %", "episodes",
    )  # fmt: skip
    rows = [
        [
            agent_cell(row["agent"], _marks(row)),
            _estimate(row, "iqm", SCORE_DIGITS),
            _estimate(row, "mean", SCORE_DIGITS),
            _estimate(row, "optimality_gap", SCORE_DIGITS),
            _estimate(row, "p_better", 2),
            _estimate(row, "oracle_gap", SCORE_DIGITS),
            replace(number_cell(row["worst_violations_percent"], 2), interval=row["worst_pipeline"] or ""),
            number_cell(row["n_episodes"], 0),
        ]
        for row in found.overall.to_dicts()
    ]
    caption = (
        "IQM: the mean of the middle half of all runs' scores. Optimality gap: how far runs fall short of a score of 1 "
        "on average; less is better."
    )
    return PageTable("All pipelines", columns, rows, caption=caption)


def _pipeline_table(found: League, plain: pl.DataFrame, pipeline: str) -> PageTable:
    import polars as pl

    here = plain.filter((pl.col("pipeline") == pipeline) & (pl.col("trace") == ALL_TRACES))
    known = {(row["agent"], row["metric"]): row for row in here.to_dicts()}
    columns = (
        "agent", "reward", f"difference to {found.baseline}", "verdict", "p (Holm)", "SLA violations %", "PAS %",
        "cost, cores", "drops %", "p99 s", "score", "gap to oracle", "episodes",
    )  # fmt: skip
    rows = [
        [
            agent_cell(row["agent"], _marks(row)),
            number_cell(row["reward_mean"], 2, low=row["reward_low"], high=row["reward_high"]),
            _estimate(row, "difference", 2),
            text_cell(row["verdict"]),
            p_cell(row["p_holm"]),
            number_cell(row["violations_percent"], 2),
            *(_plain_cell(known.get((row["agent"], name)), factor, digits) for name, factor, digits in _PLAIN),
            number_cell(row["score"], SCORE_DIGITS),
            _estimate(row, "oracle_gap", 2),
            number_cell(row["n_episodes"], 0),
        ]
        for row in found.pipelines.filter(pl.col("pipeline") == pipeline)
        .sort("reward_mean", descending=True)
        .to_dicts()
    ]
    caption = f"Reward: mean over intervals. Difference: on the same arrivals as {found.baseline}, positive is better."
    return PageTable(pipeline, columns, rows, group=pipeline, caption=caption)


def _marks(row: dict[str, Any]) -> str:
    """As in the league's other tables: † knows the future, * has not played all."""
    return " ".join((["†"] if row["foresees"] else []) + ([] if row["complete"] else ["*"]))


def _estimate(row: dict[str, Any], name: str, digits: int) -> Cell:
    return number_cell(row[name], digits, low=row[f"{name}_low"], high=row[f"{name}_high"])


def _plain_cell(row: dict[str, Any] | None, factor: float, digits: int) -> Cell:
    if row is None:
        return number_cell(None, digits)
    half = factor * row["half_width"]
    cell = number_cell(factor * row["mean"], digits)
    return Cell(cell.text, cell.order, f"± {number(half, digits)}" if half == half else "")
