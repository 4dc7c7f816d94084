"""The edges that docs/model.md lists, each worked by hand or held against a law.

What a single rule of the model does at its limit stands in `test_serving.py` and `test_decisions.py`; here are whole
episodes at the edge, floats next to a limit, crowds at one instant and the largest pipeline that a card may describe.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Pipeline, Stage, Variant
from ipa_gym.queueing import Simulator
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.queueing.small_pipelines import FAST, SLOW, choose, pipeline, started, step

ONE = choose((0, 1, 1))


def constant(latency_s: float) -> Variant:
    return Variant("constant", 50.0, 1.0, 0.0, (1, 2, 4), (latency_s,) * 3)


# --- no request ---


def test_episode_without_a_request_pays_for_replicas_alone() -> None:
    env = PipelineEnv(toy_pipeline(), Trace("silent", np.zeros(30, dtype=int)), episode_s=30, startup_scale=0.0)
    env.reset(seed=0)
    for _ in range(3):
        observation, reward, _, _, info = env.step(np.array([0, 0, 1, 0, 2, 0]))
        assert np.isfinite(observation).all()
        assert reward == pytest.approx(10 * 0.5 * 0.6 - 0.5 * 3 - 1e-6 * 5)  # 2 x 1 + 1 x 1 cores, batches 1 and 4
        assert math.isnan(info["latency_p99_s"])
        assert info["violations"] == 0


def test_idle_interval_between_two_loaded_ones_changes_nothing_of_either() -> None:
    simulator = started(pipeline((FAST,), timeout_s=100.0), choose((0, 4, 1)))
    four = choose((0, 4, 1))
    step(simulator, four, 9.0)  # waits for its batch to fill
    idle = step(simulator, four)
    last = step(simulator, four, 20.0, 20.0, 20.0)
    assert (idle.arrivals, idle.completed, idle.queue_requests.tolist()) == (0, 0, [1])
    assert last.latency_s.tolist() == [13.5, 2.5, 2.5, 2.5]


# --- overload ---

FLOOD_LIMIT_S = 4.0  # drop limit; services take 1 s and 0.5 s
FLOOD = pipeline((constant(1.0),), (constant(0.5),), drop_s=FLOOD_LIMIT_S, timeout_s=0.25)
FLOOD_DECISION = choose((0, 4, 2), (0, 4, 1))  # carries 8 requests/s in both stages


def flood(simulator: Simulator, rate_rps: int) -> np.ndarray:
    """Evenly spaced arrivals of the simulator's next interval."""
    return simulator.clock_s + np.arange(10 * rate_rps) / rate_rps


@pytest.mark.parametrize("rate_rps", [16, 80, 800])
def test_overload_leaves_inside_only_what_entered_within_the_drop_limit_and_one_service(rate_rps: int) -> None:
    simulator = started(FLOOD, FLOOD_DECISION)
    for _ in range(30):
        outcome = simulator.step(FLOOD_DECISION, flood(simulator, rate_rps))
        records, clock_s = simulator.records(), simulator.clock_s
        for stage, service_s in enumerate((1.0, 0.5)):
            waiting = np.isfinite(records.enqueue_s[stage]) & np.isnan(records.start_s[stage]) & (records.fate == 0)
            assert waiting.sum() == outcome.queue_requests[stage]
            assert (records.enqueue_s[stage, waiting] >= clock_s - FLOOD_LIMIT_S - service_s).all()
        in_service = simulator.n_inside - outcome.queue_requests.sum()
        assert outcome.queue_requests[0] <= rate_rps * (FLOOD_LIMIT_S + 1.0) + 1
        assert outcome.queue_requests[1] <= 8 * (FLOOD_LIMIT_S + 0.5) + 8  # what stage 0 sends, and a batch or two
        assert 0 < in_service <= 4 * 3
    assert simulator.n_dropped > 0.4 * simulator.n_arrived


