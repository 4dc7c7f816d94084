"""The study ``decision-time`` for the command line: progress to stderr, a table a solver to stdout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.benchmark.decision_time import write_decision_times
from ipa_gym.commands.terminal import note, progress_bar

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType


def measure_decision_times(folder: Path) -> pl.DataFrame:
    """Measure, write into the folder, and return what was measured: the fields of `DecisionTime`."""
    import polars as pl

    with progress_bar("sizes") as on_progress:
        path = write_decision_times(folder, on_progress=on_progress)
    note(f"decision times in {path}")
    return pl.read_parquet(path)


def decision_time_tables(times: pl.DataFrame) -> Iterator[RenderableType]:
    """Median and slowest decision in milliseconds, a row a number of stages, a column a number of variants."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    yield Text("study decision-time: one decision on synthetic pipelines (the paper's Fig. 13)", style="bold")
    for solver in times["solver"].unique(maintain_order=True).to_list():
        part = times.filter(times["solver"] == solver)
        cells = {(row["stages"], row["variants"]): row for row in part.to_dicts()}
        variants = sorted({size[1] for size in cells})
        title = f"{solver}, ms: median / slowest of {part['problems'][0]} pipelines"
        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
        table.add_column("stages \\ variants", justify="right")
        for n_variants in variants:
            table.add_column(str(n_variants), justify="right", no_wrap=True)
        for n_stages in sorted({size[0] for size in cells}):
            found = [cells.get((n_stages, n_variants)) for n_variants in variants]
            shown = ["–" if row is None else f"{row['median_ms']:.3g} / {row['worst_ms']:.3g}" for row in found]
            table.add_row(str(n_stages), *shown)
        yield table
    yield Text("Whole calls, wall time of this machine.")
