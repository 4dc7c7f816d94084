"""Made-up pipelines to measure and test solvers on: of any size, drawn from a seeded generator.

`synthetic_problem` is what decision times over stages × variants are measured with (`benchmark/decision_time.py`).
Nothing here solves or measures. The shipped pipelines are cards in ``envs/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Objective, Pipeline, Stage, Variant

RATE_RPS = 20.0  # load of every synthetic problem
REPLICA_CAP = 100
ALPHA: Mapping[str, float] = {"product": 300.0, "rank_product": 100.0, "rank_sum": 20.0}  # accuracy and cost both count
_TOY_OBJECTIVE = Objective(alpha=10.0, beta=1.0, delta=1e-6, rho=0.0, accuracy_measure="product")


def make_variant(
    name: str, *, accuracy: float, cores: float, latency_s: tuple[float, ...], startup_s: float = 0.0
) -> Variant:
    """A variant with the given latency of a full batch at sizes 1, 2, 4, ...: seconds; accuracy in percent."""
    sizes = tuple(1 << power for power in range(len(latency_s)))
    return Variant(name, accuracy, cores, startup_s, sizes, latency_s)


def make_pipeline(
    stages: Sequence[tuple[Variant, ...]],
    *,
    sla_s: float = 2.0,
    batch_cap: int = 1,
    replica_cap: int = 10,
    objective: Objective = _TOY_OBJECTIVE,
) -> Pipeline:
    """A pipeline of the given variants, a tuple a stage, without slowdown and with a drop limit that never matters."""
    return Pipeline(
        name="toy",
        title="toy",
        stages=tuple(Stage(f"stage{index}", variants) for index, variants in enumerate(stages)),
        drop_after_s=100.0,
        batch_timeout_s=1.0,
        slowdown=1.0,
        sla_s=sla_s,
        batch_cap=batch_cap,
        replica_cap=replica_cap,
        objective=objective,
    )


def synthetic_problem(
    rng: np.random.Generator, *, n_stages: int, n_variants: int, n_batches: int, measure: str, sla_factor: float = 3.0
) -> Problem:
    """One decision whose better variants are slower and dearer, with an SLA that binds.

    In every stage accuracies (40 to 95 %), latencies at batch 1 (0.02 to 0.5 s) and cores (1 to 16) are drawn and
    sorted, so that they rise together; a batch of k takes the first latency times 1 + slope (k − 1), slope 0.4 to 0.95.

    Args:
        rng: consumed; the same state gives the same problem.
        n_stages, n_variants, n_batches: its size, each at least 1; batch sizes are 1, 2, 4, ...
        measure: one of `ACCURACY_MEASURES`.
        sla_factor: the SLA over the sum of the stages' mean latency at batch 1.
    Raises: UnknownNameError for another measure, OptionError for a size below 1.
    """
    if min(n_stages, n_variants, n_batches) < 1:
        raise OptionError(
            f"a synthetic problem of {n_stages} x {n_variants} x {n_batches}; expected at least 1 of each"
        )
    if measure not in ACCURACY_MEASURES:
        raise unknown_name("accuracy measure", measure, ACCURACY_MEASURES)
    stages = [_rising_stage(rng, n_variants, n_batches) for _ in range(n_stages)]
    sla_s = sla_factor * float(sum(np.mean([variant.latency_s[0] for variant in stage]) for stage in stages))
    objective = replace(_TOY_OBJECTIVE, alpha=ALPHA[measure], beta=0.5, accuracy_measure=measure)  # type: ignore[arg-type]
    pipeline = make_pipeline(
        stages, sla_s=sla_s, batch_cap=1 << (n_batches - 1), replica_cap=REPLICA_CAP, objective=objective
    )
    return Problem(pipeline, RATE_RPS)


def _rising_stage(rng: np.random.Generator, n_variants: int, n_batches: int) -> tuple[Variant, ...]:
    accuracy = np.sort(rng.uniform(40.0, 95.0, n_variants))
    first_s = np.sort(rng.uniform(0.02, 0.5, n_variants))
    slope = rng.uniform(0.4, 0.95, n_variants)
    cores = np.sort(rng.integers(1, 17, n_variants))
    return tuple(
        make_variant(
            f"v{index}",
            accuracy=float(accuracy[index]),
            cores=float(cores[index]),
            latency_s=tuple(
                float(first_s[index] * (1 + slope[index] * ((1 << power) - 1))) for power in range(n_batches)
            ),
        )
        for index in range(n_variants)
    )