def test_overload_stops_growing_the_saved_state_after_a_few_intervals() -> None:
    simulator = Simulator(FLOOD)
    simulator.reset(FLOOD_DECISION, seed=1)
    sizes: list[int] = []
    for _ in range(120):
        simulator.step(FLOOD_DECISION, flood(simulator, 800))
        sizes.append(len(pickle.dumps(simulator.get_state())))
    assert simulator.n_arrived == 960_000
    assert max(sizes[5:]) - min(sizes[5:]) < 64  # bytes: three counters that grow in digits, not in places
    assert sizes[-1] < 100 * (8_000 + 4_000)  # under 100 bytes a place for an interval's arrivals and the waiting


COUNT_LINES = """
import sys
from tests.queueing.test_edges import FLOOD, FLOOD_DECISION, Simulator, flood
lines = 0
def trace(frame, event, argument):
    global lines
    if "ipa_gym" not in frame.f_code.co_filename:
        return None
    lines += event == "line"
    return trace
for rate_rps in map(int, sys.argv[1:]):
    simulator = Simulator(FLOOD)
    simulator.reset(FLOOD_DECISION, seed=1)
    for k in range(5):
        arrivals = flood(simulator, rate_rps)
        lines = 0
        sys.settrace(trace)
        simulator.step(FLOOD_DECISION, arrivals)
        sys.settrace(None)
    print(lines)
"""


def test_work_of_a_step_grows_no_faster_than_the_requests_however_far_above_capacity() -> None:
    # Work is counted, not timed: lines of Python that one step runs with compilation switched off. Capacity: 8 rps.
    rates_rps = (8, 80, 400, 2000)
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", COUNT_LINES, *map(str, rates_rps)]
    result = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    lines = [int(word) for word in result.stdout.split()]
    per_request = [count / (10 * rate) for count, rate in zip(lines, rates_rps, strict=True)]
    assert lines[0] > 100  # the kernel ran in Python and was seen
    assert max(per_request[1:]) < per_request[0], per_request  # to drop a request costs less than to serve it
    assert lines[3] - lines[2] == pytest.approx(5 * (lines[2] - lines[1]), rel=0.02)  # a straight line


# --- batch timeout, startup, one replica ---


def test_timeout_zero_starts_every_batch_at_an_entry_or_at_the_end_of_another() -> None:
    rng, decision = np.random.default_rng(2), choose((0, 4, 2))
    simulator = started(pipeline((FAST,), timeout_s=0.0), decision)
    for k in range(20):
        step(simulator, decision, *(10 * k + np.sort(rng.uniform(0, 10, 20))))
    records = simulator.records()
    begun = np.isfinite(records.start_s[0])
    assert np.isin(records.start_s[0, begun], [*records.enqueue_s[0], *records.end_s[0]]).all()
    assert set(np.bincount(records.batch[0, begun]).tolist()) == {1, 2, 3, 4}  # whoever waited, up to four


def test_startup_zero_switches_at_every_decision_and_leaves_nothing_starting() -> None:
    what = pipeline((FAST, SLOW))
    simulator = started(what, choose((0, 1, 1)), startup_scale=0.0)
    for k in range(1, 7):
        outcome = step(simulator, choose((k % 2, 1, k)), 10 * k - 10 + 9.5)
        assert (outcome.switch_s[0], outcome.variant[0]) == (10 * k - 10, k % 2)
        assert (outcome.serving[0], outcome.starting[0]) == (k, 0)
    ends_s = simulator.records().end_s[0, :5]  # of slow, fast, slow ...: each was told to leave half a second before
    assert ends_s.tolist() == [11.5, 20.5, 31.5, 40.5, 51.5]


def test_startup_zero_serves_those_that_wait_at_the_decisions_instant() -> None:
    simulator = started(pipeline((FAST,)), ONE, startup_scale=0.0, service_scale=16.0)
    step(simulator, ONE, 0.0, 1.0, 2.0, 3.0)
    step(simulator, choose((0, 1, 3)))
    assert simulator.records().start_s[0].tolist() == [0.0, 10.0, 10.0, 16.0]  # the fourth follows the first


