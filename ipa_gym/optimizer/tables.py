"""What the compiled search reads and writes: a pipeline as flat arrays, and its working memory.

An option is a (variant, batch) pair of a stage; rows are in ascending order of (stage, variant, batch). A label is a
choice for the first stages with what it has reached. Nothing here computes. Next: `stage_rows.py`, `search.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipa_gym.optimizer.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# columns of an option's and of a label's row of floats
MEASURE = 0  # the objective's accuracy measure: of the variant, or over the decided stages
PAS = 1  # fraction
COST = 2  # cores of all replicas
BATCH = 3  # requests, summed over the decided stages
LATENCY = 4  # l(b) + q(b), seconds, summed over the decided stages
BASE = 5  # the part of the objective that adds up
FACTOR = 6  # what multiplies to the product that alpha weighs; 1 for rank_sum, which adds up
UPPER = 7  # label: upper bound on the objective of its completions
N_COLUMNS = 8

# columns of `Tables.profile`
PROFILE_LATENCY = 0  # l(b), seconds
PROFILE_THROUGHPUT = 1  # h(b), requests/s of one replica
PROFILE_CORES = 2  # of one replica
PROFILE_PAS = 3  # the variant's accuracy, fraction
PROFILE_MEASURE = 4  # its accuracy or its scaled rank

# rows of `Work.per_stage`: what the stages from s on, or the stages before s, can reach
REST_S = 0  # latency of the fastest choice from s on, seconds
LEAST = 1  # least that the factors from s on multiply to
MOST = 2  # most
LOW = 3  # least product before s that the grid of `price_bounds.py` covers
HIGH = 4  # most
PER_STEP = 5  # grid points per unit of the product; 0: one point

N_PRICES = 7


class Weights(NamedTuple):
    """The objective and the SLA."""

    alpha: float
    beta: float
    delta: float
    product_alpha: float  # alpha where the measure is a product, else 0
    adds: bool  # the measure is the sum of what the stages bring (rank_sum)
    sla_s: float


class Tables(NamedTuple):
    """One pipeline: all that does not depend on the rate. Usable as an argument of compiled code."""

    first: IntArray  # (n_stages + 1,), first row of each stage
    choice: IntArray  # (n_rows, 2), variant index and batch in requests
    profile: FloatArray  # (n_rows, 5)
    fixed: IntArray  # (n_stages,), fixed replicas; 0: free
    replica_cap: int
    weights: Weights


class Effort(NamedTuple):
    """Sizes that change the time of a search, never its result."""

    enumerate_up_to: int = 512  # combinations that are tried without bounds
    coarse_points: int = 8  # of the grid while the price is sought, >= 2
    points: int = 24  # of the grid that bounds the labels, >= 2
    beam: int = 24  # labels a stage in the pass that looks for a good feasible objective, >= 1
    reach: int = 4  # neighbours that a label is compared with for ties


class Work(NamedTuple):
    """Working memory; nothing in it outlives a decision."""

    rows: FloatArray  # (n_rows, N_COLUMNS), the options that are left
    choices: IntArray  # (n_rows, 3), their variant, batch and replicas
    first: IntArray  # (n_stages + 1,), first of them in each stage
    pool: FloatArray  # (room, N_COLUMNS), labels
    links: IntArray  # (room, 2), their parent in the pool and their option
    ints: IntArray  # (4, room), for sorting and marking
    floats: FloatArray  # (5, room)
    per_stage: FloatArray  # (6, n_stages + 1)
    price: FloatArray  # (N_PRICES,), objective per second of latency
    value: FloatArray  # (n_stages + 1, points, N_PRICES), what the stages from s on add at a price
    behind: FloatArray  # (n_stages + 1, points), the latency behind it


def make_tables(problem: Problem) -> Tables:
    """Tables of a checked problem; its rate plays no part."""
    pipeline, objective = problem.pipeline, problem.pipeline.objective
    batch_sizes = pipeline.batch_sizes
    choice: list[tuple[int, int]] = []
    profile: list[tuple[float, ...]] = []
    first = [0]
    for position, stage in enumerate(pipeline.stages):
        ranks = stage.accuracy_ranks
        for index in problem.allowed_variants(position):
            variant = stage.variants[index]
            pas = variant.accuracy / 100.0
            measure = pas if objective.accuracy_measure == "product" else ranks[index]
            for batch in batch_sizes:
                latency_s = variant.batch_latency_s(batch)
                choice.append((index, batch))
                profile.append((latency_s, batch / latency_s, variant.cores, pas, measure))
        first.append(len(choice))
    adds = objective.accuracy_measure == "rank_sum"
    alpha = float(objective.alpha)
    return Tables(
        first=np.array(first, dtype=np.int64),
        choice=np.array(choice, dtype=np.int64),
        profile=np.array(profile, dtype=np.float64),
        fixed=np.array(problem.replicas or (0,) * len(pipeline.stages), dtype=np.int64),
        replica_cap=int(pipeline.replica_cap),
        weights=Weights(
            alpha=alpha,
            beta=float(objective.beta),
            delta=float(objective.delta),
            product_alpha=0.0 if adds else alpha,
            adds=adds,
            sla_s=float(pipeline.sla_s),
        ),
    )


def make_work(tables: Tables, effort: Effort, room: int) -> Work:
    """Working memory for ``room`` labels at least."""
    n_stages, n_rows = len(tables.fixed), len(tables.choice)
    room = max(room, n_rows + 1)
    points = max(effort.points, effort.coarse_points)
    return Work(
        rows=np.empty((n_rows, N_COLUMNS)),
        choices=np.empty((n_rows, 3), dtype=np.int64),
        first=np.empty(n_stages + 1, dtype=np.int64),
        pool=np.empty((room, N_COLUMNS)),
        links=np.empty((room, 2), dtype=np.int64),
        ints=np.empty((4, room), dtype=np.int64),
        floats=np.empty((5, room)),
        per_stage=np.empty((6, n_stages + 1)),
        price=np.empty(N_PRICES),
        value=np.empty((n_stages + 1, points, N_PRICES)),
        behind=np.empty((n_stages + 1, points)),
    )
