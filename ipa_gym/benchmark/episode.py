"""Runs one episode and measures it: `play` steps an environment with a policy, `measure` sums its rows up.

One `EpisodeResult` an episode, one `IntervalResult` an interval; their fields are columns of the results
(`ipa_gym/store/columns.py`). Next: `work.py`, which does this in worker processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ipa_gym.benchmark.settings import Task
from ipa_gym.env import PipelineEnv
from ipa_gym.episode import IntervalRow
from ipa_gym.pipeline import Configuration, Pipeline
from ipa_gym.policies import Policy, foresee
from ipa_gym.rendering import capacity_rps
from ipa_gym.store.columns import LATENCY_BINS, LATENCY_BINS_PER_SLA

OnStep = Callable[[IntervalRow], None]


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """One episode of one agent. Means are over intervals, latencies over all completed requests (NaN: none)."""

    pipeline: str
    trace: str
    agent: str
    seed: int
    intervals: int
    reward_mean: float  # per interval
    episode_return: float  # sum of the rewards
    objective_mean: float  # IPA's objective: the reward without its SLA penalty
    pas: float  # fraction
    cost_cores: float
    violations_percent: float  # of arrivals
    drops_percent: float  # of arrivals
    latency_p99_s: float
    latency_mean_s: float
    decision_mean_ms: float  # of Policy.act
    decision_p99_ms: float
    reconfigurations: int  # decisions that differ from the one before; the first, from what served at the start
    infeasible_decisions: int  # where the policy found no feasible configuration and said so
    arrivals: int
    completed: int
    dropped: int
    violations: int
    inside_at_end: int


@dataclass(frozen=True, slots=True)
class IntervalResult:
    """One interval of an episode, for the time series."""

    time_s: float  # the interval's end, since the episode's start
    load_mean_rps: float
    load_max_rps: float  # busiest second
    forecast_rps: float  # as the policy saw it when it decided
    capacity_rps: float
    cost_cores: float
    pas: float
    latency_mean_s: float  # NaN: none completed
    latency_p99_s: float
    queue_requests: int
    violations: int
    drops: int
    reward: float
    variants: tuple[str, ...]  # decided, of each stage
    batches: tuple[int, ...]
    replicas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What `play` has seen beside the environment's own rows."""

    decision_s: tuple[float, ...]  # of each call of act
    infeasible_decisions: int


def play(
    env: PipelineEnv, policy: Policy, *, seed: int, start: int | None = None, on_step: OnStep | None = None
) -> Played:
    """Play one episode to its end; the rows stay in ``env.rows``.

    Args:
        seed: of the arrivals and service times in the window from second 0; the one from second s gets ``seed + s``,
            as in `ipa_gym.evaluation.play`.
        start: first second of the window in the trace; None: the environment's fixed windows, or one that it draws.
        on_step: called with each interval's row as soon as it is there.
    """
    episode_seed = seed + (start or 0)
    observation, _ = env.reset(seed=episode_seed, options=None if start is None else {"start": start})
    policy.reset()
    foresee(policy, env.settings, start=env.windows[0][0], seed=episode_seed)
    decision_s: list[float] = []
    infeasible, truncated = 0, False
    while not truncated:
        started = perf_counter()
        action = policy.act(observation)
        decision_s.append(perf_counter() - started)
        infeasible += policy.diagnostics.get("feasible") is False
        observation, _, _, truncated, _ = env.step(action)
        if on_step is not None:
            on_step(env.rows[-1])
    return Played(tuple(decision_s), infeasible)


def measure(task: Task, env: PipelineEnv, played: Played) -> EpisodeResult:
    """Sum up the episode that ``env`` has just finished."""
    rows = env.rows
    latency_s = np.concatenate([row.outcome.latency_s for row in rows])
    decision_ms = 1000 * np.array(played.decision_s)
    arrivals = sum(row.outcome.arrivals for row in rows)
    dropped = sum(row.outcome.dropped for row in rows)
    violations = sum(row.violations for row in rows)
    rewards = [row.reward for row in rows]
    return EpisodeResult(
        pipeline=task.pipeline,
        trace=task.trace,
        agent=task.agent,
        seed=task.seed,
        intervals=len(rows),
        reward_mean=math.fsum(rewards) / len(rows),
        episode_return=math.fsum(rewards),
        objective_mean=math.fsum(row.terms.objective for row in rows) / len(rows),
        pas=math.fsum(row.pas for row in rows) / len(rows),
        cost_cores=math.fsum(row.cost_cores for row in rows) / len(rows),
        violations_percent=_percent(violations, arrivals),
        drops_percent=_percent(dropped, arrivals),
        latency_p99_s=_percentile(latency_s, 99),
        latency_mean_s=_mean(latency_s),
        decision_mean_ms=float(decision_ms.mean()),
        decision_p99_ms=float(np.percentile(decision_ms, 99)),
        reconfigurations=reconfigurations(env.initial_configuration, [row.decision for row in rows]),
        infeasible_decisions=played.infeasible_decisions,
        arrivals=arrivals,
        completed=int(latency_s.size),
        dropped=dropped,
        violations=violations,
        inside_at_end=int(env.simulator.n_inside),
    )


def interval_result(pipeline: Pipeline, row: IntervalRow) -> IntervalResult:
    """One row of the time series."""
    stages = row.decision.stages
    return IntervalResult(
        time_s=row.start_s + row.interval_s,
        load_mean_rps=row.load_mean_rps,
        load_max_rps=row.load_max_rps,
        forecast_rps=row.forecast_rps,
        capacity_rps=capacity_rps(pipeline, row),
        cost_cores=row.cost_cores,
        pas=row.pas,
        latency_mean_s=_mean(row.outcome.latency_s),
        latency_p99_s=_percentile(row.outcome.latency_s, 99),
        queue_requests=int(row.outcome.queue_requests.sum()),
        violations=row.violations,
        drops=row.outcome.dropped,
        reward=row.reward,
        variants=tuple(
            stage.variants[chosen.variant].name for stage, chosen in zip(pipeline.stages, stages, strict=True)
        ),
        batches=tuple(chosen.batch for chosen in stages),
        replicas=tuple(chosen.replicas for chosen in stages),
    )


def latency_counts(latency_s: NDArray[np.float64], sla_s: float) -> NDArray[np.int64]:
    """How many latencies lie in each bin, int64 (201,).

    Bin i of the first 200 has those over i and up to i + 1 times ``sla_s`` / 50, the last one those beyond four SLAs.
    """
    upper_s = np.arange(1, LATENCY_BINS + 1) * (sla_s / LATENCY_BINS_PER_SLA)
    return np.bincount(np.searchsorted(upper_s, latency_s), minlength=LATENCY_BINS + 1).astype(np.int64)


def reconfigurations(initial: Configuration, decisions: list[Configuration]) -> int:
    """How many decisions differ from the one before; the first is compared with ``initial``."""
    return sum(now != before for before, now in zip([initial, *decisions], decisions, strict=False))


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _percentile(values: NDArray[np.float64], q: float) -> float:
    return float(np.percentile(values, q)) if values.size else math.nan
