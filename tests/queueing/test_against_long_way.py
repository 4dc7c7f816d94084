"""The short way through a stage (`queueing/singles.py`) against the long one, which a run that records takes.

The long way is compared with the independent models request by request.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ipa_gym.pipeline import Configuration
from ipa_gym.queueing import IntervalOutcome, Simulator
from tests.queueing.random_cases import Case, random_case

N_BLOCKS, RUNS_A_BLOCK = 5, 60


def of_singles(case: Case, rng: np.random.Generator) -> Case:
    """The same case with deterministic service, where nearly all decisions are for batches of one."""
    keep = rng.random() < 0.3  # some batches stay, so that the ways alternate
    decisions = [
        Configuration(tuple(s if keep and rng.random() < 0.3 else replace(s, batch=1) for s in decision.stages))
        for decision in case.decisions
    ]
    options = {name: value for name, value in case.options.items() if name != "service_law"} | {"service_cv": 0.0}
    return replace(case, decisions=decisions, options=options)


@pytest.mark.parametrize("block", range(N_BLOCKS))
def test_short_way_gives_the_floats_of_the_long_one(block: int) -> None:
    served = dropped = 0
    for seed in range(block * RUNS_A_BLOCK, (block + 1) * RUNS_A_BLOCK):
        case = of_singles(random_case(seed), np.random.default_rng(seed))
        short, long = (Simulator(case.pipeline, record=record, **case.options) for record in (False, True))
        short.reset(case.decisions[0], seed=case.seed)
        long.reset(case.decisions[0], seed=case.seed)
        for decision, arrivals in zip(case.decisions[1:], case.arrivals, strict=True):
            found, expected = short.step(decision, arrivals), long.step(decision, arrivals)
            for field in fields(IntervalOutcome):
                np.testing.assert_array_equal(
                    getattr(found, field.name), getattr(expected, field.name), err_msg=f"{seed} {field.name}"
                )
            assert (short.overdue_inside(), short.n_inside) == (long.overdue_inside(), long.n_inside)
        served, dropped = served + short.n_completed, dropped + short.n_dropped
    assert min(served, dropped) > 500
