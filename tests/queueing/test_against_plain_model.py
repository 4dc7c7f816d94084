"""The kernel against the plain twin: every request and every field of every outcome, over random configurations."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pytest

from ipa_gym.pipeline import Configuration, Objective, Pipeline, Stage, StageConfiguration, Variant
from ipa_gym.queueing import IntervalOutcome, Simulator
from tests.reference.plain_model import PlainModel

N_BLOCKS, RUNS_A_BLOCK = 10, 40
FATES = ("inside", "completed", "dropped")


@dataclass(frozen=True, slots=True)
class Case:
    """One random run: pipeline, options, decisions and arrivals of every interval."""

    pipeline: Pipeline
    options: dict[str, float]
    decisions: list[Configuration]
    arrivals: list[np.ndarray]
    seed: int


def random_pipeline(rng: np.random.Generator, *, interval_s: float, on_grid: bool) -> Pipeline:
    """One to three stages; on the grid all times are multiples of 1/8 s, so that instants coincide exactly."""

    def time_s(low: float, high: float) -> float:
        value = rng.uniform(low, high)
        return max(0.125, round(value * 8) / 8) if on_grid else float(value)

    def variant(index: int) -> Variant:
        latency_s = np.cumsum([time_s(0.05, 1.0) for _ in range(3)])
        startup_s = float(rng.choice([0.0, 0.5 * interval_s, interval_s, time_s(0.1, 1.0), 2.5 * interval_s]))
        cores = float(rng.integers(1, 9))
        return Variant(f"v{index}", 50.0, cores, startup_s, (1, 2, 4), tuple(float(value) for value in latency_s))

    stages = tuple(
        Stage(f"s{index}", tuple(variant(v) for v in range(rng.integers(1, 4)))) for index in range(rng.integers(1, 4))
    )
    return Pipeline(
        name="random",
        title="random",
        stages=stages,
        sla_s=time_s(0.5, 3.0),
        drop_after_s=float(rng.choice([time_s(0.2, 1.0), time_s(1.0, 6.0), 1e9])),
        batch_timeout_s=float(rng.choice([0.0, time_s(0.1, 0.5), time_s(0.5, 3.0)])),
        batch_cap=4,
        replica_cap=8,
        slowdown=1.0,
        objective=Objective(1.0, 1.0, 0.0, 1.0, "product"),
    )


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    on_grid = bool(rng.integers(2))
    interval_s = float(rng.choice([1.0, 2.0, 4.0]))
    pipeline = random_pipeline(rng, interval_s=interval_s, on_grid=on_grid)
    cv = float(rng.choice([0.0, 0.0, 0.5, 1.5]))
    scale = 1.0 if on_grid else float(rng.uniform(0.5, 2.0))
    rate = float(rng.choice([0.5, 3.0, 10.0]))
    most = int(rng.integers(1, 6))

    def decision() -> Configuration:
        return Configuration(
            tuple(
                StageConfiguration(
                    int(rng.integers(len(stage.variants))), int(rng.integers(1, 5)), int(rng.integers(1, most + 1))
                )
                for stage in pipeline.stages
            )
        )

    decisions = [decision()]
    for _ in range(12):
        decisions.append(decisions[-1] if rng.random() < 0.4 else decision())
    arrivals = []
    for k in range(12):
        times = k * interval_s + np.sort(rng.uniform(0, interval_s, rng.poisson(rate * interval_s)))
        arrivals.append(np.floor(times * 4) / 4 if on_grid else times)
    options = {"interval_s": interval_s, "service_cv": cv, "service_scale": scale}
    return Case(pipeline, options, decisions, arrivals, seed)


def assert_same(outcome: IntervalOutcome, expected: dict[str, object]) -> None:
    assert {field.name for field in fields(outcome)} == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(outcome, name), value, rtol=1e-9, atol=1e-9, err_msg=name)


def run_both(case: Case) -> tuple[Simulator, PlainModel]:
    fast, plain = Simulator(case.pipeline, record=True, **case.options), PlainModel(case.pipeline, **case.options)
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
    for seed in range(60):
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
