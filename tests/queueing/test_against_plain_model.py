"""The kernel against the plain twin: every request and every field of every outcome, over random configurations."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from ipa_gym.queueing import IntervalOutcome, Simulator
from tests.queueing.random_cases import Case, random_case
from tests.reference.plain_model import PlainModel

N_BLOCKS, RUNS_A_BLOCK = 10, 40
FATES = ("inside", "completed", "dropped")


def assert_same(outcome: IntervalOutcome, expected: dict[str, object]) -> None:
    assert {field.name for field in fields(outcome)} == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(outcome, name), value, rtol=1e-9, atol=1e-9, err_msg=name)


def run_both(case: Case) -> tuple[Simulator, PlainModel]:
    options = {name: value for name, value in case.options.items() if name != "service_law"}  # the twin knows one law
    fast, plain = Simulator(case.pipeline, record=True, **options), PlainModel(case.pipeline, **options)
    fast.reset(case.decisions[0], seed=case.seed)
    plain.reset(case.decisions[0], seed=case.seed)
    for decision, arrivals in zip(case.decisions[1:], case.arrivals, strict=True):
        assert_same(fast.step(decision, arrivals), plain.step(decision, arrivals))
        assert fast.overdue_inside() == plain.overdue_inside()
    return fast, plain


@pytest.mark.parametrize("block", range(N_BLOCKS))
def test_kernel_agrees_with_plain_model_to_the_last_request(block: int) -> None:
    for seed in range(block * RUNS_A_BLOCK, (block + 1) * RUNS_A_BLOCK):
        fast, plain = run_both(random_case(seed))
        records = fast.records()
        assert [FATES[fate] for fate in records.fate] == [request.fate for request in plain.requests], seed
        left_s = [np.nan if request.left is None else request.left for request in plain.requests]
        np.testing.assert_allclose(records.left_s, left_s, rtol=0, atol=1e-9, err_msg=str(seed))


def test_random_cases_reach_every_rule() -> None:
    """The comparison is worth as much as what its cases contain."""
    seen = dict.fromkeys(("dropped", "late", "switched", "starting", "leaving", "queue", "partial", "ties"), 0)
    for seed in range(120):
        case = random_case(seed)
        simulator = Simulator(case.pipeline, record=True, **case.options)
        simulator.reset(case.decisions[0], seed=case.seed)
        for decision, arrivals in zip(case.decisions[1:], case.arrivals, strict=True):
            outcome = simulator.step(decision, arrivals)
            seen["dropped"] += outcome.dropped
            seen["late"] += outcome.violations - outcome.dropped
            seen["switched"] += int(np.isfinite(outcome.switch_s).sum())
            seen["starting"] += int(outcome.starting.sum())
            seen["leaving"] += int(outcome.leaving.sum())
            seen["queue"] += int(outcome.queue_requests.sum())
            seen["partial"] += int((outcome.batch > 1).any() and outcome.completed % 2)
            seen["ties"] += len(arrivals) - len(set(arrivals.tolist()))
    assert min(seen.values()) > 50, seen
