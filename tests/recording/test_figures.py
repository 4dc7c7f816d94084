"""The picture of the lanes: its blocks, startups and drops are the run's. Looks are checked by eye."""

from __future__ import annotations

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.recording import RecordedRun, lanes_figure


def _bars(axes: object) -> dict[str, list[tuple[float, float]]]:
    """(start, end) of each bar, by the legend's label."""
    return {
        bars.get_label(): sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
        for bars in axes.containers  # type: ignore[attr-defined]  # matplotlib's Axes
    }


def test_the_bars_are_the_runs_batches_and_startups(hand_run: RecordedRun) -> None:
    first, second = lanes_figure(hand_run).axes
    assert _bars(first) == {
        "fast": [(0.25, 1.75), (1.75, 3.25), (9.5, 10.5)],
        "slow": [(19.5, 20.0)],
        "startup": [(10.0, 14.0)],
    }
    assert _bars(second)["startup"] == [(10.0, 13.0)]
    drops = next(line for line in second.lines if line.get_label() == "drop")
    assert list(drops.get_xdata()) == [4.75]


def test_only_what_lies_in_the_stretch_is_drawn(hand_run: RecordedRun) -> None:
    first, second = lanes_figure(hand_run, start_s=3.0, stop_s=9.0).axes
    assert _bars(first) == {"fast": [(1.75, 3.25)]}
    assert len(_bars(second)["fast"]) == 2
    with pytest.raises(OptionError, match="expected 0 <= start < stop"):
        lanes_figure(hand_run, start_s=5.0, stop_s=5.0)
