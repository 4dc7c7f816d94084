"""Tables of a recorded run, as polars frames: requests (one row a request and stage), batches, replicas, decisions.

Columns, their units and meanings are in the `..._COLUMNS` tables below, once; docs/records.md shows them. Floats are
the simulator's own, bit for bit; what has not happened is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ipa_gym.queueing import Records
from ipa_gym.recording.batches import stage_batches
from ipa_gym.recording.run import RecordedRun

FATES = ("inside", "completed", "dropped")  # by `Records.fate`


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, its unit (empty: none) and what it says."""

    dtype: type[pl.DataType]
    unit: str
    meaning: str


_STAGE: Mapping[str, Column] = {
    "stage_index": Column(pl.Int64, "", "the stage's place in the chain, from 0"),
    "stage": Column(pl.String, "", "its name"),
}
_REPLICA: Mapping[str, Column] = {
    "replica": Column(pl.Int64, "", "the replica's number in the stage, in order of start"),
    "slot": Column(pl.Int64, "", "the slot it occupies: its lane; used again when the replica is gone"),
    "variant": Column(pl.String, "", "the variant it runs"),
}
REQUEST_COLUMNS: Mapping[str, Column] = {
    "request": Column(pl.Int64, "", "number in order of arrival, from 0"),
    "arrival_s": Column(pl.Float64, "s", "arrival at the pipeline"),
    "fate": Column(pl.String, "", "`completed`, `dropped` or `inside`, at the end of the run"),
    "left_s": Column(pl.Float64, "s", "completed or dropped; null: inside"),
    "latency_s": Column(pl.Float64, "s", "left − arrival of a completed request; null: not completed"),
    **_STAGE,
    "enqueue_s": Column(pl.Float64, "s", "entered the stage's queue"),
    "start_s": Column(pl.Float64, "s", "its batch started; null: waits, or dropped here"),
    "end_s": Column(pl.Float64, "s", "its batch ended; null: not yet"),
    "batch": Column(pl.Int64, "", "number of its batch in the stage, in order of start, from 0"),
    "batch_requests": Column(pl.Int64, "requests", "how many share the batch"),
    **_REPLICA,
    "dropped_here": Column(pl.Boolean, "", "dropped in this stage, at `left_s`"),
}
BATCH_COLUMNS: Mapping[str, Column] = {
    **_STAGE,
    "batch": Column(pl.Int64, "", "number in the stage, in order of start, from 0"),
    "start_s": Column(pl.Float64, "s", "started"),
    "end_s": Column(pl.Float64, "s", "ended; null: in service"),
    "requests": Column(pl.Int64, "requests", "how many joined"),
    "first_request": Column(pl.Int64, "", "number of the first that joined"),
    "longest_wait_s": Column(pl.Float64, "s", "how long that first one had waited in the queue"),
    **_REPLICA,
}
REPLICA_COLUMNS: Mapping[str, Column] = {
    **_STAGE,
    **_REPLICA,
    "started_s": Column(pl.Float64, "s", "told to start; 0: also the initial ones"),
    "joined_s": Column(pl.Float64, "s", "began to serve; null: not yet, or cancelled before"),
    "told_s": Column(pl.Float64, "s", "told to leave, or cancelled; null: neither"),
    "gone_s": Column(pl.Float64, "s", "ceased to exist, its last batch done; null: it exists"),
}
DECISION_COLUMNS: Mapping[str, Column] = {
    "decision": Column(pl.Int64, "", "number of the decision, from 0: one an interval"),
    "start_s": Column(pl.Float64, "s", "when it was made"),
    **_STAGE,
    "variant": Column(pl.String, "", "chosen variant"),
    "batch": Column(pl.Int64, "requests", "chosen batch size"),
    "replicas": Column(pl.Int64, "", "chosen number of replicas"),
}


