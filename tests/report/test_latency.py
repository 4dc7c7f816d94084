"""Latency distributions by hand: bins of SLA / 50, dropped requests never arrive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ipa_gym.report.latency import latency_figure, latency_section, latency_table, served_within
from ipa_gym.store import Store
from tests.report.rows import counts, frame, row, write_store


def test_the_share_at_a_latency_is_of_all_requests_that_came_to_an_end() -> None:
    shares = served_within(counts(_0=4, _49=2, _50=1, rest=1), dropped=2)
    assert shares.shape == (201,)
    assert shares[[0, 1, 49, 50, 51, 200]].tolist() == [0.0, 0.4, 0.4, 0.6, 0.7, 0.7]  # of 10; index 50 is the SLA
    assert np.all(np.diff(shares) >= 0)


def test_without_a_request_there_is_no_share() -> None:
    assert np.isnan(served_within(counts(), dropped=0)).all()


def test_counts_are_added_over_seeds_windows_and_loads(tmp_path: Path) -> None:
    rows = [
        row(trace=trace, window=window, seed=seed, dropped=1, latency_counts=counts(_3=n))
        for n, (trace, window, seed) in enumerate(
            [("a", "0:1", 0), ("a", "1:2", 0), ("a", "0:1", 1), ("b", "0:1", 0)], 1
        )
    ]
    write_store(tmp_path, rows)
    table = latency_table(frame(rows), Store(tmp_path / "store"))
    found = {one["trace"]: (one["latency_counts"][3], one["dropped"]) for one in table.to_dicts()}
    assert found == {"a": (6, 3), "b": (4, 1), "all": (10, 4)}


def test_the_pages_curve_stops_where_nothing_changes_any_more(tmp_path: Path) -> None:
    write_store(tmp_path, [row(latency_counts=counts(_0=1, _2=3))])
    table = latency_table(frame([row()]), Store(tmp_path / "store"))
    curve = next(one for one in latency_section(table).data["curves"] if one["trace"] == "all")
    assert curve["shares"] == [0, 0.25, 0.25, 1]


def test_the_figures_curve_meets_the_sla_at_the_share_in_time(tmp_path: Path) -> None:
    write_store(tmp_path, [row(latency_counts=counts(_10=3, _60=1))])  # SLA 5 s: bin 60 is over 6 s
    figure = latency_figure(latency_table(frame([row()]), Store(tmp_path / "store")).filter(trace="all"))
    curve, sla = figure.axes[0].lines
    assert sla.get_xdata()[0] == 5.0
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert y[x == 5.0] == pytest.approx(0.75)
    assert y[-1] == 1.0
