"""Where the bursts and the silent seconds of a `CalendarRecipe` fall, drawn from its seed.

Long bursts come one at most in each half-hour slot, and seldom soon after another; short ones at any time. The
numbers are counter-based: slot k's burst depends on the seed, on k, and on whether the two slots before had one.
Adding them to a level is the business of `ipa_gym.workload.synthetic`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ipa_gym.seeding import hash_words, standard_normal, uniform
from ipa_gym.workload.recipe import Burst, CalendarRecipe, LogNormal, ShortBursts, SlotBursts

DAY_S = 86_400
SLOT_S = 1_800
SLOTS_A_DAY = DAY_S // SLOT_S
SLOT_STREAM = 2
SILENCE_STREAM = 3
SHORT_STREAM = 10  # the kinds of short bursts take this one and those after it
SHORTEST_BURST_S = 5.0


def calendar_bursts(recipe: CalendarRecipe) -> list[Burst]:
    """All bursts of the recipe's days; onsets in seconds from the first midnight."""
    bursts = _slot_bursts(recipe)
    for index, kind in enumerate(recipe.short_bursts):
        bursts += _short_bursts(recipe, kind, stream=SHORT_STREAM + index)
    return bursts


def silent_seconds(recipe: CalendarRecipe) -> NDArray[np.bool_]:
    """Which seconds the recording missed: bool (days x 86400,)."""
    silent = np.zeros((recipe.days, DAY_S), dtype=np.bool_)
    silent[:, recipe.silence.daily_from_s :] = True
    flat = silent.reshape(-1)
    for event in range(_n_events(recipe, recipe.silence.per_day)):
        start = int(_uniform(recipe.seed, SILENCE_STREAM, event, 0) * len(flat))
        flat[start : start + recipe.silence.seconds] = True
    return flat


def _slot_bursts(recipe: CalendarRecipe) -> list[Burst]:
    kind = recipe.slot_bursts
    slots = _burst_slots(recipe)
    bursts = []
    for day in range(recipe.days):
        today = [slot for slot in slots if slot // SLOTS_A_DAY == day]
        durations = [
            (
                _log_normal(kind.plateau_s, recipe.seed, SLOT_STREAM, slot, 3),
                _log_normal(kind.decay_s, recipe.seed, SLOT_STREAM, slot, 4),
            )
            for slot in today
        ]
        stretch = kind.daily_s / max(1.0, sum(plateau_s + 0.5 * decay_s for plateau_s, decay_s in durations))
        for slot, (plateau_s, decay_s) in zip(today, durations, strict=True):
            bursts.append(
                _slot_burst(kind, recipe.seed, slot, plateau_s=stretch * plateau_s, decay_s=stretch * decay_s)
            )
    return bursts


def _burst_slots(recipe: CalendarRecipe) -> list[int]:
    """Numbers of the half-hour slots, from the first midnight, that have a burst."""
    kind = recipe.slot_bursts
    slots: list[int] = []
    for slot in range(recipe.days * SLOTS_A_DAY):
        soon = bool(slots) and slot - slots[-1] <= 2
        chance = kind.probability[slot % SLOTS_A_DAY] * (kind.soon_factor if soon else 1.0)
        if _uniform(recipe.seed, SLOT_STREAM, slot, 0) < chance:
            slots.append(slot)
    return slots


def _slot_burst(kind: SlotBursts, seed: int, slot: int, *, plateau_s: float, decay_s: float) -> Burst:
    onset_s = slot * SLOT_S + max(0.0, kind.onset_s + kind.onset_sd_s * _normal(seed, SLOT_STREAM, slot, 1))
    lift = max(0.25 * kind.lift_rps, kind.lift_rps + kind.lift_sd_rps * _normal(seed, SLOT_STREAM, slot, 2))
    if _uniform(seed, SLOT_STREAM, slot, 5) < kind.tall_probability:
        lift += kind.tall_lift_rps
    knots = ((0.0, lift), (plateau_s, lift), (plateau_s + decay_s, 0.0))
    return Burst(onset_s=onset_s, rise_s=kind.rise_s, lift_rps=knots)


def _short_bursts(recipe: CalendarRecipe, kind: ShortBursts, *, stream: int) -> list[Burst]:
    bursts = []
    for event in range(_n_events(recipe, kind.per_day)):
        onset_s = _uniform(recipe.seed, stream, event, 0) * recipe.days * DAY_S
        if kind.onset_s is not None:
            onset_s = onset_s // SLOT_S * SLOT_S + kind.onset_s
        lift = _log_normal(kind.lift_rps, recipe.seed, stream, event, 1)
        plateau_s = _log_normal(kind.plateau_s, recipe.seed, stream, event, 2)
        knots = ((0.0, lift), (plateau_s, lift), (1.5 * plateau_s, 0.0))
        bursts.append(Burst(onset_s=onset_s, rise_s=kind.rise_s, lift_rps=knots))
    return bursts


def _n_events(recipe: CalendarRecipe, per_day: float) -> int:
    return round(per_day * recipe.days)


def _uniform(seed: int, stream: int, number: int, draw: int) -> float:
    key = hash_words(np.uint64(seed), np.uint64(stream), np.uint64(number))
    return float(uniform(np.uint64(key), np.uint64(draw)))


def _normal(seed: int, stream: int, number: int, draw: int) -> float:
    key = hash_words(np.uint64(seed), np.uint64(stream + 1000 * draw), np.uint64(number))
    return float(standard_normal(np.uint64(key)))


def _log_normal(kind: LogNormal, seed: int, stream: int, number: int, draw: int) -> float:
    return max(SHORTEST_BURST_S, kind.median * math.exp(kind.log_sd * _normal(seed, stream, number, draw)))