def test_decisions_that_alternate_faster_than_the_startup_never_take_effect_but_cost() -> None:
    simulator = started(pipeline((FAST, SLOW, FAST)), ONE, startup_scale=5.0)  # slow 20 s, the other fast 15 s
    outcomes = [step(simulator, choose((1 + k % 2, 1, 2)), 10.0 * k) for k in range(8)]
    assert all(np.isnan(outcome.switch_s[0]) for outcome in outcomes)
    assert [outcome.variant[0] for outcome in outcomes] == [0] * 8
    assert [outcome.latency_s.tolist() for outcome in outcomes] == [[1.0]] * 8
    assert [outcome.core_seconds for outcome in outcomes] == [50.0, 30.0] * 4  # 1 serving and 2 x 2 or 2 x 1 starting


def test_startup_that_ends_at_a_decision_takes_effect_at_that_instant_beside_a_busy_old_replica() -> None:
    simulator = started(pipeline((FAST, SLOW)), ONE, startup_scale=5.0)  # slow: 20 s
    outcomes = [step(simulator, choose((1, 1, 1)), arrival_s) for arrival_s in (9.5, 19.5, 20.0)]
    assert [outcome.variant[0] for outcome in outcomes] == [0, 0, 1]
    assert outcomes[2].switch_s[0] == 20.0
    assert simulator.records().end_s[0].tolist() == [10.5, 20.5, 22.0]  # fast ends its batch while slow serves
    assert outcomes[2].core_seconds == 2 * 10.0 + 0.5


def test_one_replica_follows_lindleys_recursion() -> None:
    rng = np.random.default_rng(4)
    arrival_s = np.cumsum(rng.exponential(1.2, 900))
    simulator = started(pipeline((FAST,)), ONE, interval_s=2000.0, service_cv=0.7)
    step(simulator, ONE, *arrival_s)
    records = simulator.records()
    service_s, wait_s = records.end_s[0] - records.start_s[0], 0.0
    for i in range(1, 900):
        wait_s = max(0.0, wait_s + service_s[i - 1] - (arrival_s[i] - arrival_s[i - 1]))
        assert records.start_s[0, i] - arrival_s[i] == pytest.approx(wait_s, abs=1e-9)


# --- floats at a limit ---


@pytest.mark.parametrize(("sla_s", "late"), [(2.0, 0), (math.nextafter(2.0, 0.0), 1)])
def test_sla_is_violated_from_the_next_float_on(sla_s: float, late: int) -> None:
    simulator = started(pipeline((constant(2.0),), sla_s=sla_s), ONE)
    assert step(simulator, ONE, 1.0, 8.0).violations == late
    assert simulator.overdue_inside() == late  # the second is 2.0 old at the clock, and ends at 10.0
    assert step(simulator, ONE).violations == late


@pytest.mark.parametrize(("first_service_s", "fate"), [(2.5, 1), (math.nextafter(2.5, 3.0), 2)])
def test_request_is_overdue_from_the_next_float_after_the_drop_limit_on(first_service_s: float, fate: int) -> None:
    simulator = started(pipeline((constant(first_service_s),), drop_s=2.0), ONE)
    step(simulator, ONE, 0.5, 1.0)  # the replica is free at 3.0, or just after; the second is due until 1.0 + 2.0
    assert simulator.records().fate.tolist() == [1, fate]


def test_limits_are_sums_of_floats_computed_once() -> None:
    # 0.1 + 0.2 is 0.30000000000000004, and that minus 0.1 is more than 0.2: by the difference it would be overdue.
    due_s = 0.1 + 0.2
    assert due_s - 0.1 > 0.2
    simulator = started(pipeline((constant(due_s - 0.0625),), drop_s=0.2), ONE)
    step(simulator, ONE, 0.0625, 0.1)
    assert simulator.records().start_s[0].tolist() == [0.0625, due_s]
    waits = started(pipeline((constant(1.0),), timeout_s=0.2), choose((0, 4, 1)))
    step(waits, choose((0, 4, 1)), 0.1)
    assert waits.records().start_s[0].tolist() == [due_s]


# --- crowds at one instant ---


