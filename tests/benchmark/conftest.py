"""One small benchmark that the tests of this folder share: video, two agents, two loads, two seeds, 100 s."""

from __future__ import annotations

import pytest

from ipa_gym.benchmark import BenchmarkRun, BenchmarkSettings, EnvironmentOptions, run_benchmark

SMALL = BenchmarkSettings(
    pipelines=("video",),
    traces=("bursty", "steady-low"),
    agents=("ipa-exact", "hpa"),
    seeds=(3, 5),
    environment=EnvironmentOptions(windows=((380, 480),)),
)


@pytest.fixture(scope="session")
def small_run() -> BenchmarkRun:
    return run_benchmark(SMALL, jobs=1)
