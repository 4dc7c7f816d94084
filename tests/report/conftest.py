"""One results folder with rows for every section, made once for the tests that only read it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ipa_gym.benchmark.decision_time import DECISION_TIME_FILE
from tests.report.rows import grid, row, write_store

AGENTS = ("ipa", "ipa-perfect", "fa2-low", "hpa", "random")


@pytest.fixture(scope="session")
def full_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "results"
    rows = [one | {"forecast": "perfect"} if one["agent"] == "ipa-perfect" else one for one in grid(AGENTS)]
    rows += [one | {"pipeline": "sum-qa", "alpha": 10.0, "beta": 0.5} for one in grid(AGENTS, ("bursty",))]
    rows += [
        row(seed=seed, trace=trace, alpha=2.0 * factor, pas=0.4 + 0.02 * factor, cost_cores=5.0 + factor)
        for factor in (0.5, 2.0, 4.0)
        for trace in ("bursty", "steady-low")
        for seed in range(2)
    ]
    rows += [
        row(seed=seed, beta=factor, options=f'{{"reward": {{"rho": {30 * factor}}}}}', cost_cores=6.0 - factor)
        for factor in (0.5, 2.0)
        for seed in range(3)
    ]
    rows += [
        row(seed=seed, forecast=name, violations=late, violations_percent=float(late))
        for name, late in (("reactive", 7), ("perfect", 0))
        for seed in range(3)
    ]
    write_store(folder, rows)
    times = [
        {"solver": solver, "stages": stages, "variants": variants, "batches": 7, "problems": 5,
         "best_ms": scale * stages, "median_ms": 2 * scale * stages, "worst_ms": 3 * scale * stages}
        for solver, scale in (("exact", 0.01), ("highs", 4.0))
        for stages in (2, 4)
        for variants in (2, 5)
    ]  # fmt: skip
    pl.DataFrame(times).write_parquet(folder / DECISION_TIME_FILE)
    return folder
