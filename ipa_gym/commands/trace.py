"""``ipa-gym trace``: look at a load, or make a synthetic one anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Look at load traces, and generate synthetic ones."
)
Name = Annotated[str, typer.Argument(help="A trace's name, or the path of a card or a file of counts or timestamps.")]
Png = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="PNG", help="Where to draw it; by default NAME.png in this folder."),
]
Check = Annotated[
    bool,
    typer.Option("--check", help="Write nothing; say whether the data is what the card makes (exit code 1 if not)."),
]


@app.command("show")
def show_trace(
    name: Name,
    out: Png = None,
    as_json: o.AsJson = False,
    scale: o.Scale = 1.0,
    window: o.Window = None,
    key: o.Key = None,
    column: o.Column = None,
) -> None:
    """Print a trace's statistics, beside those of the real load that it stands for, and draw it.

    Files may be per-second counts (.txt, .csv, .npz, .npy, .parquet) or a log of timestamps. With --json nothing is
    drawn unless --out says where.

    [b]Examples[/b]

      ipa-gym trace show bursty
      ipa-gym trace show counts.npz --scale 0.125 --window 1301160:1302360
    """
    from ipa_gym.commands.trace_run import TraceRequest, show_statistics

    request = TraceRequest(name, scale, o.parse_windows(window), key, column)
    show_statistics(request, as_json=as_json, out=out)


@app.command("generate")
def generate_trace(name: Name, check: Check = False) -> None:
    """Make the counts of a trace card's generator section and write them beside the card.

    [b]Examples[/b]

      ipa-gym trace generate my-load.yaml
      ipa-gym trace generate bursty --check
    """
    from ipa_gym.commands.trace_run import check_trace, write_counts

    (check_trace if check else write_counts)(name)
