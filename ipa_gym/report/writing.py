"""`write_report`: from the folder of a benchmark to one HTML page and figures on disk.

Reads (`source.py`), chooses the rows (`choice.py`), lets each section be made, and writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipa_gym.benchmark.figures import save_figure
from ipa_gym.benchmark.league import League, league
from ipa_gym.benchmark.league_views import counted
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.files import check_output_folder, write_text
from ipa_gym.report.choice import Choice, choose
from ipa_gym.report.decisions import decision_section, growth_section
from ipa_gym.report.forecasts import forecast_rows, forecast_section
from ipa_gym.report.frontier import frontier_section
from ipa_gym.report.latency import latency_section, latency_table
from ipa_gym.report.league import league_section
from ipa_gym.report.page import PageContent, page_html
from ipa_gym.report.preferences import preference_section, preference_table
from ipa_gym.report.profiles import better_section, profile_section
from ipa_gym.report.provenance import provenance
from ipa_gym.report.section import Section
from ipa_gym.report.series import series_rows, series_section
from ipa_gym.report.source import Source, read_source

PAGE_FILE = "report.html"
FORMATS = ("png", "svg")
BASELINES = ("ipa", "ipa-exact")  # the first that was played is what others are compared with
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
OnProgress = Callable[[int, int], None]  # (figures written, figures in all)


@dataclass(frozen=True, slots=True)
class Report:
    """What was written."""

    page: Path
    page_bytes: int
    figures: tuple[Path, ...]  # pictures and the CSV beside each
    shown: tuple[str, ...]  # titles of the sections with data
    left_out: tuple[tuple[str, str], ...]  # (title, command that makes its data)


def write_report(
    folder: Path,
    out: Path | None = None,
    *,
    formats: Sequence[str] = FORMATS,
    figures: bool = True,
    on_progress: OnProgress | None = None,
) -> Report:
    """Write ``report.html`` and, in ``figures/`` beside it, every figure with its numbers.

    Args:
        folder: a benchmark's folder or a store.
        out: where to; None: ``report`` in the benchmark's folder.
        formats: of the figures.
        figures: whether to draw them.
        on_progress: called after each figure.
    Raises: OptionError for a folder without results or one that cannot be written; StoreError for a broken store;
        UnknownNameError for a format that there is none of.
    """
    _check_formats(formats)
    if out is not None:
        check_output_folder(out)
    source = read_source(folder)
    target = source.home / "report" if out is None else out
    check_output_folder(target)
    choice = choose(source)
    sections = all_sections(source, choice)
    text = page_html(page_content(source, choice, sections))
    page = write_text(text, target / PAGE_FILE)
    written = _write_figures(sections, target / "figures", formats, on_progress) if figures else ()
    return Report(
        page=page,
        page_bytes=page.stat().st_size,
        figures=written,
        shown=tuple(section.title for section in sections if not section.empty),
        left_out=tuple((section.title, section.missing) for section in sections if section.empty),
    )


def _check_formats(formats: Sequence[str]) -> None:
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("figure format", name, FORMATS)
    if not formats:
        raise OptionError(f"no figure format; expected at least one of {', '.join(FORMATS)}, or no figures at all")


def all_sections(source: Source, choice: Choice) -> list[Section]:
    """The sections in the page's order, those without data among them."""
    main = choice.main
    found = find_league(choice)
    return [
        league_section(found, main),
        series_section(series_rows(main, source.store), main.height),
        frontier_section(main),
        latency_section(latency_table(main, source.store)),
        preference_section(preference_table(choice)),
        forecast_section(forecast_rows(choice)),
        decision_section(main),
        growth_section(source.decision_times),
        profile_section(found),
        better_section(found),
    ]


def find_league(choice: Choice) -> League:
    """The league of the compared rows, against the first of `BASELINES` that was played, else the first agent."""
    agents = choice.main["agent"].unique(maintain_order=True).to_list()
    baseline = next((name for name in BASELINES if name in agents), agents[0])
    return league(choice.main, baseline=baseline)


def page_content(source: Source, choice: Choice, sections: Sequence[Section]) -> PageContent:
    """Titles, agents and provenance around the sections."""
    main = choice.main
    counts = ((main["agent"], "agent"), (main["pipeline"], "pipeline"), (main["trace"], "load"), (main["seed"], "seed"))
    parts = [counted(column.n_unique(), name) for column, name in counts]
    agents = choice.rows["agent"].unique(maintain_order=True).to_list()
    ordered = main["agent"].unique(maintain_order=True).to_list()
    return PageContent(
        title="ipa-gym benchmark",
        subtitle=f"{', '.join(parts)}: {counted(main.height, 'episode')}",
        agents=[*ordered, *(name for name in agents if name not in ordered)],
        sections=sections,
        provenance=provenance(source, choice),
    )


def _write_figures(
    sections: Sequence[Section], folder: Path, formats: Sequence[str], on_progress: OnProgress | None
) -> tuple[Path, ...]:
    pictures = [picture for section in sections for picture in section.pictures]
    written: list[Path] = []
    for done, picture in enumerate(pictures, start=1):
        suffixes = [f".{name}" for name in formats]
        name = _NOT_IN_A_FILE_NAME.sub("_", picture.name)  # names of cards may hold anything
        written += save_figure(picture.draw(), picture.table, folder / name, suffixes=suffixes)
        if on_progress is not None:
            on_progress(done, len(pictures))
    return tuple(written)