def request_table(run: RecordedRun) -> pl.DataFrame:
    """One row for each stage that each request has entered, by request and then stage: `REQUEST_COLUMNS`."""
    records = run.records
    request, stage = np.nonzero(~np.isnan(records.enqueue_s.T))
    visits = pl.DataFrame(
        {
            "request": request,
            "arrival_s": records.arrival_s[request],
            "fate": pl.Series(FATES, dtype=pl.String).gather(records.fate[request].astype(np.int64)),
            "left_s": records.left_s[request],
            "latency_s": _latency_s(records)[request],
            "stage_index": stage,
            "stage": _stage_names(run).gather(stage),
            "enqueue_s": records.enqueue_s[stage, request],
            "start_s": records.start_s[stage, request],
            "end_s": records.end_s[stage, request],
            "batch": records.batch[stage, request],
            "replica": records.replica[stage, request],
            "dropped_here": records.drop_stage[request] == stage,
        },
        nan_to_null=True,
    )
    served = pl.when(pl.col("batch") >= 0)
    visits = visits.with_columns(
        batch_requests=served.then(pl.len().over("stage_index", "batch")),
        batch=served.then("batch"),
        replica=served.then("replica"),
    )
    return _shaped(_with_replicas(visits, run).sort("request", "stage_index"), REQUEST_COLUMNS)


def batch_table(run: RecordedRun) -> pl.DataFrame:
    """One row a batch, by stage and then start: `BATCH_COLUMNS`."""
    parts = []
    for index, stage in enumerate(run.pipeline.stages):
        found = stage_batches(run.records, index)
        columns: dict[str, Any] = {  # Any: arrays and the stage's own scalars
            "batch": np.arange(len(found.requests)),
            "start_s": found.start_s,
            "end_s": found.end_s,
            "requests": found.requests,
            "first_request": found.first_request,
            "longest_wait_s": found.longest_wait_s,
            "replica": found.replica,
        }
        parts.append(_of_stage(columns, index, stage.name))
    return _shaped(_with_replicas(pl.concat(parts), run).sort("stage_index", "batch"), BATCH_COLUMNS)


def replica_table(run: RecordedRun) -> pl.DataFrame:
    """One row a replica that was ever started, by stage and then start: `REPLICA_COLUMNS`."""
    parts = []
    for index, (stage, kept) in enumerate(zip(run.pipeline.stages, run.records.replicas, strict=True)):
        names = pl.Series([variant.name for variant in stage.variants], dtype=pl.String)
        columns: dict[str, Any] = {  # Any: arrays and the stage's own scalars
            "replica": np.arange(len(kept.slot)),
            "slot": kept.slot,
            "variant": names.gather(kept.variant),
            "started_s": kept.started_s,
            "joined_s": kept.joined_s,
            "told_s": kept.told_s,
            "gone_s": kept.gone_s,
        }
        parts.append(_of_stage(columns, index, stage.name))
    return _shaped(pl.concat(parts), REPLICA_COLUMNS)


def decision_table(run: RecordedRun) -> pl.DataFrame:
    """One row for each stage of each decision: `DECISION_COLUMNS`."""
    rows = [
        (number, made.start_s, index, stage.name, stage.variants[choice.variant].name, choice.batch, choice.replicas)
        for number, made in enumerate(run.decisions)
        for index, (stage, choice) in enumerate(zip(run.pipeline.stages, made.configuration.stages, strict=True))
    ]
    schema = {name: column.dtype for name, column in DECISION_COLUMNS.items()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def column_lines(columns: Mapping[str, Column]) -> str:
    """The columns as a Markdown table, as docs/records.md holds it."""
    rows = [f"| `{name}` | {c.dtype.__name__} | {c.unit} | {c.meaning} |" for name, c in columns.items()]
    return "\n".join(["| column | type | unit | meaning |", "|---|---|---|---|", *rows])


def _latency_s(records: Records) -> np.ndarray[Any, np.dtype[np.float64]]:  # (n,), NaN: not completed
    return np.where(records.fate == FATES.index("completed"), records.left_s - records.arrival_s, np.nan)


def _stage_names(run: RecordedRun) -> pl.Series:
    return pl.Series([stage.name for stage in run.pipeline.stages], dtype=pl.String)


def _of_stage(columns: Mapping[str, Any], index: int, name: str) -> pl.DataFrame:
    stage = (pl.lit(index, pl.Int64).alias("stage_index"), pl.lit(name, pl.String).alias("stage"))
    return pl.DataFrame(columns, nan_to_null=True).with_columns(*stage)


def _with_replicas(frame: pl.DataFrame, run: RecordedRun) -> pl.DataFrame:
    keys = ["stage_index", "replica"]
    return frame.join(replica_table(run).select(*keys, "slot", "variant"), on=keys, how="left")


def _shaped(frame: pl.DataFrame, columns: Mapping[str, Column]) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(column.dtype) for name, column in columns.items())
