"""The parameters of the synthetic loads, as the ``generator`` section of a trace card gives them.

Two recipes: `PieceRecipe` joins short pieces with hand-placed bursts, `CalendarRecipe` makes whole days whose bursts
come by half-hour slots. What each number means is said here; what is done with them in `ipa_gym.workload.synthetic`.
All rates are requests per second before the recipe's ``divisor``. These values refuse unknown keys when read from a
card; nothing is read or drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Knots = Annotated[tuple[tuple[NonNegative, NonNegative], ...], Field(min_length=1)]  # (second, rate), joined by lines
Seed = Annotated[int, Field(ge=0, lt=2**64)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Flicker:
    """A factor on the base level: exp(x - sd²/2), x normal with this sd, correlation exp(-t / time_s)."""

    sd: NonNegative
    time_s: Positive
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A duration or height: its median, and the standard deviation of its logarithm."""

    median: Positive
    log_sd: NonNegative
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class Burst:
    """One placed burst: from ``onset_s`` the lift follows the knots, approached with the time constant ``rise_s``."""

    onset_s: NonNegative
    rise_s: Positive
    lift_rps: Knots  # (seconds after the onset, requests/s above the base)
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of seconds with a base level and bursts; ``repeat`` plays the same counts again."""

    seconds: Annotated[int, Field(ge=1, le=86_400)]
    base_rps: Knots  # (second of the piece, requests/s)
    bursts: tuple[Burst, ...] = ()
    repeat: Annotated[int, Field(ge=1, le=100)] = 1
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class PieceRecipe:
    """Pieces, one after the other; counts are Poisson around base x flicker + bursts, divided and rounded down."""

    kind: Literal["pieces"]
    seed: Seed
    divisor: Annotated[int, Field(ge=1)]
    flicker: tuple[Flicker, ...]
    pieces: Annotated[tuple[Piece, ...], Field(min_length=1)]
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class SlotBursts:
    """Long bursts, one at most in each half-hour slot of the day.

    Attributes:
        probability: 48 numbers, of a burst in each slot of the day.
        soon_factor: multiplies them where one of the two slots before had a burst.
        onset_s, onset_sd_s: seconds from the slot's start to the onset, normal.
        rise_s: time constant of the rise.
        lift_rps, lift_sd_rps: height above the base, normal, at least a quarter of the mean.
        tall_probability, tall_lift_rps: a few bursts have this much more.
        plateau_s: how long the full height holds after the onset.
        decay_s: how long it then takes to fall to nothing, in a straight line.
        daily_s: full-height seconds of bursts a day (plateau and half the decay); a day's durations are scaled to it,
            since the real days differ far less than independent bursts would make them.
    """

    probability: Annotated[tuple[Probability, ...], Field(min_length=48, max_length=48)]
    soon_factor: Probability
    onset_s: NonNegative
    onset_sd_s: NonNegative
    rise_s: Positive
    lift_rps: Positive
    lift_sd_rps: NonNegative
    tall_probability: Probability
    tall_lift_rps: NonNegative
    plateau_s: LogNormal
    decay_s: LogNormal
    daily_s: Positive
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class ShortBursts:
    """Short bursts: ``per_day``, ``onset_s`` into a slot or at any second; they fall in half the plateau."""

    per_day: NonNegative
    onset_s: NonNegative | None  # None: at any second
    rise_s: Positive
    lift_rps: LogNormal
    plateau_s: LogNormal
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds that the recording missed: from ``daily_from_s`` to each midnight, and short ones at any second."""

    daily_from_s: Annotated[int, Field(ge=1, le=86_400)]
    per_day: NonNegative
    seconds: Annotated[int, Field(ge=0, le=3_600)]
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True, slots=True)
class CalendarRecipe:
    """Whole days: an hourly base, flicker, bursts by the calendar, silence; then divided and rounded down."""

    kind: Literal["calendar"]
    seed: Seed
    divisor: Annotated[int, Field(ge=1)]
    days: Annotated[int, Field(ge=1, le=400)]
    hourly_base_rps: Annotated[tuple[Positive, ...], Field(min_length=24, max_length=24)]  # at half past each hour
    flicker: tuple[Flicker, ...]
    slot_bursts: SlotBursts
    short_bursts: tuple[ShortBursts, ...]
    silence: Silence
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


Recipe = Annotated[PieceRecipe | CalendarRecipe, Field(discriminator="kind")]
