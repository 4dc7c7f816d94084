"""The benchmark's table: for the terminal (rich) and as Markdown. Formats a summary; computes nothing.

`COLUMNS` is the one list of what is shown, with units and digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipa_gym.benchmark.statistics import ALL_TRACES

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of the table."""

    metric: str  # column of the episodes
    header: str
    digits: int
    factor: float = 1.0  # shown = factor x value


COLUMNS: tuple[Column, ...] = (
    Column("reward_mean", "reward", 2),
    Column("pas", "PAS %", 2, factor=100.0),
    Column("cost_cores", "cost cores", 2),
    Column("violations_percent", "SLA viol. %", 2),
    Column("drops_percent", "drops %", 2),
    Column("latency_p99_s", "p99 s", 2),
    Column("decision_mean_ms", "decision ms", 2),
    Column("reconfigurations", "reconf.", 1),
)
METRICS: tuple[str, ...] = (
    *(column.metric for column in COLUMNS),
    "objective_mean",
    "latency_mean_s",
    "episode_return",
)


def cell(mean: float, half_width: float, n: int, column: Column) -> str:
    """``12.34 ± 0.56``; ``12.34 (n=1)`` where one seed gives no interval; ``–`` where there is no value at all."""
    if n == 0 or math.isnan(mean):
        return "–"
    shown = f"{column.factor * mean:.{column.digits}f}"
    return f"{shown} (n=1)" if n == 1 else f"{shown} ± {column.factor * half_width:.{column.digits}f}"


def table_rows(summary: pl.DataFrame, pipeline: str, trace: str = ALL_TRACES) -> list[list[str]]:
    """The table's body of one pipeline: the agent's name and one cell a column."""
    import polars as pl

    part = summary.filter((pl.col("pipeline") == pipeline) & (pl.col("trace") == trace))
    found = {(row["agent"], row["metric"]): (row["mean"], row["half_width"], row["n"]) for row in part.to_dicts()}
    agents = part["agent"].unique(maintain_order=True).to_list()
    return [[agent, *(cell(*found[agent, column.metric], column) for column in COLUMNS)] for agent in agents]


def caption(summary: pl.DataFrame) -> str:
    """What the numbers are means of."""
    traces = [name for name in summary["trace"].unique(maintain_order=True).to_list() if name != ALL_TRACES]
    n = int(summary["n"].max())  # type: ignore[arg-type]  # an integer column
    over = f"the loads {', '.join(traces)}" if len(traces) > 1 else f"the load {traces[0]}"
    interval = "± 95 % interval over seeds (Student's t)" if n > 1 else "one seed, so without an interval"
    return f"Mean over {over} and {n} seed{'s' if n > 1 else ''}, {interval}."


def rich_tables(summary: pl.DataFrame) -> list[Table]:
    """One table a pipeline, averaged over the traces."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    tables = []
    for pipeline in summary["pipeline"].unique(maintain_order=True).to_list():
        table = Table(title=pipeline, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
        table.add_column("agent", style="bold", no_wrap=True)
        for column in COLUMNS:
            table.add_column(column.header, justify="right", no_wrap=True)
        for row in table_rows(summary, pipeline):
            table.add_row(*row)
        tables.append(table)
    return tables


def markdown(summary: pl.DataFrame) -> str:
    """The same tables as Markdown, a heading a pipeline."""
    head = ["agent", *(column.header for column in COLUMNS)]
    rule = "|---|" + "---:|" * len(COLUMNS)
    lines = [caption(summary)]
    for pipeline in summary["pipeline"].unique(maintain_order=True).to_list():
        lines += ["", f"### {pipeline}", "", f"| {' | '.join(head)} |", rule]
        lines += [f"| {' | '.join(row)} |" for row in table_rows(summary, pipeline)]
    return "\n".join(lines) + "\n"
