"""Where a report's numbers come from: the benchmark's command, versions and settings, and how to make it all again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ipa_gym.report.choice import Choice
from ipa_gym.report.source import Source

_LISTED = 12  # names in one line; of more, how many there are


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the page says about its numbers."""

    facts: tuple[tuple[str, str], ...]  # (what, value)
    commands: tuple[str, ...]  # to run again, in this order
    notes: tuple[str, ...]
    settings: str  # the benchmark's settings.json; empty where there is none


def provenance(source: Source, choice: Choice) -> Provenance:
    """Facts from the rows themselves, and from the settings of the benchmark where it is complete."""
    settings = source.settings
    command = settings.get("command")
    notes = list(choice.notes)
    if not settings:
        notes.append("The folder holds no complete benchmark: the commonest settings of the store are compared.")
    folder = shlex.quote(source.home.name or "results")
    commands = [command] if isinstance(command, str) and command else [f"ipa-gym benchmark --out {folder}"]
    text = json.dumps(settings, indent=2, ensure_ascii=False) if settings else ""
    return Provenance(
        facts=(*_of_rows(choice), *_of_settings(settings)),
        commands=(*commands, f"ipa-gym report {folder}"),
        notes=tuple(notes),
        settings=text,
    )


def _of_rows(choice: Choice) -> Iterator[tuple[str, str]]:
    main = choice.main
    yield "rows compared", f"{main.height:,} of {choice.rows.height:,} of this version"
    yield "version of the program", choice.version
    for column, name in (("pipeline", "pipelines"), ("trace", "loads"), ("agent", "agents"), ("window", "windows")):
        yield name, _listed(main[column].unique(maintain_order=True).to_list())
    yield "seeds", _listed(sorted(main["seed"].unique().to_list()))
    yield "interval", ", ".join(f"{value:g} s" for value in sorted(main["interval_s"].unique().to_list()))
    yield "forecasts", _listed(sorted(main["forecast"].unique().to_list()))
    for (pipeline,), part in main.group_by("pipeline", maintain_order=True):
        options = "" if part["options"][0] == "{}" else f", {part['options'][0]}"
        yield f"weights on {pipeline}", f"α {part['alpha'][0]:g}, β {part['beta'][0]:g}{options}"


def _of_settings(settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(settings.get("date"), str):
        yield "date of the benchmark", settings["date"]
    for group in ("platform", "versions"):
        found = settings.get(group)
        if isinstance(found, dict):
            yield group, ", ".join(f"{name} {value}" for name, value in found.items())


def _listed(values: list[Any]) -> str:
    names = [str(value) for value in values]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED + 1 else ""
    return ", ".join(names[:_LISTED] if more else names) + more
