"""The tables of a recorded run: against a run worked by hand, and laws on runs of the video pipeline."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ipa_gym.cards import load_pipeline
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Variant
from ipa_gym.queueing import Simulator
from ipa_gym.recording import (
    Decision,
    RecordedRun,
    batch_table,
    decision_table,
    recorded_run,
    replica_table,
    request_table,
    write_records,
)
from ipa_gym.recording.batches import queue_order
from ipa_gym.seeding import hash_words, standard_normal
from tests.queueing.small_pipelines import FAST, choose, pipeline, started, step
from tests.recording.conftest import OPTIONS, run_of

Play = Callable[[str], PipelineEnv]
AGENTS = ("ipa-exact", "random", "static")


def _rows(frame: pl.DataFrame, *names: str) -> list[tuple[object, ...]]:
    return frame.select(names).rows()


# --- by hand ---


def test_requests_of_the_hand_worked_run(hand_run: RecordedRun) -> None:
    names = ("request", "stage", "enqueue_s", "start_s", "end_s", "batch", "batch_requests", "replica", "variant")
    assert _rows(request_table(hand_run), *names) == [
        (0, "s0", 0.0, 0.25, 1.75, 0, 2, 0, "fast"),
        (0, "s1", 1.75, 1.75, 2.75, 0, 1, 0, "fast"),
        (1, "s0", 0.25, 0.25, 1.75, 0, 2, 0, "fast"),
        (1, "s1", 1.75, 2.75, 3.75, 1, 1, 0, "fast"),
        (2, "s0", 1.0, 1.75, 3.25, 1, 2, 0, "fast"),
        (2, "s1", 3.25, 3.75, 4.75, 2, 1, 0, "fast"),
        (3, "s0", 1.0, 1.75, 3.25, 1, 2, 0, "fast"),
        (3, "s1", 3.25, None, None, None, None, None, None),
        (4, "s0", 9.0, 9.5, 10.5, 2, 1, 0, "fast"),
        (4, "s1", 10.5, 10.5, 11.5, 3, 1, 0, "fast"),
        (5, "s0", 19.0, 19.5, None, 3, 1, 1, "slow"),
        (6, "s0", 19.75, None, None, None, None, None, None),
    ]


def test_fates_of_the_hand_worked_run(hand_run: RecordedRun) -> None:
    rows = request_table(hand_run).unique("request", keep="last").sort("request")
    assert _rows(rows, "request", "arrival_s", "fate", "left_s", "latency_s", "dropped_here") == [
        (0, 0.0, "completed", 2.75, 2.75, False),
        (1, 0.25, "completed", 3.75, 3.5, False),
        (2, 1.0, "completed", 4.75, 3.75, False),
        (3, 1.0, "dropped", 4.75, None, True),
        (4, 9.0, "completed", 11.5, 2.5, False),
        (5, 19.0, "inside", None, None, False),
        (6, 19.75, "inside", None, None, False),
    ]
    assert request_table(hand_run)["dropped_here"].sum() == 1  # only in the stage that dropped it


def test_batches_replicas_and_decisions_of_the_hand_worked_run(hand_run: RecordedRun) -> None:
    names = ("stage_index", "batch", "start_s", "end_s", "requests", "first_request", "longest_wait_s", "slot")
    assert _rows(batch_table(hand_run), *names) == [
        (0, 0, 0.25, 1.75, 2, 0, 0.25, 0),
        (0, 1, 1.75, 3.25, 2, 2, 0.75, 0),
        (0, 2, 9.5, 10.5, 1, 4, 0.5, 0),
        (0, 3, 19.5, None, 1, 5, 0.5, 1),
        (1, 0, 1.75, 2.75, 1, 0, 0.0, 0),
        (1, 1, 2.75, 3.75, 1, 1, 1.0, 0),
        (1, 2, 3.75, 4.75, 1, 2, 0.5, 0),
        (1, 3, 10.5, 11.5, 1, 4, 0.0, 0),
    ]
    assert replica_table(hand_run).rows() == [
        (0, "s0", 0, 0, "fast", 0.0, 0.0, 14.0, 14.0),
        (0, "s0", 1, 1, "slow", 10.0, 14.0, None, None),
        (1, "s1", 0, 0, "fast", 0.0, 0.0, None, None),
        (1, "s1", 1, 1, "fast", 10.0, 13.0, None, None),
    ]
    assert decision_table(hand_run).rows() == [
        (0, 0.0, 0, "s0", "fast", 2, 1),
        (0, 0.0, 1, "s1", "fast", 1, 1),
        (1, 10.0, 0, "s0", "slow", 2, 1),
        (1, 10.0, 1, "s1", "fast", 1, 2),
    ]


def test_first_request_of_a_batch_is_the_first_in_its_queue_not_the_lowest_number() -> None:
    pairs_take_long = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 5.0, 5.0))
    chosen = choose((0, 2, 2), (0, 4, 1))
    run = run_of(pipeline((pairs_take_long,), (FAST,), timeout_s=3.0), chosen, [(chosen, (0.0, 0.0, 0.5))])
    # the pair 0, 1 is served 0..5; 2, alone, 3.5..4.5 and heads the next queue until its timeout at 7.5
    names = ("stage_index", "start_s", "requests", "first_request", "longest_wait_s")
    assert _rows(batch_table(run), *names) == [(0, 0.0, 2, 0, 0.0), (0, 3.5, 1, 2, 3.0), (1, 7.5, 3, 2, 3.0)]


def test_requests_that_enter_together_keep_the_order_of_the_queue_before() -> None:
    """Three stages: 2 overtakes 0 and 1 in the first, all three end the second together, one by one in the third."""
    pairs_take_long = Variant("v", 50.0, 1.0, 0.0, (1, 2, 4), (1.0, 5.0, 5.0))
    chosen = choose((0, 2, 2), (0, 4, 1), (0, 1, 1))
    what = pipeline((pairs_take_long,), (FAST,), (FAST,), timeout_s=3.0)
    run = run_of(what, chosen, [(chosen, (0.0, 0.0, 0.5)), (chosen, ())])
    last = batch_table(run).filter(pl.col("stage_index") == 2)
    assert _rows(last, "start_s", "first_request") == [(9.5, 2), (10.5, 0), (11.5, 1)]
    assert queue_order(run.records, 2).tolist() == [2, 0, 1]


def test_a_run_without_requests_has_empty_tables_with_all_columns() -> None:
    run = run_of(pipeline((FAST,)), choose((0, 1, 1)), [(choose((0, 1, 1)), ())])
    assert request_table(run).shape == (0, 16)
    assert batch_table(run).shape == (0, 11)
    assert replica_table(run).height == decision_table(run).height == 1


# --- laws ---


@pytest.mark.parametrize("agent", AGENTS)
def test_every_request_goes_through_its_stages_in_order(played: Play, agent: str) -> None:
    env = played(agent)
    frame = request_table(recorded_run(env.simulator, env.rows))
    assert frame.filter(pl.col("start_s") < pl.col("enqueue_s")).is_empty()
    assert frame.filter(pl.col("end_s") <= pl.col("start_s")).is_empty()
    first, second = (frame.filter(pl.col("stage_index") == stage) for stage in (0, 1))
    assert first["enqueue_s"].equals(first["arrival_s"])
    both = first.join(second, on="request", suffix="_next")
    assert both.height == second.height > 100
    assert both["enqueue_s_next"].equals(both["end_s"])
    done = frame.filter((pl.col("fate") == "completed") & (pl.col("stage_index") == 1))
    assert done["left_s"].equals(done["end_s"])
    assert done["latency_s"].to_list() == (done["left_s"] - done["arrival_s"]).to_list()


@pytest.mark.parametrize("agent", AGENTS)
def test_the_tables_add_up_to_what_the_intervals_reported(played: Play, agent: str) -> None:
    env = played(agent)
    run, outcomes = recorded_run(env.simulator, env.rows), [row.outcome for row in env.rows]
    requests = request_table(run)
    last = requests.unique("request", keep="last")
    assert last.height == sum(outcome.arrivals for outcome in outcomes)
    assert (last["fate"] == "completed").sum() == sum(outcome.completed for outcome in outcomes)
    assert (last["fate"] == "inside").sum() == env.simulator.n_inside
    dropped_at = np.sum([outcome.dropped_at for outcome in outcomes], axis=0).tolist()
    assert [requests.filter(pl.col("stage_index") == s)["dropped_here"].sum() for s in (0, 1)] == dropped_at
    reported_s = np.sort(np.concatenate([outcome.latency_s for outcome in outcomes]))
    assert last["latency_s"].drop_nulls().sort().to_list() == reported_s.tolist()


@pytest.mark.parametrize("agent", AGENTS)
def test_busy_time_and_cost_follow_from_batches_and_replicas(played: Play, agent: str) -> None:
    env = played(agent)
    run, outcomes = recorded_run(env.simulator, env.rows), [row.outcome for row in env.rows]
    busy = batch_table(run).select("stage_index", busy_s=pl.col("end_s").fill_null(run.end_s) - pl.col("start_s"))
    by_stage_s = busy.group_by("stage_index").sum().sort("stage_index")["busy_s"].to_list()
    assert by_stage_s == pytest.approx(np.sum([outcome.busy_replica_s for outcome in outcomes], axis=0).tolist())
    cores = {(stage.name, v.name): v.cores for stage in run.pipeline.stages for v in stage.variants}
    core_s = sum(
        cores[row["stage"], row["variant"]]
        * ((run.end_s if row["gone_s"] is None else row["gone_s"]) - row["started_s"])
        for row in replica_table(run).iter_rows(named=True)
    )
    assert core_s == pytest.approx(sum(outcome.core_seconds for outcome in outcomes))


def test_the_runs_of_these_laws_drop_and_switch(played: Play) -> None:
    static, switching = (recorded_run(played(agent).simulator, played(agent).rows) for agent in ("static", "random"))
    assert (request_table(static)["fate"] == "dropped").sum() > 100
    assert replica_table(switching)["told_s"].is_not_null().sum() > 100
    assert replica_table(switching)["joined_s"].is_null().sum() > 10


def test_a_batchs_service_time_is_drawn_by_its_first_request() -> None:
    """The model's page: l(k) · factor(seed, stage, first request); another request, another time."""
    what, seed, cv = load_pipeline("video"), 11, 0.5
    simulator = Simulator(what, service_cv=cv, record=True)
    chosen = choose((0, 2, 3), (0, 8, 3))
    simulator.reset(chosen, seed=seed)
    simulator.step(chosen, np.sort(np.random.default_rng(5).uniform(0, 10, 400)))
    run = RecordedRun(what, simulator.records(), (Decision(0.0, chosen),), 10.0)
    frame = batch_table(run).drop_nulls()
    sigma = math.sqrt(math.log1p(cv * cv))
    for row in frame.iter_rows(named=True):
        word = hash_words(np.uint64(seed), np.uint64(0x53525643 + row["stage_index"]), np.uint64(row["first_request"]))
        factor = math.exp(sigma * standard_normal(np.uint64(word)) - sigma * sigma / 2)
        latency_s = what.stages[row["stage_index"]].variants[0].batch_latency_s(row["requests"])
        assert row["end_s"] - row["start_s"] == pytest.approx(latency_s * factor)
    assert frame.height > 150
    lowest = request_table(run).group_by("stage_index", "batch").agg(lowest=pl.min("request"))
    mixed = frame.join(lowest, on=["stage_index", "batch"]).filter(pl.col("lowest") != pl.col("first_request"))
    assert mixed.height > 5  # the first to join is not the lowest number