@pytest.mark.parametrize("instant_s", [0.0, 7.25, 10.0])
def test_a_thousand_requests_at_one_instant_fill_batches_in_order(instant_s: float) -> None:
    decision = choose((0, 4, 8))  # 32 a wave of 2.5 s
    simulator = started(pipeline((FAST,), drop_s=math.inf), decision)
    crowd = [instant_s] * 1000
    outcomes = [step(simulator, decision, *(crowd if 10 * k <= instant_s < 10 * k + 10 else ())) for k in range(10)]
    assert [outcome.arrivals for outcome in outcomes] == [1000 if k == instant_s // 10 else 0 for k in range(10)]
    records, request = simulator.records(), np.arange(1000)
    assert records.batch[0].tolist() == (request // 4).tolist()
    assert records.replica[0].tolist() == (request // 4 % 8).tolist()
    assert records.start_s[0].tolist() == (instant_s + 2.5 * (request // 32)).tolist()


def test_crowd_at_the_boundary_meets_the_new_decision_and_one_just_before_it_the_old() -> None:
    before_s = math.nextafter(10.0, 0.0)
    simulator = started(pipeline((constant(1.0),), timeout_s=0.0), ONE, startup_scale=0.0)
    step(simulator, ONE, *[before_s] * 3)  # one starts, two wait
    step(simulator, choose((0, 4, 1)), *[10.0] * 3)
    assert simulator.records().batch[0].tolist() == [0, 1, 1, 1, 1, 2]
    assert simulator.records().start_s[0].tolist() == [before_s] + [before_s + 1.0] * 4 + [before_s + 2.0]


# --- the largest caps ---

LARGEST = (64, 256, 10)  # batch, replicas, stages


def largest_card() -> Pipeline:
    """Ten stages; a full batch of 64 takes 1 s, a single request 0.25 s."""
    sizes = tuple(1 << power for power in range(7))
    wide = Variant("wide", 50.0, 2.0, 0.0, sizes, (0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 1.0))
    stages = tuple(Stage(f"s{index}", (wide,)) for index in range(LARGEST[2]))
    initial = choose(*[(0, 1, 1)] * LARGEST[2])
    return toy_pipeline(stages=stages, initial=initial, replica_cap=4, drop_after_s=60.0, sla_s=60.0)


def test_largest_batch_replicas_and_chain_serve_sixteen_thousand_at_once() -> None:
    what = largest_card().with_limits(batch_cap=LARGEST[0], replica_cap=LARGEST[1])
    decision = choose(*[(0, *LARGEST[:2])] * LARGEST[2])
    simulator = started(what, decision)
    places = LARGEST[0] * LARGEST[1]
    first, second = simulator.step(decision, np.zeros(places + 1)), step(simulator, decision)
    # full batches take 1 s a stage; the one too many is alone behind them: in stage s from s + 1 to s + 1.25
    assert first.core_seconds == second.core_seconds == LARGEST[2] * LARGEST[1] * 2.0 * 10.0
    assert (first.completed, second.completed) == (0, places + 1)
    assert second.latency_s.tolist() == [10.0] * places + [10.25]
    assert simulator.records().batch.max(axis=1).tolist() == [LARGEST[1]] * LARGEST[2]
    assert [row.max() for row in simulator.records().replica] == [LARGEST[1] - 1] * LARGEST[2]


def test_largest_caps_hold_in_the_environment() -> None:
    trace = Trace("flood", np.full(20, 4000))
    env = PipelineEnv(largest_card(), trace, batch_cap=64, replica_cap=256, episode_s=20, arrivals="even")
    assert env.action_space.nvec.tolist() == [1, 7, 256] * 10
    env.reset(seed=0)
    for _ in range(2):
        observation, _, _, _, info = env.step(env.action_space.nvec - 1)
    assert env.observation_space.contains(observation)
    stages = env.layout.read(observation).stages
    assert [(stage.batch, stage.replicas) for stage in stages] == [(64, 256)] * 10
    assert info["cost_cores"] == 10 * 256 * 2.0
    assert (info["dropped"], env.simulator.n_arrived) == (0, 80_000)


@pytest.mark.parametrize(("limits", "words"), [({"batch_cap": 128}, "1 to 64"), ({"replica_cap": 10_001}, "10000")])
def test_caps_beyond_the_largest_are_refused(limits: dict[str, int], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        largest_card().with_limits(**limits)
