"""`league`: who is best, by how much, and how sure is that? One table over all pipelines, one for each. Computes only.

Every interval and test knows which episodes share their traffic and which agents were trained (`league_rows.py`); the
estimates are `league_judge.py`'s. What each number means: docs/statistics.md. Shown by `league_views.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ipa_gym.benchmark.league_judge import LEVEL, Judge, Row
from ipa_gym.benchmark.league_rows import CELL, league_rows, own_runs
from ipa_gym.benchmark.styles import in_table_order
from ipa_gym.statistics import holm, score_profile

if TYPE_CHECKING:
    import polars as pl

N_PROFILE_RESAMPLES = 2_000  # bands are looked at, not read to the digit
N_THRESHOLDS = 101  # of the profiles: quantiles of all scores
OVERALL: Mapping[str, str] = {  # column -> kind, in order
    "agent": "text",
    "n_agents": "count",
    "n_pipelines": "count",
    "n_tasks": "count",
    "n_episodes": "count",
    "foresees": "flag",
    "complete": "flag",
    "mean": "interval",
    "iqm": "interval",
    "optimality_gap": "interval",
    "p_better": "interval",
    "n_common": "count",
    "oracle_gap": "interval",
    "worst_pipeline": "text",
    "worst_violations_percent": "number",
}
PIPELINES: Mapping[str, str] = {
    "pipeline": "text",
    "agent": "text",
    "n_agents": "count",
    "n_tasks": "count",
    "n_episodes": "count",
    "foresees": "flag",
    "complete": "flag",
    "reward_mean": "number",
    "reward_low": "number",
    "reward_high": "number",
    "score": "number",
    "violations_percent": "number",
    "n_common": "count",
    "difference": "interval",
    "p_value": "number",
    "p_holm": "number",
    "test": "text",
    "verdict": "text",
    "oracle_gap": "interval",
}


@dataclass(frozen=True, slots=True, eq=False)
class League:
    """What `league` finds. Null stands where there is no score, no interval, or nothing to compare with."""

    baseline: str
    overall: pl.DataFrame  # a row an agent, by normalised score, best interquartile mean first; see docs/statistics.md
    pipelines: pl.DataFrame  # a row a pipeline and agent, by reward; pipelines by name, agents in the tables' order
    profiles: pl.DataFrame  # agent, score, fraction of its runs above that, low, high
    anchors: pl.DataFrame  # pipeline, n_tasks, zero and one: rewards of score 0 and 1; problem: why there is no score
    notes: tuple[str, ...]  # what a reader of the tables has to know


def league(rows: pl.DataFrame, *, baseline: str = "ipa", seed: int = 0) -> League:
    """Rank agents over all pipelines and compare each with a baseline on each pipeline.

    Args:
        rows: a row an episode, in any order, with pipeline, trace, agent, seed, reward_mean, violations_percent, and
            window and training_seed where there are any; further columns do no harm. Settings that must not be mixed
            (version, interval_s, alpha, beta, options) are checked where they are there.
        baseline: agent that the others are compared with; may be missing, then nothing is compared.
        seed: of the bootstrap and the permutations: an equal one gives equal tables.
    Raises: OptionError as `league_rows`.
    """
    judge = Judge(league_rows(rows), baseline, seed)
    agents = in_table_order(tuple(judge.by_agent))
    overall = _frame([judge.overall(agent) for agent in agents], OVERALL)
    pipelines = _frame(_with_verdicts(_pipeline_rows(judge, agents)), PIPELINES)
    return League(
        baseline=baseline,
        overall=overall.sort("iqm", descending=True, nulls_last=True, maintain_order=True),
        pipelines=pipelines,
        profiles=profiles(judge, agents),
        anchors=judge.rows.anchors,
        notes=tuple(_notes(judge, overall)),
    )


def profiles(judge: Judge, agents: Sequence[str]) -> pl.DataFrame:
    """Share of each agent's runs above each of 101 quantiles of all scores, and above 0 and 1."""
    import polars as pl

    scores = judge.rows.episodes["score"].drop_nulls().to_numpy()
    schema = {"agent": pl.String, **dict.fromkeys(("score", "fraction", "low", "high"), pl.Float64)}
    if not scores.size:
        return pl.DataFrame(schema=schema)
    thresholds = np.append(np.quantile(scores, np.linspace(0, 1, N_THRESHOLDS)), [0.0, 1.0])
    frames = []
    for agent in agents:
        scored = judge.by_agent[agent].drop_nulls("score")
        if scored.is_empty():
            continue
        rng = np.random.default_rng(judge.seed)
        found = score_profile(own_runs(scored, "score"), thresholds, rng=rng, n_resamples=N_PROFILE_RESAMPLES)
        columns = {"score": found.thresholds, "fraction": found.fraction, "low": found.low, "high": found.high}
        frames.append(pl.DataFrame({"agent": [agent] * len(found.thresholds), **columns}, schema=schema))
    return pl.concat(frames).with_columns(pl.col("low", "high").fill_nan(None))


