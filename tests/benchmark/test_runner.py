"""The runner: order and sameness of rows, pairing of seeds, and laws that every row obeys.

What is run again and what is not: `test_resuming.py`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ipa_gym.benchmark import BenchmarkRun, BenchmarkSettings, EnvironmentOptions, run_benchmark
from ipa_gym.benchmark.episode import reconfigurations
from ipa_gym.benchmark.inputs import load_inputs
from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.evaluation import play_agent
from ipa_gym.pipeline import Configuration, StageConfiguration
from ipa_gym.store import FLAT
from tests.benchmark.conftest import SMALL


def test_rows_come_in_the_order_of_the_settings(small_run: BenchmarkRun) -> None:
    found = small_run.episodes.select("pipeline", "trace", "agent", "seed").rows()
    assert found == [
        ("video", trace, agent, seed)
        for trace in ("bursty", "steady-low")
        for agent in ("ipa-exact", "hpa")
        for seed in (3, 5)
    ]


def test_rows_say_what_they_are(small_run: BenchmarkRun) -> None:
    assert tuple(small_run.episodes.columns) == FLAT
    row = small_run.episodes.row(0, named=True)
    assert (row["window"], row["training_seed"], row["sla_s"]) == ("380:480", "", 6.89)
    assert (row["interval_s"], row["forecast"], row["alpha"], row["beta"], row["options"]) == (
        10.0, "reactive", 2.0, 1.0, "{}",
    )  # fmt: skip


def test_all_agents_meet_the_same_arrivals_and_seeds_differ(small_run: BenchmarkRun) -> None:
    arrivals = small_run.episodes.pivot(on="agent", index=["trace", "seed"], values="arrivals")
    assert arrivals["ipa-exact"].to_list() == arrivals["hpa"].to_list()
    assert arrivals["hpa"].n_unique() > 2


def test_series_hold_the_first_seed_and_add_up_to_its_episode(small_run: BenchmarkRun) -> None:
    assert small_run.series["seed"].unique().to_list() == [3]
    sums = small_run.series.group_by(["trace", "agent"], maintain_order=True).agg(
        pl.col("reward").sum(), pl.col("violations").sum(), pl.col("drops").sum(), pl.col("cost_cores").mean()
    )
    first = small_run.episodes.filter(pl.col("seed") == 3)
    assert sums["violations"].to_list() == first["violations"].to_list()
    assert sums["drops"].to_list() == first["dropped"].to_list()
    np.testing.assert_allclose(sums["reward"], first["episode_return"])
    np.testing.assert_allclose(sums["cost_cores"], first["cost_cores"])


def test_every_request_is_accounted_for(small_run: BenchmarkRun) -> None:
    e = small_run.episodes
    assert (e["completed"] + e["dropped"] + e["inside_at_end"]).to_list() == e["arrivals"].to_list()
    assert e["arrivals"].min() > 300  # type: ignore[operator]  # an integer column


def test_mean_reward_is_mean_objective_minus_rho_times_violations_per_expected_request(small_run: BenchmarkRun) -> None:
    """The identity of the model's page, from columns that are computed apart."""
    inputs = load_inputs(SMALL)
    rho = inputs.pipelines["video"].objective.rho
    for row in small_run.episodes.to_dicts():
        expected = float(inputs.traces[row["trace"]].counts[380:480].sum())  # of the window: 10 intervals
        assert row["reward_mean"] == pytest.approx(row["objective_mean"] - rho * row["violations"] / expected)
    assert small_run.episodes["violations"].sum() > 0  # the law had something to say


def test_an_agents_own_forecast_goes_before_the_option() -> None:
    options = EnvironmentOptions(windows=((0, 50),), forecast="max")
    inputs = load_inputs(BenchmarkSettings(("video",), ("bursty",), ("ipa-exact", "ipa-perfect"), (0,), options))
    forecasts = {task.agent: inputs.make_env(task).forecast_name for task in inputs.tasks()}
    assert forecasts == {"ipa-exact": "max", "ipa-perfect": "perfect"}


def test_reconfigurations_count_changes_and_the_first_is_against_what_served_before() -> None:
    def configuration(replicas: int) -> Configuration:
        return Configuration((StageConfiguration(0, 1, replicas),))

    decisions = [configuration(n) for n in (2, 2, 3, 2)]
    assert reconfigurations(configuration(2), decisions) == 2
    assert reconfigurations(configuration(1), decisions) == 3


def test_an_episode_of_a_window_is_the_one_that_evaluate_plays(small_run: BenchmarkRun) -> None:
    """Seed + first second, as in `evaluation.play`, which steps all windows in one compiled call."""
    settings = BenchmarkSettings(("video",), ("twitter-like",), ("hpa",), (4,), n_windows=3)
    inputs = load_inputs(settings)
    tasks = inputs.tasks()
    starts = np.array([task.windows[0][0] for task in tasks])
    expected = play_agent(inputs.settings(tasks[0]), inputs.card(tasks[0]), starts, seed=4)
    found = run_benchmark(settings, jobs=1).episodes
    assert found["window"].to_list() == [f"{start}:{start + 1200}" for start in starts.tolist()]
    assert found["reward_mean"].to_list() == expected.reward_mean.tolist()
    assert found["latency_p99_s"].to_list() == expected.latency_p99_s.tolist()
    assert starts.min() >= 14 * 86_400  # the test days


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agents": ("ipa-exat",)}, "ipa-exact"),
        ({"agents": ("hpa", "hpa")}, "two are called 'hpa'"),
        ({"seeds": ()}, "seeds"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"environment": EnvironmentOptions(windows=((0, 10_000),))}, "1200"),
        ({"environment": EnvironmentOptions(reward={"alhpa": 1.0})}, "alpha"),
        ({"n_windows": 3}, "n_windows is 3 beside fixed windows"),
        ({"traces": ("twitter-like",), "n_windows": 0, "environment": EnvironmentOptions()}, "n_windows is 0"),
    ],
)
def test_faults_in_the_settings_are_found_before_anything_runs(changes: dict[str, object], message: str) -> None:
    settings = BenchmarkSettings(**{**{n: getattr(SMALL, n) for n in SMALL.__slots__}, **changes})  # type: ignore[arg-type]
    progress: list[int] = []
    with pytest.raises((OptionError, UnknownNameError, ValueError), match=message):
        run_benchmark(settings, jobs=1, on_progress=lambda n, _: progress.append(n))
    assert progress == []
