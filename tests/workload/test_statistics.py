"""Statistics against hand-worked toys, and figures that show what they were given."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from ipa_gym.errors import TraceError
from ipa_gym.workload.comparison import Comparison
from ipa_gym.workload.figures import comparison_figure, trace_figure
from ipa_gym.workload.statistics import autocorrelation, trace_statistics
from ipa_gym.workload.trace import Trace


def test_a_toy_worked_by_hand() -> None:
    found = trace_statistics(np.array([1, 3, 1, 3]))
    assert (found.n_seconds, found.requests, found.min_rps, found.max_rps) == (4, 8, 1, 3)
    assert (found.mean_rps, found.sd_rps, found.peak_to_mean, found.dispersion) == (2.0, 1.0, 1.5, 0.5)
    assert found.acf == (-1.0, None, None, None, None, None)
    assert found.hourly_mean_rps is None
    assert found.bursts.n_bursts == 0


def test_autocorrelation_by_hand() -> None:
    counts = np.array([0, 0, 4, 4])  # deviations -2 -2 2 2, variance 4
    assert autocorrelation(counts, 1) == pytest.approx((4 - 4 + 4) / 3 / 4)
    assert autocorrelation(counts, 2) == -1.0
    assert autocorrelation(counts, 3) is None
    assert autocorrelation(np.array([5, 5, 5]), 1) is None


def test_a_rectangular_burst_is_found_with_its_length_and_height() -> None:
    counts = np.full(7200, 10)
    counts[1000:1300] = 40
    bursts = trace_statistics(counts).bursts
    assert (bursts.n_bursts, bursts.duration_mean_s, bursts.height_mean_rps) == (1, 300.0, 30.0)
    assert bursts.share_of_time == pytest.approx(300 / 7200)


def test_short_breaks_are_bridged_and_short_peaks_left_out() -> None:
    counts = np.full(3600, 10)
    counts[1000:1100] = counts[1150:1200] = 40  # a break of 50 s
    counts[3000:3020] = 40  # 20 s
    bursts = trace_statistics(counts).bursts
    assert (bursts.n_bursts, bursts.duration_mean_s) == (1, 200.0)


def test_days_and_hours_of_two_days() -> None:
    days = np.repeat(np.arange(48) % 24, 3600)
    days[86_400:] += 2
    found = trace_statistics(days)
    assert found.hourly_mean_rps == tuple(hour + 1.0 for hour in range(24))
    assert found.daily_mean_sd_rps == 1.0


def test_statistics_are_plain_data() -> None:
    assert json.loads(json.dumps(trace_statistics(np.arange(9)).as_dict()))["bursts"]["n_bursts"] == 0


def test_counts_of_nothing_are_refused_and_zeros_are_not() -> None:
    with pytest.raises(TraceError, match="at least one second"):
        trace_statistics(np.array([], dtype=np.int64))
    assert trace_statistics(np.zeros(5, dtype=np.int64)).dispersion == 0.0


@pytest.mark.parametrize(
    ("n_seconds", "n_panels", "unit"), [(50, 3, "seconds"), (9000, 3, "hours"), (200_000, 4, "days")]
)
def test_a_trace_figure_has_its_panels_and_units(n_seconds: int, n_panels: int, unit: str) -> None:
    figure = trace_figure(Trace(name="toy", counts=np.arange(n_seconds) % 7))
    assert len(figure.axes) == n_panels
    assert figure.axes[0].get_xlabel() == f"time ({unit})"
    assert all(axes.get_ylabel() for axes in figure.axes)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    assert image.getvalue().startswith(b"\x89PNG")


def test_a_constant_load_can_be_drawn() -> None:
    trace_figure(Trace(name="flat", counts=np.zeros(5, dtype=np.int64))).savefig(io.BytesIO(), format="png")


def test_a_comparison_draws_both_loads_and_no_series() -> None:
    figure = comparison_figure(Comparison("toy", np.arange(500) % 5, np.arange(500) % 9, {}))
    assert [axes.get_xlabel() for axes in figure.axes] == ["load (requests/s)", "lag (s)"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["synthetic", "real"]
