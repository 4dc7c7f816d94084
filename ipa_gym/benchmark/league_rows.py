"""The rows a league is computed from: checked, completed, on one scale, with what chance has decided in each.

Rows that a comparison must not mix - two settings, an episode twice - are an error here. `Pairing` and `own_runs` turn
them into the `Runs` of `ipa_gym.statistics`. Next: `league.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.forecast import PEEKING
from ipa_gym.statistics import Draw, Runs, Scale

if TYPE_CHECKING:
    import polars as pl

ZERO_AGENT, ONE_AGENT = "random", "ipa-perfect"  # whose mean rewards have score 0 and score 1
ORACLE = "oracle"  # to whose reward the others' distance is given
FORESEEING = (ORACLE, "best-static", ONE_AGENT)  # know the future; so does whoever has a perfect forecast
TASK = ("pipeline", "trace", "window")
CELL = (*TASK, "seed")
EPISODE = (*TASK, "agent", "training_seed", "seed")
NEEDED = ("pipeline", "trace", "agent", "seed", "reward_mean", "violations_percent")
ONE_OF_EACH = ("version", "interval_s", "alpha", "beta", "options")  # settings that a pipeline's rows must share
Values = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class LeagueRows:
    """Episodes that can be compared."""

    episodes: pl.DataFrame  # EPISODE, reward_mean, violations_percent, foresees, score (null: none), stratum, unit
    anchors: pl.DataFrame  # pipeline, n_tasks, zero, one, problem (null where there is a scale)
    notes: tuple[str, ...]  # what was left out


def league_rows(rows: pl.DataFrame) -> LeagueRows:
    """Check the rows, give each its score and its traffic.

    Args:
        rows: as `league` takes them.
    Raises: OptionError for a column that is not there, no row, a reward that is no number, two settings of a pipeline,
        or an episode that is there twice.
    """
    import polars as pl

    missing = [name for name in NEEDED if name not in rows.columns]
    if missing or rows.is_empty():
        raise OptionError(f"rows: {len(rows)} of them, without {', '.join(missing) or 'any row'}; expected {NEEDED}")
    given = [name for name in ("window", "training_seed") if name in rows.columns]
    absent = [pl.lit("").alias(name) for name in ("window", "training_seed") if name not in given]
    full = rows.with_columns(*absent, *(pl.col(name).cast(pl.String).fill_null("") for name in given))
    _check_settings(full)
    episodes = full.select(*EPISODE, "reward_mean", "violations_percent", _foresees(full).alias("foresees")).sort(
        EPISODE
    )
    _check_episodes(episodes)
    played, notes = _played_by_all_training_seeds(episodes)
    anchors = _anchors(played)
    return LeagueRows(_with_traffic(_scored(played, anchors)), anchors, notes)


def own_runs(episodes: pl.DataFrame, column: str) -> Runs:
    """The numbers of one agent's episodes; chance decides the traffic and the training of each pipeline's agents."""
    draws = (_traffic(episodes), _training(episodes, "training_seed"))
    return Runs.of_tasks(episodes[column].to_numpy(), _labels(episodes, TASK), draws)


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Episodes of two agents on the same task and seed; one with several training seeds meets each of the other's."""

    pairs: pl.DataFrame  # the columns of `LeagueRows.episodes`, the other's with ``_right``

    @classmethod
    def of(cls, ours: pl.DataFrame, theirs: pl.DataFrame) -> Pairing:
        """All pairs that the two share; may be none."""
        kept = theirs.select(*CELL, "training_seed", "reward_mean", "score")
        return cls(ours.join(kept, on=CELL, how="inner", maintain_order="left_right"))

    @property
    def n_common(self) -> int:
        """Tasks and seeds that both have played."""
        return self.pairs.select(CELL).n_unique() if len(self.pairs) else 0

    def runs(self, column: str, values: Values) -> Runs:
        """What ``values(ours, theirs)`` makes of a column, a run a pair; there must be one."""
        ours, theirs = (self.pairs[name].to_numpy() for name in (column, f"{column}_right"))
        trainings = (_training(self.pairs, name) for name in ("training_seed", "training_seed_right"))
        draws = (_traffic(self.pairs), *trainings)
        return Runs.of_tasks(values(ours, theirs), _labels(self.pairs, TASK), draws)


def _traffic(episodes: pl.DataFrame) -> Draw:
    return Draw.of_labels(episodes["unit"].to_numpy(), episodes["stratum"].to_numpy())


def _training(episodes: pl.DataFrame, column: str) -> Draw:
    """Training seeds are drawn apart on each pipeline: each has agents of its own."""
    return Draw.of_labels(episodes[column].to_numpy(), episodes["pipeline"].to_numpy())


def _labels(episodes: pl.DataFrame, columns: tuple[str, ...]) -> NDArray[Any]:  # Any: strings as objects
    import polars as pl

    return episodes.select(pl.concat_str(columns, separator="\n")).to_series().to_numpy()


def _foresees(rows: pl.DataFrame) -> pl.Expr:
    """Whether the agent knew the future."""
    import polars as pl

    told = pl.col("agent").is_in(FORESEEING)
    return told | (pl.col("forecast") == PEEKING).fill_null(False) if "forecast" in rows.columns else told


