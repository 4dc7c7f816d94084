"""Made-up rows of the store for the report's tests: what a test does not say has a plain default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ipa_gym.store import Store, schema

SLA_S = 5.0
DEFAULTS: dict[str, Any] = {
    "pipeline": "video", "trace": "bursty", "window": "0:40", "agent": "ipa", "training_seed": "", "seed": 0,
    "version": "1.0+a", "interval_s": 10.0, "forecast": "lstm", "alpha": 2.0, "beta": 1.0,
    "options": "{}", "intervals": 4, "reward_mean": 1.0, "episode_return": 4.0, "objective_mean": 1.0, "pas": 0.4,
    "cost_cores": 6.0, "violations_percent": 1.0, "drops_percent": 0.0, "latency_p99_s": 2.0, "latency_mean_s": 0.5,
    "decision_mean_ms": 0.1, "decision_p99_ms": 0.3, "reconfigurations": 2, "infeasible_decisions": 0, "arrivals": 100,
    "completed": 100, "dropped": 0, "violations": 1, "inside_at_end": 0, "sla_s": SLA_S,
}  # fmt: skip
INTERVAL: dict[str, Any] = {
    "time_s": 10.0, "load_mean_rps": 4.0, "load_max_rps": 6.0, "forecast_rps": 6.0, "capacity_rps": 8.0,
    "cost_cores": 6.0, "pas": 0.4, "latency_mean_s": 0.5, "latency_p99_s": 2.0, "queue_requests": 1, "violations": 0,
    "drops": 0, "reward": 1.0, "variants": ["small", "resnet"], "batches": [1, 2], "replicas": [3, 1],
}  # fmt: skip


def counts(**bins: int) -> list[int]:
    """Latency counts: ``_0=3`` puts three requests into bin 0; ``rest=2`` two beyond four SLAs."""
    found = [0] * 201
    for name, number in bins.items():
        found[200 if name == "rest" else int(name[1:])] = number
    return found


def intervals(n: int = 4, **changes: Any) -> list[dict[str, Any]]:
    """A series of ``n`` intervals of 10 s; a change that is a list gives one value an interval."""
    rows = []
    for number in range(n):
        own = {name: value[number] if isinstance(value, tuple) else value for name, value in changes.items()}
        rows.append(INTERVAL | {"time_s": 10.0 * (number + 1)} | own)
    return rows


def row(**changes: Any) -> dict[str, Any]:
    """A row of the store; its settings hash is made of its settings where the test gives none."""
    nested = {"latency_counts": counts(_0=60, _10=39, _60=1), "intervals_series": intervals()}
    found = DEFAULTS | nested | changes
    settings = "/".join(str(found[name]) for name in ("interval_s", "forecast", "alpha", "beta", "options"))
    return found | {"settings_hash": changes.get("settings_hash", settings)}


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a store's table."""
    types = schema()
    return pl.DataFrame(list(rows), schema=types).select(types.names())


def write_store(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """A store in ``folder``/store; returns ``folder``."""
    Store(folder / "store").add(frame(rows))
    return folder


def grid(
    agents: Sequence[str], traces: Sequence[str] = ("bursty", "steady-low"), n_seeds: int = 3
) -> list[dict[str, Any]]:
    """Every agent on video under every load, seeds from 0; the later an agent, the less it earns, the more it costs."""
    rows = []
    for place, agent in enumerate(agents):
        for trace in traces:
            for seed in range(n_seeds):
                cost = 5.0 + 2 * place + 0.1 * seed
                changes = {"reward_mean": 2.0 - place + 0.01 * seed, "cost_cores": cost, "pas": 0.4 + 0.02 * place}
                series = intervals(cost_cores=tuple(cost + 100 * traces.index(trace) + k for k in range(4)))
                rows.append(row(agent=agent, trace=trace, seed=seed, intervals_series=series, **changes))
    return rows
