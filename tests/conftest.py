"""The toy pipeline whose numbers can be worked by hand, and the cards and ids that sweeps run over."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ipa_gym.pipeline import Baselines, Objective, Pipeline, Stage, Variant
from ipa_gym.queueing.simulator import IntervalOutcome

BATCHES = (1, 2, 4, 8)


def toy_pipeline(**changes: object) -> Pipeline:
    """Two stages of two variants; latencies are linear in the batch, so h = b / l is easy to work out."""
    small = Variant("small", 50.0, 1.0, 5.0, BATCHES, (0.10, 0.15, 0.25, 0.45))
    large = Variant("large", 80.0, 2.0, 8.0, BATCHES, (0.20, 0.30, 0.50, 0.90))
    tiny = Variant("tiny", 60.0, 1.0, 2.0, BATCHES, (0.05, 0.10, 0.20, 0.40))
    big = Variant("big", 90.0, 3.0, 3.0, BATCHES, (0.25, 0.50, 1.00, 2.00))
    values: dict[str, object] = {
        "name": "toy",
        "title": "two stages that fit in a head",
        "stages": (Stage("detect", (small, large)), Stage("classify", (tiny, big))),
        "sla_s": 2.0,
        "drop_after_s": 4.0,
        "batch_timeout_s": 0.5,
        "batch_cap": 4,
        "replica_cap": 10,
        "slowdown": 1.0,
        "objective": Objective(alpha=10.0, beta=0.5, delta=1e-6, rho=20.0, accuracy_measure="product"),
        "baselines": Baselines(fa2_high_variants=(1, 1), rim_replicas=(4, 3)),
    }
    return Pipeline(**{**values, **changes})  # type: ignore[arg-type]  # tests change any field


LONGEST = "test_packaging.py"  # compiles everything in a virtual environment of its own


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For xdist's workers the longest file first, then those of most tests, so that none is left alone with much."""
    if not hasattr(config, "workerinput"):
        return  # one process: the order that was asked for, on which `tests/queueing/mutation_run.py` counts
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name != LONGEST, -sizes[item.path]))


@pytest.fixture
def toy() -> Pipeline:
    return toy_pipeline()


def make_outcome(**changes: object) -> IntervalOutcome:
    """An interval of the toy pipeline in which nothing happened, but for ``changes``; lists become arrays."""
    zeros = np.zeros(2, dtype=np.int64)
    values: dict[str, object] = dict.fromkeys(("arrivals", "completed", "dropped", "violations"), 0)
    values |= dict.fromkeys(
        ("queue_requests", "dropped_at", "variant_before", "variant", "batch", "serving", "starting", "leaving"), zeros
    )
    values |= {"core_seconds": 0.0, "latency_s": np.zeros(0), "switch_s": np.full(2, np.nan)}
    values |= dict.fromkeys(("busy_replica_s", "serving_replica_s", "sojourn_p99_s"), np.zeros(2))
    values |= {name: np.array(value) if isinstance(value, list) else value for name, value in changes.items()}
    return IntervalOutcome(**values)  # type: ignore[arg-type]  # tests change any field