def _check_settings(rows: pl.DataFrame) -> None:
    for name in (name for name in ONE_OF_EACH if name in rows.columns):
        for (pipeline,), part in rows.group_by(["pipeline"], maintain_order=True):
            found = part[name].unique(maintain_order=True).to_list()
            if len(found) > 1:
                shown = ", ".join(map(str, found[:4])) + (", ..." if len(found) > 4 else "")
                raise OptionError(f"rows: {pipeline} has {name} {shown}; expected rows of one: filter them first")


def _check_episodes(episodes: pl.DataFrame) -> None:
    import polars as pl

    numbers = [
        pl.col(name).cast(pl.Float64).is_finite().fill_null(False) for name in ("reward_mean", "violations_percent")
    ]
    bad = episodes.filter(~pl.all_horizontal(numbers))
    if len(bad):
        raise OptionError(f"rows: {_named(bad)}: reward or violations are no number; expected finite ones")
    double = episodes.filter(pl.struct(EPISODE).is_duplicated())
    if len(double):
        raise OptionError(
            f"rows: {_named(double)}: there is more than one such row; expected one setting, so one row an episode: "
            "filter them first, by forecast or settings_hash"
        )


def _named(episodes: pl.DataFrame) -> str:
    """``ipa on video under bursty, seed 0``: the first of them."""
    row = episodes.row(0, named=True)
    window = f" {row['window']}" if row["window"] else ""
    training = f" ({row['training_seed']})" if row["training_seed"] else ""
    return f"{row['agent']}{training} on {row['pipeline']} under {row['trace']}{window}, seed {row['seed']}"


def _played_by_all_training_seeds(episodes: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """What all training seeds of an agent on a pipeline have played, so that none of them counts more than others."""
    import polars as pl

    by = ["agent", "pipeline"]
    trained = episodes.group_by(by).agg(pl.col("training_seed").n_unique().alias("n_agents"))
    played = episodes.group_by([*by, *CELL[1:]]).agg(pl.len().alias("n_played"))
    whole = played.join(trained, on=by).filter(pl.col("n_played") == pl.col("n_agents"))
    kept = episodes.join(whole, on=[*by, *CELL[1:]], how="semi", maintain_order="left")
    left_out = episodes.join(kept, on=list(EPISODE), how="anti", maintain_order="left")
    notes = [
        f"{agent} on {pipeline}: {len(part)} episodes are left out, which not all of its training seeds have played."
        for (agent, pipeline), part in left_out.group_by(by, maintain_order=True)
    ]
    return kept, tuple(notes)


def _anchors(episodes: pl.DataFrame) -> pl.DataFrame:
    """Of each pipeline: the mean rewards that have score 0 and 1, or why there is no scale."""
    import polars as pl

    found = []
    for (pipeline,), part in episodes.group_by(["pipeline"], maintain_order=True):
        tasks = part.select(TASK).n_unique()
        means, problem = [], None
        for agent in (ZERO_AGENT, ONE_AGENT):
            of_task = part.filter(pl.col("agent") == agent).group_by(TASK).agg(pl.col("reward_mean").mean())
            means.append(None if of_task.is_empty() else of_task.sort(TASK)["reward_mean"].mean())
            if len(of_task) < tasks:
                have = f"has played {len(of_task)} of its {tasks} tasks" if len(of_task) else "has not played it"
                problem = problem or f"no score on {pipeline}: {agent} {have}; run it there"
        if problem is None:
            problem = _scale_problem(*means)
            problem = problem and f"no score on {pipeline}: {problem}"
        found.append((pipeline, tasks, *means, problem))
    schema = {"pipeline": pl.String, "n_tasks": pl.Int64, "zero": pl.Float64, "one": pl.Float64, "problem": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


def _scale_problem(zero: Any, one: Any) -> str | None:  # Any: polars' mean is typed as any kind of value
    try:
        Scale(zero, one)
    except OptionError:
        return f"{ZERO_AGENT} earns {zero:.4g}, {ONE_AGENT} {one:.4g}; a scale needs the second to earn more"
    return None


def _scored(episodes: pl.DataFrame, anchors: pl.DataFrame) -> pl.DataFrame:
    """With the column ``score``."""
    import polars as pl

    scores = pl.Series("score", [None] * len(episodes), dtype=pl.Float64)
    for row in anchors.filter(pl.col("problem").is_null()).iter_rows(named=True):
        scored = Scale(row["zero"], row["one"]).score(episodes["reward_mean"].to_numpy())
        here = episodes["pipeline"] == row["pipeline"]
        scores = scores.zip_with(~here, pl.Series("score", scored))
    return episodes.with_columns(scores)


def _with_traffic(episodes: pl.DataFrame) -> pl.DataFrame:
    """With ``stratum`` and ``unit`` of the traffic: episodes of a unit have random numbers in common.

    Episodes of one seed that begin at the same second draw the same numbers, whatever the pipeline and the trace, so
    the units are seeds. Where several windows of a trace were played, chance has decided which: they are the units.
    """
    import polars as pl

    windows = {trace: "\n".join(sorted(part["window"].unique())) for (trace,), part in episodes.group_by(["trace"])}
    several = {trace: names for trace, names in windows.items() if "\n" in names}
    of_windows = pl.col("trace").is_in(list(several))
    return episodes.with_columns(
        stratum=pl.when(of_windows)
        .then(pl.col("trace").replace_strict(several, default="", return_dtype=pl.String))
        .otherwise(pl.lit("seeds")),
        unit=pl.when(of_windows).then(pl.col("window")).otherwise(pl.col("seed").cast(pl.String)),
    )
