"""The columns of the results store: one table of names, kinds and meanings, from which schema and docs are made.

Nothing here reads or writes. Next: `key.py` (what makes a row the same row), `store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "integer", "number", "texts", "integers", "intervals"]
LATENCY_BINS_PER_SLA = 50  # bins of `latency_counts` in one SLA
LATENCY_BINS = 4 * LATENCY_BINS_PER_SLA  # up to four SLAs, and one more bin for the rest


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: Kind
    meaning: str


KEY_COLUMNS: tuple[Column, ...] = (
    Column("pipeline", "text", "name of the pipeline card"),
    Column("trace", "text", "name of the trace"),
    Column("window", "text", "`from:to` in seconds of the trace, to excluded; joined ones with `+` between"),
    Column("agent", "text", "name of the agent card, or of the folder of training runs"),
    Column("training_seed", "text", "of an agent that was trained with several; empty for any other"),
    Column("seed", "integer", "of arrivals and service times; the episode plays with seed + the window's first second"),
    Column("version", "text", "of the program: version + digest of the source that decides rows"),
    Column("settings_hash", "text", "of cards, weights, counts, options and numeric libraries"),
)
SETTING_COLUMNS: tuple[Column, ...] = (
    Column("interval_s", "number", "seconds between decisions"),
    Column("forecast", "text", "the forecast that the agent saw; of a file of weights, its name"),
    Column("alpha", "number", "weight of accuracy in the reward"),
    Column("beta", "number", "weight of a core in the reward"),
    Column("options", "text", "JSON of what else differs from the standard environment; `{}`: nothing"),
)
RESULT_COLUMNS: tuple[Column, ...] = (
    Column("intervals", "integer", "decisions in the episode"),
    Column("reward_mean", "number", "reward of an interval"),
    Column("episode_return", "number", "sum of the rewards"),
    Column("objective_mean", "number", "IPA's objective: the reward without its SLA penalty"),
    Column("pas", "number", "pipeline accuracy score, a fraction"),
    Column("cost_cores", "number", "cores"),
    Column("violations_percent", "number", "SLA violations in percent of the arrivals"),
    Column("drops_percent", "number", "dropped requests in percent of the arrivals"),
    Column("latency_p99_s", "number", "99th percentile over all completed requests; NaN: none completed"),
    Column("latency_mean_s", "number", "mean over all completed requests; NaN: none completed"),
    Column("decision_mean_ms", "number", "wall time of a decision"),
    Column("decision_p99_ms", "number", "99th percentile of that"),
    Column("reconfigurations", "integer", "decisions that differ from the one before"),
    Column("infeasible_decisions", "integer", "where the policy found no feasible configuration and said so"),
    Column("arrivals", "integer", "requests"),
    Column("completed", "integer", "requests"),
    Column("dropped", "integer", "requests"),
    Column("violations", "integer", "requests late, dropped, or inside and overdue at the end"),
    Column("inside_at_end", "integer", "requests still in the pipeline"),
    Column("sla_s", "number", "the pipeline's SLA"),
)
NESTED_COLUMNS: tuple[Column, ...] = (
    Column(
        "latency_counts",
        "integers",
        f"{LATENCY_BINS + 1} counts of completed requests: latency over i and up to i + 1 times SLA / "
        f"{LATENCY_BINS_PER_SLA}, then the rest",
    ),
    Column("intervals_series", "intervals", "a structure an interval, see below"),
)
INTERVAL_COLUMNS: tuple[Column, ...] = (
    Column("time_s", "number", "the interval's end, since the episode's start"),
    Column("load_mean_rps", "number", "requests per second"),
    Column("load_max_rps", "number", "in the busiest second"),
    Column("forecast_rps", "number", "as the policy saw it when it decided"),
    Column("capacity_rps", "number", "what the serving replicas can carry"),
    Column("cost_cores", "number", "cores"),
    Column("pas", "number", "a fraction"),
    Column("latency_mean_s", "number", "of the requests completed in the interval; NaN: none"),
    Column("latency_p99_s", "number", "of the requests completed in the interval; NaN: none"),
    Column("queue_requests", "integer", "waiting at the interval's end, in all stages"),
    Column("violations", "integer", "requests"),
    Column("drops", "integer", "requests"),
    Column("reward", "number", "of the interval"),
    Column("variants", "texts", "decided: name of each stage's variant"),
    Column("batches", "integers", "decided: batch size of each stage"),
    Column("replicas", "integers", "decided: replicas of each stage"),
)
COLUMNS: tuple[Column, ...] = (*KEY_COLUMNS, *SETTING_COLUMNS, *RESULT_COLUMNS, *NESTED_COLUMNS)
KEY: tuple[str, ...] = tuple(column.name for column in KEY_COLUMNS)
FLAT: tuple[str, ...] = tuple(column.name for column in COLUMNS if column not in NESTED_COLUMNS)  # a table's, a CSV's
INTERVAL_LISTS: tuple[str, ...] = tuple(c.name for c in INTERVAL_COLUMNS if c.kind in ("texts", "integers"))
TIMINGS = ("decision_mean_ms", "decision_p99_ms")  # the only columns that a second run does not repeat


def schema(columns: Sequence[Column] = COLUMNS) -> pl.Schema:
    """Names and polars types."""
    import polars as pl

    types = {
        "text": pl.String(),
        "integer": pl.Int64(),
        "number": pl.Float64(),
        "texts": pl.List(pl.String()),
        "integers": pl.List(pl.Int64()),
    }

    def of(column: Column) -> pl.DataType:
        return types[column.kind] if column.kind in types else pl.List(pl.Struct(dict(schema(INTERVAL_COLUMNS))))

    return pl.Schema({column.name: of(column) for column in columns})


def column_lines(columns: Sequence[Column]) -> str:
    """A Markdown table of columns, for the docs."""
    rows = [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in columns]
    return "\n".join(["| column | kind | meaning |", "|---|---|---|", *rows])
