"""``ipa-gym report``: a benchmark's results as one HTML page and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

Results = Annotated[Path, typer.Argument(help="Folder that `ipa-gym benchmark --out` wrote, or the store in it.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for page and figures; by default report/ in the results.")
]
Formats = Annotated[str, typer.Option("--format", help="Formats of the figures: png, svg or both, with a comma.")]
Figures = Annotated[bool, typer.Option("--figures/--no-figures", help="Whether to draw the figures beside the page.")]
Open = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]


def report(
    results: Results = Path("results"),
    out: Out = None,
    formats: Formats = "png,svg",
    figures: Figures = True,
    open_page: Open = False,
    as_json: o.AsJson = False,
) -> None:
    """Write a benchmark's results as one HTML page that works offline, and as figures.

    The page has the league table, time series with decisions, accuracy over cost, latencies against the SLA, the
    studies of weights and forecasts, decision times, performance profiles, and where all numbers come from; with
    filters, light and dark.
    What a store has no rows for is left out, with the command that makes them.

    [b]Examples[/b]

      ipa-gym report
      ipa-gym report results/video --out out/ --open
      ipa-gym report --no-figures
      ipa-gym report --format svg
    """
    from ipa_gym.commands.report_run import ReportRequest, write_and_show

    write_and_show(ReportRequest(results, out, formats, figures), open_page=open_page, as_json=as_json)
