"""Writes the report for the command line: progress to stderr, what was written to stdout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ipa_gym.commands.options import split_commas
from ipa_gym.commands.terminal import note, print_json, progress_bar
from ipa_gym.report import Report, write_report


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the command line asks for."""

    results: Path
    out: Path | None
    formats: str
    figures: bool


def write_and_show(request: ReportRequest, *, open_page: bool, as_json: bool) -> None:
    """Write, print the page's path, open it where asked."""
    with progress_bar("figures") as on_progress:
        written = write_report(
            request.results,
            request.out,
            formats=split_commas([request.formats]),
            figures=request.figures,
            on_progress=on_progress,
        )
    if as_json:
        print_json(_as_data(written))
    else:
        print(written.page)
    for title, command in written.left_out:
        note(f"left out, without data: {title} ({command})")
    n_pictures = sum(path.suffix != ".csv" for path in written.figures)
    figures = f", {n_pictures} figures in {written.page.parent / 'figures'}/" if written.figures else ""
    note(f"page of {written.page_bytes / 1e6:.1f} MB{figures}")
    if open_page:
        import webbrowser

        webbrowser.open(written.page.resolve().as_uri())


def _as_data(written: Report) -> dict[str, object]:
    return {
        "page": str(written.page),
        "page_bytes": written.page_bytes,
        "figures": [str(path) for path in written.figures],
        "shown": list(written.shown),
        "left_out": [{"section": title, "command": command} for title, command in written.left_out],
    }
