"""Seeded random pipelines for the optimiser's tests: coarse numbers on purpose, so that ties and exact fits occur."""

from __future__ import annotations

import numpy as np

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.optimizer.problem import Problem
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant
from ipa_gym.pipeline import Objective, Variant


def random_stage(rng: np.random.Generator, *, n_variants: int, n_batches: int, coarse: bool) -> tuple[Variant, ...]:
    variants = []
    for index in range(n_variants):
        first_s = float(rng.integers(1, 8)) / 10.0 if coarse else float(rng.uniform(0.05, 0.7))
        slope = float(rng.choice([0.5, 0.9, 1.0])) if coarse else float(rng.uniform(0.2, 1.0))
        latency_s = tuple(first_s * (1.0 + slope * ((1 << power) - 1)) for power in range(n_batches))
        accuracy = float(rng.integers(0, 6)) * 20.0 if coarse else float(rng.uniform(20.0, 99.0))
        cores = float(rng.integers(1, 4)) if coarse else float(rng.uniform(0.5, 8.0))
        variants.append(make_variant(f"v{index}", accuracy=accuracy, cores=cores, latency_s=latency_s))
    return tuple(variants)


def random_problem(rng: np.random.Generator, *, largest: tuple[int, int, int] = (3, 3, 3), caps: int = 4) -> Problem:
    """One problem of at most (stages, variants, batch sizes); a third fix variants or replicas."""
    n_stages = int(rng.integers(1, largest[0] + 1))
    n_batches = int(rng.integers(1, largest[2] + 1))
    coarse = bool(rng.random() < 0.6)
    stages = tuple(
        random_stage(rng, n_variants=int(rng.integers(1, largest[1] + 1)), n_batches=n_batches, coarse=coarse)
        for _ in range(n_stages)
    )
    objective = Objective(
        alpha=float(rng.choice([0.0, 1.0, 2.0, 10.0, 40.0])),
        beta=float(rng.choice([0.0, 0.5, 1.0])),
        delta=float(rng.choice([0.0, 1e-6, 0.1])),
        rho=0.0,
        accuracy_measure=ACCURACY_MEASURES[int(rng.integers(3))],
    )
    sla_s = float(rng.integers(3, 25)) / 10.0 * n_stages
    replica_cap = int(rng.integers(1, caps + 1))
    pipeline = make_pipeline(
        stages, sla_s=sla_s, batch_cap=1 << (n_batches - 1), replica_cap=replica_cap, objective=objective
    )
    rate_rps = float(rng.integers(1, 13)) if coarse else float(rng.uniform(0.2, 12.0))
    allowed = replicas = None
    if rng.random() < 0.17:
        allowed = tuple((int(rng.integers(len(stage))),) for stage in stages)
    if rng.random() < 0.17:
        replicas = tuple(int(rng.integers(1, replica_cap + 1)) for _ in stages)
    return Problem(pipeline, rate_rps, variants=allowed, replicas=replicas)
