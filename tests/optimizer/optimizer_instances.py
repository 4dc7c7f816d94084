"""Seeded random pipelines for the optimiser's tests: coarse numbers on purpose, so that ties and exact fits occur."""

from __future__ import annotations

import numpy as np

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.optimizer.problem import Problem
from ipa_gym.pipeline import Objective, Pipeline, Stage, Variant


def make_variant(
    name: str, *, accuracy: float, cores: float, latency_s: tuple[float, ...], startup_s: float = 0.0
) -> Variant:
    sizes = tuple(1 << power for power in range(len(latency_s)))
    return Variant(name, accuracy, cores, startup_s, sizes, latency_s)


def make_pipeline(stages: tuple[tuple[Variant, ...], ...], **limits: object) -> Pipeline:
    settings: dict[str, object] = {
        "sla_s": 2.0,
        "batch_cap": 1,
        "replica_cap": 10,
        "objective": Objective(alpha=10.0, beta=1.0, delta=1e-6, rho=0.0, accuracy_measure="product"),
    }
    settings.update(limits)
    return Pipeline(
        name="toy",
        title="toy",
        stages=tuple(Stage(f"stage{index}", variants) for index, variants in enumerate(stages)),
        drop_after_s=100.0,
        batch_timeout_s=1.0,
        slowdown=1.0,
        **settings,  # type: ignore[arg-type]  # a plain table of keyword arguments
    )


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


def synthetic_problem(
    rng: np.random.Generator, *, n_stages: int, n_variants: int, n_batches: int, measure: str, sla_factor: float = 3.0
) -> Problem:
    """A large instance whose better variants are slower and dearer, with an SLA that binds."""
    stages = []
    for _ in range(n_stages):
        accuracy = np.sort(rng.uniform(40.0, 95.0, n_variants))
        first_s = np.sort(rng.uniform(0.02, 0.5, n_variants))
        slope = rng.uniform(0.4, 0.95, n_variants)
        cores = np.sort(rng.integers(1, 17, n_variants))
        stages.append(
            tuple(
                make_variant(
                    f"v{index}",
                    accuracy=float(accuracy[index]),
                    cores=float(cores[index]),
                    latency_s=tuple(
                        float(first_s[index] * (1 + slope[index] * ((1 << p) - 1))) for p in range(n_batches)
                    ),
                )
                for index in range(n_variants)
            )
        )
    sla_s = sla_factor * float(sum(np.mean([v.latency_s[0] for v in stage]) for stage in stages))
    alpha = {"product": 300.0, "rank_product": 100.0, "rank_sum": 20.0}[measure]
    objective = Objective(alpha=alpha, beta=0.5, delta=1e-6, rho=0.0, accuracy_measure=measure)  # type: ignore[arg-type]
    pipeline = make_pipeline(
        tuple(stages), sla_s=sla_s, batch_cap=1 << (n_batches - 1), replica_cap=100, objective=objective
    )
    return Problem(pipeline, 20.0)
