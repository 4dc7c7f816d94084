"""Rendering: what the table says and what the picture holds, for a toy episode whose numbers are made up here."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import StepPatch

from ipa_gym.episode import IntervalRow
from ipa_gym.observation import Observation, StageObservation
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.queueing.outcome import IntervalOutcome
from ipa_gym.rendering import ansi_table, capacity_rps, episode_figure, episode_frame
from ipa_gym.reward import RewardTerms


def _row(index: int, *, latency_s: tuple[float, ...], dropped: int) -> IntervalRow:
    outcome = IntervalOutcome(
        arrivals=60, completed=len(latency_s), dropped=dropped, violations=dropped,
        latency_s=np.array(latency_s), core_seconds=70.0, queue_requests=np.array([5, 0]),
        busy_replica_s=np.array([10.0, 5.0]), serving_replica_s=np.array([20.0, 10.0]),
        dropped_at=np.array([dropped, 0]), sojourn_p99_s=np.array([0.5, 0.25]),
        variant_before=np.array([1, 0]), variant=np.array([1, 0]), switch_s=np.array([np.nan, np.nan]),
        batch=np.array([2, 1]), serving=np.array([2, 1]), starting=np.array([1, 0]), leaving=np.array([0, 0]),
    )  # fmt: skip
    return IntervalRow(
        index=index, start_s=10.0 * index, interval_s=10.0,
        decision=Configuration((StageConfiguration(1, 2, 3), StageConfiguration(0, 1, 1))), outcome=outcome,
        forecast_rps=8.0, load_max_rps=9.0, load_mean_rps=6.0, accuracy=0.48, pas=0.48, cost_cores=7.0,
        terms=RewardTerms(accuracy=4.8, cost=-3.5, batch=-0.000003, violations=-0.25), overdue_at_end=0,
    )  # fmt: skip


def _observation(target: int) -> Observation:
    return Observation(
        load_history_rps=np.zeros(12),
        forecast_rps=11.5,
        stages=(
            StageObservation(1, target, 2, 2, 1, 5, 0.5, 0.5, 3),
            StageObservation(0, 0, 1, 1, 0, 0, 0.25, 0.25, 0),
        ),
    )


ROWS = [_row(0, latency_s=(0.5, 1.5), dropped=3), _row(1, latency_s=(), dropped=0)]


def test_table_shows_each_stage_and_the_reward_terms(toy: Pipeline) -> None:
    lines = ansi_table(toy, ROWS, _observation(target=1)).splitlines()
    detect = next(line for line in lines if line.strip().startswith("detect")).split()
    assert detect == ["detect", "large", "2", "2", "1", "5", "50%", "0.50", "3"]
    assert "t = 20 s" in lines[0]
    assert "load 6.0 (max 9)" in lines[0]
    assert "forecast 11.5" in lines[0]
    assert any("reward 1.050 = accuracy +4.800  cost -3.500" in line and "violations -0.250" in line for line in lines)
    assert any("PAS 48.00 %  cost 7.0 cores  arrived 60" in line for line in lines)


def test_table_names_the_target_only_while_a_switch_is_under_way(toy: Pipeline) -> None:
    assert "-> small" in ansi_table(toy, ROWS, _observation(target=0))
    assert "->" not in ansi_table(toy, ROWS, _observation(target=1))


def test_table_after_reset_has_the_stages_and_no_reward(toy: Pipeline) -> None:
    text = ansi_table(toy, [], _observation(target=1))
    assert "classify" in text
    assert "t = 0 s" in text
    assert "reward" not in text


def test_capacity_is_the_slowest_stages(toy: Pipeline) -> None:
    # detect: 2 replicas of large, batch 2 in 0.30 s: 13.3 rps; classify: 1 of tiny, batch 1 in 0.05 s: 20 rps
    assert capacity_rps(toy, ROWS[0]) == pytest.approx(2 * 2 / 0.30)


def test_picture_draws_the_rows_with_units(toy: Pipeline) -> None:
    axes = episode_figure(toy, ROWS).axes
    labels = ["requests/s", "cost (cores)", "PAS (%)", "p99 latency (s)", "drops\n(requests)"]
    assert [panel.get_ylabel() for panel in axes] == labels
    lines = {patch.get_label(): patch.get_data() for patch in axes[0].patches if isinstance(patch, StepPatch)}
    assert set(lines) == {"load (mean)", "load (busiest second)", "capacity"}
    np.testing.assert_allclose(lines["capacity"].values, [40 / 3, 40 / 3])
    np.testing.assert_array_equal(lines["capacity"].edges, [0, 10, 20])
    p99 = next(patch.get_data().values for patch in axes[3].patches if isinstance(patch, StepPatch))
    assert p99[0] == pytest.approx(1.49)  # between 0.5 and 1.5, at 99 %
    assert np.isnan(p99[1])
    assert axes[3].lines[0].get_ydata()[0] == toy.sla_s
    assert [bar.get_height() for bar in axes[4].patches] == [3, 0]


def test_frames_have_one_size_from_reset_on_and_show_the_rows(toy: Pipeline) -> None:
    empty, full = episode_frame(toy, []), episode_frame(toy, ROWS)
    assert empty.dtype == np.uint8
    assert empty.shape == full.shape == (900, 960, 3)
    assert (empty != full).any(axis=2).sum() > 1000
    np.testing.assert_array_equal(full, episode_frame(toy, ROWS))
