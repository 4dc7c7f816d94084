"""`Judge`: what is known of the episodes of a league, agent by agent, and the estimates that its tables are made of.

One row of estimates at a time; which rows there are and what goes beside them is the business of `league.py`. Every
estimate draws from a generator of its own with the same seed, so that no agent's interval depends on who else plays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ipa_gym.benchmark.league_rows import CELL, ORACLE, TASK, LeagueRows, Pairing, own_runs
from ipa_gym.statistics import (
    IntervalEstimate,
    Runs,
    contributions,
    iqm_estimate,
    mean_estimate,
    optimality_gap_estimate,
    sign_flip_p,
    smallest_sign_flip_p,
    student_p,
    wins,
)

if TYPE_CHECKING:
    import polars as pl

Cell = float | int | str | bool | None
Row = dict[str, Cell]


class _Estimator(Protocol):
    def __call__(self, runs: Runs, /, *, rng: np.random.Generator) -> IntervalEstimate: ...


LEVEL = 0.05  # family-wise error of the verdicts on one agent's pipelines
SIGN_FLIP, STUDENT = "sign-flip", "student"
MARGIN = 10  # sign flips are used where their smallest p-value is so many times smaller than what Holm asks for
_OF_SCORES: Mapping[str, _Estimator] = {
    "mean": mean_estimate,
    "iqm": iqm_estimate,
    "optimality_gap": optimality_gap_estimate,
}


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Episodes, and whom they are compared with."""

    rows: LeagueRows
    baseline: str
    seed: int
    by_agent: dict[str, pl.DataFrame] = field(init=False)

    def __post_init__(self) -> None:
        parts = self.rows.episodes.partition_by("agent", as_dict=True, maintain_order=True)
        object.__setattr__(self, "by_agent", {str(name): part for (name,), part in parts.items()})

    def overall(self, agent: str) -> Row:
        """The agent over all its pipelines, by normalised score."""
        own = self.by_agent[agent]
        scored = own.drop_nulls("score")
        row: Row = {"agent": agent, **self._counts(own, self.rows.episodes)}
        runs = None if scored.is_empty() else own_runs(scored, "score")
        for name, estimate in _OF_SCORES.items():
            row |= _three(name, None if runs is None else estimate(runs, rng=self._rng()))
        row |= self._wins(agent)
        row |= _three("oracle_gap", self._oracle_gap(agent, "score"))
        worst = max(((violations_percent(part), name) for name, part in pipelines_of(own)), key=lambda pair: pair[0])
        return row | {"worst_pipeline": worst[1], "worst_violations_percent": worst[0]}

    def on_pipeline(self, agent: str, pipeline: str) -> Row:
        """The agent on one pipeline, by reward; p-values are of this pipeline alone."""
        import polars as pl

        own = self.by_agent[agent].filter(pl.col("pipeline") == pipeline)
        everyone = self.rows.episodes.filter(pl.col("pipeline") == pipeline)
        row: Row = {"pipeline": pipeline, "agent": agent, **self._counts(own, everyone)}
        del row["n_pipelines"]
        row |= _three("reward", mean_estimate(own_runs(own, "reward_mean"), rng=self._rng()))
        row["reward_mean"] = row.pop("reward")
        scored = own.drop_nulls("score")
        row["score"] = None if scored.is_empty() else _mean(own_runs(scored, "score"))
        row["violations_percent"] = violations_percent(own)
        row |= self._difference(agent, pipeline)
        return row | _three("oracle_gap", self._oracle_gap(agent, "reward_mean", pipeline))

    def pairing(self, agent: str, other: str, pipeline: str | None = None) -> Pairing | None:
        """What two agents have both played; None where they are one, or share nothing."""
        import polars as pl

        if agent == other or other not in self.by_agent:
            return None
        ours = self.by_agent[agent]
        if pipeline is not None:
            ours = ours.filter(pl.col("pipeline") == pipeline)
        pairing = Pairing.of(ours, self.by_agent[other])
        return pairing if pairing.n_common else None

    def _wins(self, agent: str) -> Row:
        """How probable it is to earn more than the baseline on the same traffic."""
        pairing = self.pairing(agent, self.baseline)
        if pairing is None:
            return {**_three("p_better", None), "n_common": None}
        won = mean_estimate(pairing.runs("reward_mean", wins), rng=self._rng(), bounds=(0.0, 1.0))
        return {**_three("p_better", won), "n_common": pairing.n_common}

    def _difference(self, agent: str, pipeline: str) -> Row:
        """Own reward minus the baseline's on the same traffic, and the p-value of there being none."""
        pairing = self.pairing(agent, self.baseline, pipeline)
        if pairing is None:
            return {"n_common": None, **_three("difference", None), "p_value": None, "test": None}
        runs = pairing.runs("reward_mean", np.subtract)
        row: Row = {"n_common": pairing.n_common, **_three("difference", mean_estimate(runs, rng=self._rng()))}
        p_value, test = paired_p(runs, self._n_compared(agent), self._rng())
        return row | {"p_value": _known(p_value), "test": None if math.isnan(p_value) else test}

    def _n_compared(self, agent: str) -> int:
        """Pipelines on which the agent is compared with the baseline: that many hypotheses are tested at once."""
        pairing = self.pairing(agent, self.baseline)
        return pairing.pairs["pipeline"].n_unique() if pairing else 0

    def _oracle_gap(self, agent: str, column: str, pipeline: str | None = None) -> IntervalEstimate | None:
        """How much more the oracle has on the same traffic."""
        pairing = self.pairing(agent, ORACLE, pipeline)
        if pairing is None:
            return None
        known = Pairing(pairing.pairs.drop_nulls([column, f"{column}_right"]))
        if not known.n_common:
            return None
        return mean_estimate(known.runs(column, lambda ours, theirs: theirs - ours), rng=self._rng())

    def _counts(self, own: pl.DataFrame, everyone: pl.DataFrame) -> Row:
        """How much the agent has played, and whether that is all that anyone has."""
        return {
            "n_agents": max(part["training_seed"].n_unique() for _, part in pipelines_of(own)),
            "n_pipelines": own["pipeline"].n_unique(),
            "n_tasks": own.select(TASK).n_unique(),
            "n_episodes": len(own),
            "foresees": bool(own["foresees"].any()),
            "complete": own.select(CELL).n_unique() == everyone.select(CELL).n_unique(),
        }

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def paired_p(runs: Runs, n_compared: int, rng: np.random.Generator) -> tuple[float, str]:
    """p-value of "the mean is zero", and by which test.

    By sign flips of the units of traffic, which assume no distribution, where these are enough to reject one of
    ``n_compared`` hypotheses with room to spare; by Student's t where not, or where training seeds have varied too.

    Args:
        runs: differences; the first draw is the traffic.
    Returns: (NaN, a test's name) where nothing was drawn twice.
    """
    traffic, *trainings = runs.draws
    n_units = traffic.n_units
    enough = MARGIN * smallest_sign_flip_p(n_units) * max(1, n_compared) <= LEVEL
    if enough and not any(draw.strata() for draw in trainings):
        return sign_flip_p(contributions(runs, traffic), rng=rng), SIGN_FLIP
    return student_p(runs), STUDENT


def pipelines_of(episodes: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The episodes of each pipeline, in their order."""
    for (pipeline,), part in episodes.group_by(["pipeline"], maintain_order=True):
        yield str(pipeline), part


def violations_percent(episodes: pl.DataFrame) -> float:
    """One agent's SLA violations: the mean over tasks of their episodes' percentage."""
    return _mean(own_runs(episodes, "violations_percent"))


def _mean(runs: Runs) -> float:
    return float(runs.weights @ runs.values)


def _three(name: str, estimate: IntervalEstimate | None) -> Row:
    """An estimate's cells; null where there is none."""
    values: tuple[float, ...] = (math.nan,) * 3
    if estimate is not None:
        values = (estimate.value, estimate.low, estimate.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(_known, values), strict=True))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