def _pipeline_rows(judge: Judge, agents: Sequence[str]) -> list[Row]:
    names = judge.rows.episodes["pipeline"].unique(maintain_order=True).to_list()
    played = {(agent, name) for agent in agents for name in judge.by_agent[agent]["pipeline"].unique()}
    return [judge.on_pipeline(agent, name) for name in names for agent in agents if (agent, name) in played]


def _with_verdicts(rows: list[Row]) -> list[Row]:
    """With Holm's p-values over the pipelines of each agent, and what they say."""
    for agent in {row["agent"] for row in rows}:
        own = [row for row in rows if row["agent"] == agent]
        raw = [np.nan if row["p_value"] is None else row["p_value"] for row in own]
        for row, p_holm in zip(own, holm(raw).tolist(), strict=True):
            row["p_holm"] = None if np.isnan(p_holm) else p_holm
            row["verdict"] = _verdict(row)
    return rows


def _verdict(row: Row) -> str | None:
    """``better`` or ``worse`` where Holm's p-value is below 5 %, else ``undecided``; None: not compared."""
    difference, p_holm = row["difference"], row["p_holm"]
    if difference is None:
        return None
    if p_holm is None or float(p_holm) >= LEVEL or float(difference) == 0:
        return "undecided"
    return "better" if float(difference) > 0 else "worse"


def _frame(rows: list[Row], columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    types = {"text": pl.String, "count": pl.Int64, "flag": pl.Boolean, "number": pl.Float64, "interval": pl.Float64}
    schema = {}
    for name, kind in columns.items():
        schema[name] = types[kind]
        if kind == "interval":
            schema |= {f"{name}_low": pl.Float64, f"{name}_high": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def _notes(judge: Judge, overall: pl.DataFrame) -> Iterable[str]:
    import polars as pl

    problems = judge.rows.anchors["problem"].drop_nulls().to_list()
    yield from (f"{problem[0].upper()}{problem[1:]}." for problem in problems)
    yield from judge.rows.notes
    if judge.baseline not in judge.by_agent:
        yield f"Nothing is compared: {judge.baseline} has not played; run it too."
    yield from _notes_on_traffic(judge)
    if overall["foresees"].any():
        yield "† knows the future: its own, or its forecast's. A bound, not a rival."
    everyone = judge.rows.episodes.select(CELL).n_unique()
    for row in overall.filter(~pl.col("complete")).iter_rows(named=True):
        own = judge.by_agent[row["agent"]].select(CELL).n_unique()
        yield (
            f"* {row['agent']} has played {own} of {everyone} tasks and seeds: its score is over these alone; "
            "what it is compared on, both have played."
        )


def _notes_on_traffic(judge: Judge) -> Iterable[str]:
    import polars as pl

    units = judge.rows.episodes.group_by("stratum").agg(pl.col("unit").n_unique().alias("n"), pl.col("trace").unique())
    for row in units.filter(pl.col("n") == 1).sort("stratum").iter_rows(named=True):
        traces = ", ".join(sorted(row["trace"]))
        yield f"One seed of {traces}: its traffic is taken as given, no interval says how much chance is in it."
