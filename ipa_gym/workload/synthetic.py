"""Makes synthetic loads from the recipe of a trace card: base x flicker + bursts -> Poisson -> divided.

Everything is drawn by counter-based random numbers from the recipe's seed, so a card makes the same counts on every
machine. Where the bursts of a whole calendar come from: `ipa_gym.workload.calendar_bursts`. Files are written by
`write_trace` alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ipa_gym import catalog
from ipa_gym.errors import CardError
from ipa_gym.seeding import hash_words, standard_normal
from ipa_gym.workload.arrivals import poisson_count
from ipa_gym.workload.calendar_bursts import calendar_bursts, silent_seconds
from ipa_gym.workload.card import TraceCard, read_trace_card
from ipa_gym.workload.recipe import Burst, CalendarRecipe, Flicker, PieceRecipe
from ipa_gym.workload.trace import IntArray

FloatArray = NDArray[np.float64]
DAY_S = 86_400
COUNT_STREAM = 1  # Poisson counts
FLICKER_STREAM = 100  # the flickers of a recipe take this one and those after it


def generate(card: TraceCard) -> IntArray:
    """Make the counts of a card's ``generator`` section.

    Returns: int64 (n_seconds,), requests in each second.
    Raises: CardError if the card has no such section.
    """
    if card.generator is None:
        raise CardError(f"trace card {card.title!r}: no 'generator' section; its counts come from {card.data}")
    return GENERATORS[type(card.generator)](card.generator)


def write_trace(name_or_path: str | Path, *, folder: str | Path | None = None) -> Path:
    """Generate a card's counts and write them as a compressed .npz, beside the card or in ``folder``.

    The counts are stored in the smallest unsigned type that holds them. The file appears whole or not at all.
    Returns: path of the written file.
    Raises: CardError if the card is faulty or has no generator, or its data is no .npz.
    """
    path = catalog.find("traces", name_or_path)
    card = read_trace_card(path)
    target = (Path(folder) if folder is not None else path.parent) / card.data
    if target.suffix != ".npz":
        raise CardError(f"{path}: data is {card.data!r}; a generated trace is written as .npz")
    counts = generate(card)
    partial = target.with_name(f".{target.stem}.partial.npz")
    arrays: dict[str, Any] = {card.key or "rps": counts.astype(np.min_scalar_type(int(counts.max())))}
    np.savez_compressed(partial, **arrays)
    os.replace(partial, target)
    return target


def _generate_pieces(recipe: PieceRecipe) -> IntArray:
    parts = []
    first = 0
    for piece in recipe.pieces:
        seconds = np.arange(piece.seconds, dtype=np.float64)
        level = np.interp(seconds, *np.array(piece.base_rps).T)
        add_flickers(level, recipe.flicker, seed=recipe.seed, first_second=first)
        level += lift_of(piece.bursts, piece.seconds)
        counts = _draw(level, seed=recipe.seed, first_second=first)
        parts.extend([counts // recipe.divisor] * piece.repeat)
        first += piece.seconds
    return np.concatenate(parts)


def _generate_calendar(recipe: CalendarRecipe) -> IntArray:
    n_seconds = recipe.days * DAY_S
    hour = np.arange(n_seconds) / 3600.0 - 0.5
    base = np.array(recipe.hourly_base_rps)
    level = np.interp(hour % 24, np.arange(25), np.append(base, base[0]))
    add_flickers(level, recipe.flicker, seed=recipe.seed, first_second=0)
    level += lift_of(calendar_bursts(recipe), n_seconds)
    counts = _draw(level, seed=recipe.seed, first_second=0)
    counts[silent_seconds(recipe)] = 0
    return counts // recipe.divisor


GENERATORS: Mapping[type, Callable[[Any], IntArray]] = {  # recipe -> the function that takes it
    PieceRecipe: _generate_pieces,
    CalendarRecipe: _generate_calendar,
}


def lift_of(bursts: Sequence[Burst], n_seconds: int) -> FloatArray:
    """Lift above the base in each second, float64 (n_seconds,) requests/s, taken at the second's middle.

    A burst's lift is the line through its knots times 1 - exp(-t / rise), t the seconds since the onset; it ends with
    the last knot. Where bursts overlap the higher lift counts.
    """
    lift = np.zeros(n_seconds)
    for burst in bursts:
        knot_s, knot_rps = np.array(burst.lift_rps).T
        start = max(0, math.ceil(burst.onset_s - 0.5))
        stop = min(n_seconds, math.ceil(burst.onset_s + knot_s[-1] - 0.5))
        since = np.arange(start, stop) + 0.5 - burst.onset_s
        height = np.interp(since, knot_s, knot_rps) * -np.expm1(-since / burst.rise_s)
        lift[start:stop] = np.maximum(lift[start:stop], height)
    return lift


def add_flickers(level: FloatArray, flickers: tuple[Flicker, ...], *, seed: int, first_second: int) -> None:
    """Multiply ``level`` (n_seconds,) by each flicker in place, from second ``first_second`` of the seed's streams."""
    for index, flicker in enumerate(flickers):
        stream = FLICKER_STREAM + index
        _multiply_flicker(level, flicker.sd, flicker.time_s, np.uint64(seed), stream, first_second)


def _draw(level: FloatArray, *, seed: int, first_second: int) -> IntArray:
    counts = np.empty(len(level), dtype=np.int64)
    _draw_counts(level, np.uint64(seed), first_second, counts)
    return counts


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba has no types
def _multiply_flicker(
    mean: FloatArray,  # float64[n]  in/out, requests/s
    sd: float,  # of the logarithm
    time_s: float,  # correlation time
    seed: np.uint64,
    stream: int,
    first_second: int,
) -> None:
    keep = math.exp(-1.0 / time_s)
    fresh = sd * math.sqrt(1.0 - keep * keep)
    x = sd * standard_normal(hash_words(seed, np.uint64(stream), np.uint64(first_second)))
    for i in range(mean.shape[0]):
        if i > 0:
            x = keep * x + fresh * standard_normal(hash_words(seed, np.uint64(stream), np.uint64(first_second + i)))
        mean[i] *= math.exp(x - 0.5 * sd * sd)


@njit(cache=True)  # type: ignore[untyped-decorator]  # numba has no types
def _draw_counts(
    mean: FloatArray,  # float64[n]  in, requests/s
    seed: np.uint64,
    first_second: int,
    counts: IntArray,  # int64[n]    out, requests
) -> None:
    for i in range(mean.shape[0]):
        counts[i] = poisson_count(mean[i], hash_words(seed, np.uint64(COUNT_STREAM), np.uint64(first_second + i)))
