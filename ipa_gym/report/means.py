"""Means with 95 % intervals of rows that need not be complete, as of a benchmark that was stopped.

A run's mean is over its windows first, then over the loads, so that every load counts the same. The interval is
Student's over the runs' seeds; over the training seeds where an agent has several, since those are what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ipa_gym.benchmark.statistics import ALL_TRACES, mean_interval
from ipa_gym.report.cells import rounded

if TYPE_CHECKING:
    import polars as pl

TASK = ("pipeline", "trace", "window", "training_seed", "seed")  # what two settings must share to be compared


def means(rows: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """Means of each agent on each pipeline, per load and over all loads (``all``).

    Args:
        rows: a row an episode: pipeline, trace, agent, training_seed, seed and the metrics; NaN is left out.
        metrics: columns to average.
    Returns: pipeline, trace, agent, metric, mean, half_width (NaN for one run), n (runs), in the rows' order.
    """
    import polars as pl

    known = [pl.col(name).cast(pl.Float64).fill_nan(None) for name in metrics]
    by_load = _averaged(rows.with_columns(known).with_columns(_unit(rows)), metrics, "trace")
    over_all = _averaged(by_load, metrics).with_columns(trace=pl.lit(ALL_TRACES))
    found = []
    for part in (by_load, over_all.select(by_load.columns)):
        for (pipeline, trace, agent), group in part.group_by("pipeline", "trace", "agent", maintain_order=True):
            for metric in metrics:
                interval = mean_interval(group[metric].fill_null(float("nan")).to_numpy())
                values = (pipeline, trace, agent, metric, interval.mean, interval.half_width, interval.n)
                found.append(values)
    names = ["pipeline", "trace", "agent", "metric", "mean", "half_width", "n"]
    types = [pl.String] * 4 + [pl.Float64] * 2 + [pl.Int64]
    return pl.DataFrame(found, schema=dict(zip(names, types, strict=True)), orient="row")


def page_points(table: pl.DataFrame, keys: Sequence[str]) -> list[dict[str, object]]:
    """Rows of `means` as the page takes them: a point for each value of the keys, a mean and a half-width a metric."""
    points = []
    for key, part in table.group_by(list(keys), maintain_order=True):
        values: dict[str, object] = dict(zip(keys, key, strict=True))
        for row in part.to_dicts():
            values[row["metric"]] = rounded(row["mean"], 5)
            values[f"{row['metric']}_half"] = rounded(row["half_width"], 3)
        points.append(values)
    return points


def on_common_tasks(rows: pl.DataFrame, setting: Sequence[str], by: Sequence[str]) -> pl.DataFrame:
    """The rows whose task every setting has played, so that settings differ in nothing else.

    Args:
        setting: columns that tell the settings apart.
        by: columns within which they are compared.
    """
    import polars as pl

    keys = [*dict.fromkeys([*by, *TASK])]
    wanted = rows.group_by(by).agg(pl.struct(setting).n_unique().alias("_all"))
    played = rows.group_by(keys).agg(pl.struct(setting).n_unique().alias("_played")).join(wanted, on=list(by))
    return rows.join(played.filter(pl.col("_played") == pl.col("_all")), on=keys, how="semi", maintain_order="left")


def _unit(rows: pl.DataFrame) -> pl.Expr:
    """The column ``_unit``: what an agent's runs are independent in."""
    import polars as pl

    trained = pl.col("training_seed").n_unique().over("pipeline", "agent") > 1
    return pl.when(trained).then(pl.col("training_seed")).otherwise(pl.col("seed").cast(pl.String)).alias("_unit")


def _averaged(rows: pl.DataFrame, metrics: Sequence[str], *load: str) -> pl.DataFrame:
    import polars as pl

    keys = ["pipeline", *load, "agent", "_unit"]
    return rows.group_by(keys, maintain_order=True).agg(pl.col(name).mean() for name in metrics)
