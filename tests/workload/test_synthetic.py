"""The shipped synthetic traces: same as generated, true to their cards, close to the real load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ipa_gym import catalog
from ipa_gym.errors import CardError
from ipa_gym.workload.calendar_bursts import calendar_bursts, silent_seconds
from ipa_gym.workload.card import TraceCard, read_trace_card
from ipa_gym.workload.comparison import compare, measure
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.recipe import Burst, CalendarRecipe, Piece, PieceRecipe
from ipa_gym.workload.synthetic import generate, lift_of, write_trace

NAMES = ("bursty", "fluctuating", "steady-high", "steady-low", "twitter-like")
REAL = Path(__file__).parents[3] / "shared" / "data" / "twitter_rps.npz"
needs_real = pytest.mark.skipif(not REAL.is_file(), reason="the real counts ../shared/data/twitter_rps.npz are absent")


def _card(name: str) -> TraceCard:
    return read_trace_card(catalog.find("traces", name))


@pytest.mark.parametrize("name", NAMES)
def test_golden_generated_counts_equal_the_shipped_ones(name: str, tmp_path: Path) -> None:
    """Regenerate with: ipa-gym trace generate NAME."""
    written = write_trace(name, folder=tmp_path)
    assert np.array_equal(load_trace(written).counts, load_trace(name).counts)
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.npz"]


@pytest.mark.parametrize("name", NAMES)
def test_the_card_shows_the_statistics_of_its_data(name: str) -> None:
    shown = {key: pair.trace for key, pair in _card(name).statistics.items()}
    assert len(shown) >= 11
    assert shown == measure(load_trace(name).counts)


def test_lengths_and_splits_are_those_promised() -> None:
    assert [load_trace(name).n_seconds for name in NAMES] == [1200, 1200, 1200, 1200, 1_814_400]
    assert load_trace("twitter-like").split_range("train") == (0, 14 * 86_400)
    assert load_trace("twitter-like").split_range("test") == (14 * 86_400, 21 * 86_400)
    steady = load_trace("steady-high").counts
    assert np.array_equal(steady[:600], steady[600:])
    assert (catalog.content_folder("traces") / "twitter-like.npz").stat().st_size < 2_000_000


def test_poisson_counts_of_a_constant_level_have_that_mean_and_variance() -> None:
    recipe = PieceRecipe(
        kind="pieces", seed=4, divisor=1, flicker=(), pieces=(Piece(seconds=80_000, base_rps=((0, 50),)),)
    )
    counts = generate(TraceCard(title="flat", data="x.npz", generator=recipe))
    assert abs(counts.mean() - 50) < 4 * np.sqrt(50 / 80_000)
    assert abs(counts.var() - 50) < 4 * np.sqrt((50 + 2 * 50**2) / 80_000)


def test_a_lift_rises_holds_and_ends_with_its_last_knot() -> None:
    burst = Burst(onset_s=2.0, rise_s=1e-9, lift_rps=((0, 10), (4, 10), (8, 0)))
    assert lift_of([burst], 12).tolist() == [0, 0, 10, 10, 10, 10, 8.75, 6.25, 3.75, 1.25, 0, 0]
    slow = lift_of([replace(burst, rise_s=2.0)], 12)
    assert slow[2] == pytest.approx(10 * (1 - np.exp(-0.25)))


def test_overlapping_bursts_do_not_add_up() -> None:
    low = Burst(onset_s=0.0, rise_s=1e-9, lift_rps=((0, 3), (4, 3)))
    high = Burst(onset_s=2.0, rise_s=1e-9, lift_rps=((0, 7), (1, 7)))
    assert lift_of([low, high], 5).tolist() == [3, 3, 7, 3, 0]


def _calendar() -> CalendarRecipe:
    recipe = _card("twitter-like").generator
    assert isinstance(recipe, CalendarRecipe)
    return recipe


def test_each_day_has_the_burst_seconds_that_the_recipe_gives() -> None:
    recipe = replace(_calendar(), short_bursts=(), days=3)
    seconds = np.zeros(3)
    for burst in calendar_bursts(recipe):
        _, (plateau_s, _), (end_s, _) = burst.lift_rps
        seconds[int(burst.onset_s // 86_400)] += (plateau_s + end_s) / 2
    assert seconds == pytest.approx([recipe.slot_bursts.daily_s] * 3)


def test_long_bursts_begin_about_two_minutes_into_half_an_hour() -> None:
    onsets = [burst.onset_s % 1800 for burst in calendar_bursts(replace(_calendar(), short_bursts=()))]
    assert 150 < len(onsets) < 260
    assert abs(np.mean(onsets) - 132) < 4 * 11 / np.sqrt(len(onsets))


def test_the_recording_is_silent_before_midnight() -> None:
    silent = silent_seconds(_calendar()).reshape(21, 86_400)
    assert silent[:, 84_661:].all()
    assert 0 < silent[:, :84_661].sum() <= 34 * 42  # 1.6 a day for 21 days, 42 s each


def test_a_card_without_a_generator_cannot_be_generated() -> None:
    with pytest.raises(CardError, match="no 'generator' section"):
        generate(TraceCard(title="mine", data="a.csv"))


@needs_real
@pytest.mark.parametrize("name", NAMES)
def test_the_traces_resemble_the_real_windows(name: str) -> None:
    pairs = compare(name, REAL).statistics
    figures = {key: (pair.trace, pair.real) for key, pair in pairs.items()}
    for key, share in {"requests": 0.005, "mean_rps": 0.005, "sd_rps": 0.01}.items():
        assert figures[key][0] == pytest.approx(figures[key][1], rel=share)
    assert figures["min_rps"][0] == figures["min_rps"][1]
    assert figures["max_rps"][0] == pytest.approx(figures["max_rps"][1], abs=2 if name == "twitter-like" else 0)
    noise = {"steady-low": 4 * np.sqrt(2 / 1200), "steady-high": 4 * np.sqrt(2 / 600)}.get(name, 0.02)  # without memory
    for key in (key for key in figures if key.startswith("acf")):
        assert figures[key][0] == pytest.approx(figures[key][1], abs=noise), key


@needs_real
@pytest.mark.parametrize("name", NAMES)
def test_the_card_shows_the_statistics_of_the_real_windows(name: str) -> None:
    shown = {key: pair.real for key, pair in _card(name).statistics.items()}
    assert shown == {key: pair.real for key, pair in compare(name, REAL).statistics.items()}


@needs_real
def test_the_long_trace_has_the_real_days_and_bursts() -> None:
    pairs = compare("twitter-like", REAL).statistics
    assert np.corrcoef(pairs["hourly_mean_rps"].trace, pairs["hourly_mean_rps"].real)[0, 1] > 0.95
    for key, share in {
        "n_bursts": 0.1,
        "burst_duration_mean_s": 0.05,
        "burst_duration_median_s": 0.05,
        "burst_height_mean_rps": 0.1,
        "daily_mean_sd_rps": 0.2,
    }.items():
        assert pairs[key].trace == pytest.approx(pairs[key].real, rel=share), key
