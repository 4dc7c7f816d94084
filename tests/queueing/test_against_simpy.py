"""The kernel against the SimPy model, an independent program: every request, replica and outcome field of random runs.

Counts, fates and numbers must be equal, times and integrals to 1e-9. The last test counts how often each rule of
docs/model.md was at work in these runs, so that the comparison cannot become empty unnoticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipa_gym.queueing import IntervalOutcome, Records, Simulator
from tests.queueing.random_cases import random_case
from tests.queueing.reached_rules import RULES, rules_met
from tests.reference.simpy_model import SimpyModel

N_BLOCKS, RUNS_A_BLOCK = 20, 100  # the default run: 2,000 cases
N_SLOW_BLOCKS, RUNS_A_SLOW_BLOCK, FIRST_SLOW_SEED = 20, 1000, 1_000_000  # 20,000 others
FATES = ("inside", "completed", "dropped")
STAGE_FIELDS = ("enqueue_s", "start_s", "end_s", "batch")
REPLICA_FIELDS = ("slot", "variant", "started_s", "joined_s", "told_s", "gone_s")


def assert_same(where: str, got: Any, expected: Any) -> None:
    """Integers equal, floats to 1e-9; NaN equals NaN only."""
    got = np.asarray(got)
    expected = np.asarray(expected, dtype=got.dtype if np.size(expected) == 0 else None)
    if np.array_equal(got, expected, equal_nan=True):
        return
    tolerance = 1e-9 if got.dtype.kind == "f" else 0
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance, err_msg=where)


def assert_outcomes_agree(seed: int, outcomes: Sequence[IntervalOutcome], expected: Sequence[dict[str, Any]]) -> None:
    names = {field.name for field in fields(IntervalOutcome)}
    assert all(set(values) == names for values in expected)
    for name in sorted(names):
        counts = [np.size(getattr(outcome, name)) for outcome in outcomes]
        assert counts == [np.size(values[name]) for values in expected], f"seed {seed}: {name}"
        got = np.concatenate([np.atleast_1d(getattr(outcome, name)) for outcome in outcomes])
        assert_same(f"seed {seed}: {name}", got, np.concatenate([np.atleast_1d(v[name]) for v in expected]))


def assert_records_agree(seed: int, records: Records, model: SimpyModel) -> None:
    requests, n_stages = model.requests, len(model.stages)
    assert [FATES[fate] for fate in records.fate] == [request.fate for request in requests], f"seed {seed}"
    for name in ("left_s", "drop_stage"):
        assert_same(f"seed {seed}: {name}", getattr(records, name), [getattr(request, name) for request in requests])
    assert_same(f"seed {seed}: arrival_s", records.arrival_s, [request.t0_s for request in requests])
    for name in STAGE_FIELDS:
        expected = [[getattr(request, name)[stage] for request in requests] for stage in range(n_stages)]
        assert_same(f"seed {seed}: {name}", getattr(records, name), expected)
    for stage, lives in zip(model.stages, records.replicas, strict=True):
        for name in REPLICA_FIELDS:
            expected = [getattr(replica, name) for replica in stage.replicas]
            assert_same(f"seed {seed}: stage {stage.index}, {name}", getattr(lives, name), expected)
        numbers = records.replica[stage.index]
        slots = np.where(numbers < 0, -1, lives.slot[numbers])
        assert_same(f"seed {seed}: stage {stage.index}, slots", slots, [r.slot[stage.index] for r in requests])


def assert_agree(seed: int) -> None:
    case = random_case(seed)
    simulator, model = Simulator(case.pipeline, record=True, **case.options), SimpyModel(case.pipeline, **case.options)
    simulator.reset(case.decisions[0], seed=case.seed)
    model.reset(case.decisions[0], seed=case.seed)
    outcomes, expected = [], []
    for decision, arrival_s in zip(case.decisions[1:], case.arrivals, strict=True):
        outcomes.append(simulator.step(decision, arrival_s))
        expected.append(model.step(decision, arrival_s.tolist()))
        assert simulator.overdue_inside() == model.overdue_inside(), f"seed {seed}"
    assert_records_agree(seed, simulator.records(), model)
    assert_outcomes_agree(seed, outcomes, expected)


@pytest.mark.parametrize("block", range(N_BLOCKS))
def test_kernel_agrees_with_simpy_to_the_last_request(block: int) -> None:
    for seed in range(block * RUNS_A_BLOCK, (block + 1) * RUNS_A_BLOCK):
        assert_agree(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(N_SLOW_BLOCKS))
def test_kernel_agrees_with_simpy_in_twenty_thousand_runs(block: int) -> None:
    first = FIRST_SLOW_SEED + block * RUNS_A_SLOW_BLOCK
    for seed in range(first, first + RUNS_A_SLOW_BLOCK):
        assert_agree(seed)


def test_compared_runs_reach_every_rule_many_times() -> None:
    """Counted in every eighth of the runs above; each rule at least ten times there, so eighty times or so in all."""
    seeds = range(0, N_BLOCKS * RUNS_A_BLOCK, 8)
    met = Counter(rule for seed in seeds for rule in rules_met(random_case(seed)))
    assert set(RULES) == set(met)
    assert min(met.values()) >= 10, met


def test_the_docs_speak_of_as_many_rules() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/fidelity.md"
    assert f"each of {len(set(RULES))} rules was reached" in page.read_text(encoding="utf-8")