# --- files ---


def test_parquet_gives_back_the_simulators_floats_bit_for_bit(played: Play, tmp_path: Path) -> None:
    env = played("static")
    run = recorded_run(env.simulator, env.rows)
    requests, replicas = write_records(run, tmp_path / "new" / "run.parquet")
    assert sorted(path.name for path in requests.parent.iterdir()) == ["run-replicas.parquet", "run.parquet"]
    assert pl.read_parquet(replicas).equals(replica_table(run))
    read, records = pl.read_parquet(requests), env.simulator.records()
    for stage in (0, 1):
        rows = read.filter(pl.col("stage_index") == stage)
        entered = ~np.isnan(records.enqueue_s[stage])
        for name in ("enqueue_s", "start_s", "end_s"):
            kept = getattr(records, name)[stage, entered]
            assert np.array_equal(rows[name].fill_null(math.nan).to_numpy(), kept, equal_nan=True)
        assert rows["batch"].fill_null(-1).to_list() == records.batch[stage, entered].tolist()
        assert rows["replica"].fill_null(-1).to_list() == records.replica[stage, entered].tolist()
        slots = records.replicas[stage].slot
        assert rows["slot"].drop_nulls().to_list() == [slots[r] for r in records.replica[stage, entered] if r >= 0]
    assert read.filter(pl.col("stage_index") == 0)["arrival_s"].to_list() == records.arrival_s.tolist()


