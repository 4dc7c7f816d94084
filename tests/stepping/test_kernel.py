"""The step kernel's own sums: latencies of an interval, and requests that are overdue when the window ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.pipeline import Stage, Variant
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline

SERVICE_S = 0.0625
LATENCIES = [f"latency_{name}_s" for name in ("mean", "p50", "p95", "p99")]


def single_replica(requests: int, *, sla_s: float = 2.0) -> PipelineEnv:
    """One replica that serves each request in 1/16 s meets a crowd in the first of 1000 seconds, and nothing after."""
    only = Stage("only", (Variant("one", 50.0, 1.0, 0.0, (1,), (SERVICE_S,)),))
    pipeline = toy_pipeline(stages=(only,), batch_cap=1, sla_s=sla_s, drop_after_s=1e9)
    trace = Trace("crowd", np.array([requests] + [0] * 999))
    env = PipelineEnv(pipeline, trace, windows=[(0, 1000)], interval=500.0, arrivals="even")
    env.reset(seed=0)
    return env


def latencies(env: PipelineEnv) -> list[float]:
    info = env.step(np.zeros(3, dtype=np.int64))[4]
    return [info[name] for name in LATENCIES]


def test_percentiles_of_a_hundred_and_one_values_are_values() -> None:
    # request i enters at (i + 1/2) / 101, leaves at 1/202 + (i + 1) / 16: a straight line, whose percentile p is at p
    found = latencies(single_replica(101))
    assert found == pytest.approx([SERVICE_S + i * (SERVICE_S - 1 / 101) for i in (50, 50, 95, 99)], rel=1e-12)


def test_percentiles_between_two_values_are_interpolated() -> None:
    only_two = latencies(single_replica(2))  # at 0.25 and 0.75: each is served alone
    assert only_two == [SERVICE_S] * 4
    four = latencies(single_replica(32))  # 1/32 s apart: latencies grow from 1/16 s by 1/32 s
    assert four == pytest.approx([SERVICE_S + i / 32 for i in (15.5, 15.5, 0.95 * 31, 0.99 * 31)], rel=1e-12)


def test_one_latency_is_all_of_them_and_none_is_nan() -> None:
    env = single_replica(1)
    assert latencies(env) == [SERVICE_S] * 4
    assert all(math.isnan(value) for value in latencies(env))


@pytest.mark.parametrize("requests", [3, 31, 33, 640, 641, 660, 3200, 3201, 3300, 5000])
def test_percentiles_equal_numpys_however_many_there_are(requests: int) -> None:
    """Which way a quantile is found depends on how many values lie above it."""
    toy = toy_pipeline(drop_after_s=1e9)
    trace = Trace("crowd", np.array([requests] + [0] * 999))
    env = PipelineEnv(toy, trace, episode_s=1000, interval=1000.0, arrivals="exact", service_cv=2.0)
    env.reset(seed=requests)
    info = env.step(np.array([0, 2, 9, 0, 2, 9]))[4]
    latency_s = env.rows[0].outcome.latency_s
    assert len(latency_s) == requests
    assert (np.diff(latency_s) < 0).any()  # in the order of completion, as the kernel left them
    expected = [latency_s.mean(), *np.percentile(latency_s, (50, 95, 99))]
    assert [info[name] for name in LATENCIES] == pytest.approx(expected, rel=1e-12)


def test_a_latency_of_the_sla_itself_is_not_late() -> None:
    # 32 requests 1/32 s apart have latencies of 1/16 s to 1/16 + 31/32 s, all of them exact in binary
    for sla_s, late in ((0.5, 17), (math.nextafter(0.5, 0.0), 18)):
        env = single_replica(32, sla_s=sla_s)
        assert env.step(np.zeros(3, dtype=np.int64))[4]["violations"] == late


def test_only_the_last_interval_counts_what_is_overdue_inside() -> None:
    env = PipelineEnv(toy_pipeline(drop_after_s=1e9), Trace("flood", np.full(30, 50)), episode_s=30, arrivals="even")
    env.reset(seed=0)
    infos = [env.step(np.zeros(6, dtype=np.int64))[4] for _ in range(3)]
    assert [row.overdue_at_end for row in env.rows[:2]] == [0, 0]
    arrived_before = 28 * 50  # those after 28.0 s are not older than the SLA of 2 s at 30 s
    gone_before = sum(info["completed"] for info in infos)
    assert env.rows[2].overdue_at_end == arrived_before - gone_before
    assert infos[2]["violations"] == env.rows[2].outcome.violations + env.rows[2].overdue_at_end


@pytest.mark.parametrize(("sla_s", "overdue"), [(1.5, 1), (math.nextafter(1.5, 0.0), 2)])
def test_a_request_inside_of_the_age_of_the_sla_is_not_overdue_yet(sla_s: float, overdue: int) -> None:
    only = Stage("only", (Variant("one", 50.0, 1.0, 0.0, (1,), (100.0,)),))
    pipeline = toy_pipeline(stages=(only,), batch_cap=1, sla_s=sla_s, drop_after_s=1e9)
    env = PipelineEnv(pipeline, Trace("three", np.ones(3, dtype=int)), episode_s=3, interval=3.0, arrivals="even")
    env.reset(seed=0)
    info = env.step(np.zeros(3, dtype=np.int64))[4]  # at 3 s they are 2.5 s, 1.5 s and 0.5 s old
    assert (info["completed"], info["violations"]) == (0, overdue)
