"""The profile model finds shapes that were put in, and the rule for rows reads them as documented."""

from __future__ import annotations

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.profiling.families import FAMILIES, fit_families
from ipa_gym.profiling.model import FamilyModel, fit_family, work_from_gflops
from ipa_gym.profiling.points import ProfilePoint, ServiceTime, load_points, service_times


def _seconds(cores: int, batch: int) -> float:
    """0.8 s on one core, a quarter of it serial, f(b) = 1 + 0.5 (b - 1) + 0.02 (b^2 - 1)."""
    return 0.8 * (0.25 + 0.75 / cores) * (1 + 0.5 * (batch - 1) + 0.02 * (batch**2 - 1))


def test_fit_recovers_the_shape_that_made_the_points() -> None:
    points = [ServiceTime("v", "s", c, b, _seconds(c, b), True) for c in (1, 2, 4, 8) for b in (1, 2, 4, 8)]
    fit = fit_family(points)
    assert fit.shape.serial_fraction == pytest.approx(0.25, abs=1e-3)
    assert fit.shape.linear == pytest.approx(0.5, abs=1e-3)
    assert fit.shape.quadratic == pytest.approx(0.02, abs=1e-3)
    assert fit.work_s["v", "s"] == pytest.approx(0.8, rel=1e-3)


def test_one_outlier_hardly_moves_the_fit() -> None:
    points = [ServiceTime("v", "s", c, b, _seconds(c, b), True) for c in (1, 2, 4, 8) for b in (1, 2, 4, 8)]
    points[5] = ServiceTime("v", "s", 2, 2, 4 * _seconds(2, 2), True)
    assert fit_family(points).shape.serial_fraction == pytest.approx(0.25, abs=0.03)


def test_throughput_stays_as_it_is_past_the_largest_filled_batch() -> None:
    shape = FamilyModel(serial_fraction=0.2, linear=0.5, quadratic=0.02)
    assert shape.batch_factor(8) == pytest.approx(5.76)
    assert shape.batch_factor(64) == pytest.approx(46.08)


def test_gflops_power_law_by_hand() -> None:
    # 1, 4 GFLOPs take 0.1, 0.2 s: exponent 1/2, so 16 GFLOPs take 0.4 s
    assert work_from_gflops([0.1, 0.2], [1.0, 4.0], wanted_gflops=16.0) == pytest.approx(0.4)
    assert work_from_gflops([0.1], [2.0], wanted_gflops=6.0) == pytest.approx(0.3)


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(OptionError, match="no measured points"):
        fit_family([])


def _point(batch: int, offered: float, throughput: float | None, latency: float | None) -> ProfilePoint:
    return ProfilePoint("s", "v", 1, batch, offered, latency, None, throughput)


@pytest.mark.parametrize(
    ("point", "seconds"),
    [
        (_point(8, 40, 20.0, 0.35), 0.4),  # saturated: 8 / 20
        (_point(1, 1, 0.96, 0.05), 0.05),  # few arrivals, mostly idle: the latency
        (_point(4, 20, 20.0, 0.18), 0.18),  # keeps up, fills in 0.2 s: the latency
        (_point(8, 1, 1.0, 0.2), None),  # 8 s to fill: says nothing about a batch of 8
        (_point(1, 10, None, 0.07), 0.07),  # no throughput recorded
    ],
)
def test_rows_are_read_by_the_rule(point: ProfilePoint, seconds: float | None) -> None:
    found = service_times([point])
    assert [entry.seconds for entry in found] == ([] if seconds is None else [pytest.approx(seconds)])


def test_saturated_row_wins_over_an_unsaturated_one_of_the_same_series() -> None:
    found = service_times([_point(1, 30, 10.0, 0.08), _point(1, 40, 40.0, 0.05)])
    assert [entry.seconds for entry in found] == [pytest.approx(0.1)]


def test_every_family_of_the_measured_points_is_fitted_well() -> None:
    fits = fit_families(service_times(load_points()))
    assert set(fits) == set(FAMILIES)
    assert max(fit.median_error for fit in fits.values()) < 0.15
    assert all(0 <= fit.shape.serial_fraction <= 0.6 for fit in fits.values())