def test_another_suffix_than_parquet_is_refused_before_anything_is_written(
    hand_run: RecordedRun, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"run\.csv ends with '\.csv'; expected a name that ends with \.parquet"):
        write_records(hand_run, tmp_path / "run.csv")
    assert list(tmp_path.iterdir()) == []


# --- on demand ---


def test_without_recording_there_are_no_records_and_the_state_does_not_grow() -> None:
    def state_bytes(record: bool, n_intervals: int) -> int:
        simulator = Simulator(pipeline((FAST,)), record=record)
        simulator.reset(choose((0, 4, 10)), seed=1)
        for number in range(n_intervals):
            simulator.step(choose((0, 4, 10)), 10.0 * number + np.arange(0.0, 9.0, 0.25))
        return len(pickle.dumps(simulator.get_state()))

    with pytest.raises(OptionError, match="record=True"):
        recorded_run(Simulator(pipeline((FAST,))), ())
    assert abs(state_bytes(False, 200) - state_bytes(False, 20)) < 100  # the same arrays; pickled counts differ
    assert state_bytes(True, 200) - state_bytes(True, 20) > 180 * 36 * 8 * 4  # four floats a request at least


def test_recording_changes_no_outcome(played: Play) -> None:
    recorded = played("random")
    env = PipelineEnv("video", "bursty", **OPTIONS)
    env.reset(seed=3)
    for row in recorded.rows:
        env.step(env.actions.encode(row.decision))
    assert len(env.rows) == 10
    for row, other in zip(env.rows, recorded.rows, strict=True):
        for value, kept in zip(astuple(row.outcome), astuple(other.outcome), strict=True):
            assert np.array_equal(value, kept, equal_nan=np.asarray(value).dtype.kind == "f")
        assert row.reward == other.reward


def test_rows_of_another_episode_are_refused(played: Play) -> None:
    env = played("static")
    with pytest.raises(OptionError, match="expected rows of the same episode"):
        recorded_run(env.simulator, env.rows[:-1])


def test_the_run_is_a_copy_that_later_steps_leave_alone() -> None:
    simulator = started(pipeline((FAST,)), choose((0, 1, 1)))
    step(simulator, choose((0, 1, 1)), 9.5)
    run = RecordedRun(simulator.pipeline, simulator.records(), (Decision(0.0, choose((0, 1, 1))),), 10.0)
    step(simulator, choose((0, 1, 1)), 11.0)
    assert request_table(run).select("fate", "end_s").rows() == [("inside", None)]
