"""The options that several commands share, and what their texts mean.

`EnvironmentOptions` and the like are built here from plain words; ranges are checked by the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.errors import OptionError

_LOAD, _MODEL = "Load", "Environment"
MOST_SEEDS = 100_000  # that one command may ask for; more is a slip of the keyboard

Scale = Annotated[float, typer.Option(help="Multiply the trace's counts by this, rounded down.", rich_help_panel=_LOAD)]
Window = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar="FROM:TO",
        help="Seconds of the trace to play, TO excluded; several are joined into one episode.",
        rich_help_panel=_LOAD,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="train, test or all: where windows are drawn from. By default test where the trace has it.",
        rich_help_panel=_LOAD,
    ),
]
Episode = Annotated[
    int | None,
    typer.Option(
        "--episode",
        metavar="SECONDS",
        help="Length of a drawn window; by default 1200, or a shorter trace's length.",
        rich_help_panel=_LOAD,
    ),
]
Key = Annotated[str | None, typer.Option(help="Array in an .npz trace.", rich_help_panel=_LOAD)]
Column = Annotated[str | None, typer.Option(help="Column of a .csv or .parquet trace.", rich_help_panel=_LOAD)]
Arrivals = Annotated[
    str,
    typer.Option(
        help="poisson (the count is the mean), exact (that many, at random in the second) or even (evenly spaced).",
        rich_help_panel=_LOAD,
    ),
]
Interval = Annotated[float, typer.Option(metavar="SECONDS", help="Time between decisions.", rich_help_panel=_MODEL)]
Forecast = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="reactive, max, holt, lstm, perfect, or a file of train-forecaster; by default the pipeline card's. "
        "An agent card that asks for one gets it.",
        rich_help_panel=_MODEL,
    ),
]
BatchCap = Annotated[
    int | None, typer.Option(help="Largest batch size, a power of two; by default the card's.", rich_help_panel=_MODEL)
]
ReplicaCap = Annotated[
    int | None, typer.Option(help="Most replicas of a stage; by default the card's.", rich_help_panel=_MODEL)
]
ServiceCv = Annotated[
    float,
    typer.Option(help="Coefficient of variation of service times; 0: deterministic.", rich_help_panel=_MODEL),
]
ServiceScale = Annotated[
    float, typer.Option(help="True service time over the profile that agents plan with.", rich_help_panel=_MODEL)
]
StartupScale = Annotated[
    float, typer.Option(help="True startup time over the card's; 0: replicas start at once.", rich_help_panel=_MODEL)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Override alpha, beta, delta, rho or accuracy_measure of the reward.",
        rich_help_panel=_MODEL,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def named(option: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """`split_commas` of an option that stands for a default where it is left out. Raises: OptionError for a bare comma.

    Empty text stays in, as a name that there is none of: an unset variable of a shell must not mean "all".
    """
    found = split_commas(values)
    if values and not found:
        raise OptionError(f"{option} is {values[-1]!r}; expected a name, or leave it out")
    return found


def split_commas(values: Sequence[str] | None) -> tuple[str, ...]:
    """``["a,b", "c"]`` as ``("a", "b", "c")``; a comma in an existing path stays."""
    found: list[str] = []
    for value in values or ():
        found += [value] if Path(value).exists() else [part.strip() for part in value.split(",") if part.strip()]
    return tuple(found)


def parse_windows(texts: Sequence[str] | None) -> tuple[tuple[int, int], ...] | None:
    """``["10:20", "30:40"]`` as pairs of seconds; None if there are none. Raises: OptionError."""
    return (
        tuple(_range(text, option="--window", meaning="FROM:TO in whole seconds") for text in texts) if texts else None
    )


def parse_seeds(text: str) -> tuple[int, ...]:
    """``5``: seeds 0 to 4; ``3,7``: these; ``10:20``: 10 to 19; parts may be joined by commas. Raises: OptionError."""
    parts = [part.strip() for part in text.split(",")]
    meaning = f"a number of seeds, a list like 3,7 or a range like 10:20; at least one, at most {MOST_SEEDS:,}"
    ranges: list[range] = []
    for part in filter(None, parts):
        if ":" in part:
            ranges.append(range(*_range(part, option="--seeds", meaning=meaning)))
        else:
            number = _whole(part, option="--seeds", meaning=meaning)
            ranges.append(range(number) if len(parts) == 1 else range(number, number + 1))
    sizes = [part.stop - part.start for part in ranges]  # len() refuses large ones
    if not sizes or min(sizes) < 1 or sum(sizes) > MOST_SEEDS:
        raise OptionError(f"--seeds has {text!r}; expected {meaning}")
    return tuple(seed for part in ranges for seed in part)


def parse_each_seed(texts: Sequence[str]) -> tuple[int, ...]:
    """``["3", "10:12"]`` as ``(3, 10, 11)``: every seed by name, none twice. Raises: OptionError."""
    meaning = "a seed like 3 or a range like 0:5"
    seeds: list[int] = []
    for text in split_commas(texts):
        first = _range(text, option="--seed", meaning=meaning) if ":" in text else None
        seeds += range(*first) if first else [_whole(text, option="--seed", meaning=meaning)]
    if not seeds or len(set(seeds)) != len(seeds):
        raise OptionError(f"--seed is {', '.join(texts)!r}; expected at least one seed, and none twice")
    return tuple(seeds)


def parse_hyperparameters(texts: Sequence[str] | None) -> dict[str, object]:
    """``["gamma=0.9", "net_arch=[64, 64]"]`` as values of YAML's types; which exist is the library's to check.

    Raises: OptionError for what is no NAME=VALUE, or no YAML.
    """
    from ipa_gym.cards.yaml_reader import parse_mapping
    from ipa_gym.errors import CardError

    values: dict[str, object] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise OptionError(f"--set is {text!r}; expected NAME=VALUE, for example learning_rate=3e-4")
        if name.strip() in values:
            raise OptionError(f"--set gives {name.strip()} twice; expected it once")
        try:
            values[name.strip()] = parse_mapping(f"value: {value}", "--set")["value"]
        except CardError as error:
            raise OptionError(
                f"--set is {text!r}; expected a value as in a card, such as 3e-4, true or [64, 64]"
            ) from error
    return values


def parse_overrides(texts: Sequence[str] | None) -> dict[str, float | str]:
    """``["alpha=2"]`` as ``{"alpha": 2.0}``; the names and ranges are the library's to check. Raises: OptionError."""
    overrides: dict[str, float | str] = {}
    for text in split_commas(texts):
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise OptionError(f"--set is {text!r}; expected NAME=VALUE, for example alpha=2")
        try:
            overrides[name] = float(value)
        except ValueError:
            overrides[name] = value
    return overrides


def _range(text: str, *, option: str, meaning: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    try:
        return int(first), int(last)
    except ValueError:
        raise OptionError(f"{option} has {text!r}; expected {meaning}") from None


def _whole(text: str, *, option: str, meaning: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise OptionError(f"{option} has {text!r}; expected {meaning}") from None
