"""Saves the benchmark's figures, the numbers beside each: time series per pipeline and load, and accuracy over cost.

They are drawn by `figures_series.py` and `figures_scatter.py`; `ipa_gym/report/` saves more with `save_figure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ipa_gym.benchmark.figures_scatter import scatter_figure, scatter_table
from ipa_gym.benchmark.figures_series import equal_agents, series_figure
from ipa_gym.files import write_atomically, write_frame

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

__all__ = ["equal_agents", "save_figure", "scatter_figure", "scatter_table", "series_figure", "write_figures"]
TRACES_PER_FIGURE = 4
_DPI = 110


def write_figures(series: pl.DataFrame, summary: pl.DataFrame, folder: Path) -> list[Path]:
    """Save all figures as PNG with the CSV of their numbers beside each; returns the files."""
    import polars as pl

    written = save_figure(scatter_figure(summary), scatter_table(summary), folder / "accuracy-cost")
    for pipeline in series["pipeline"].unique(maintain_order=True).to_list():
        part = series.filter(pl.col("pipeline") == pipeline)
        for name, traces in trace_groups(part["trace"].unique(maintain_order=True).to_list()):
            figure = series_figure(part, pipeline, traces)
            table = part.filter(pl.col("trace").is_in(traces))
            written += save_figure(figure, table, folder / f"series-{pipeline}{name}")
    return written


def trace_groups(traces: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The traces by figure, at most `TRACES_PER_FIGURE` each, with what the figures' names end in (-1, -2, ...)."""
    parts = [list(traces[first : first + TRACES_PER_FIGURE]) for first in range(0, len(traces), TRACES_PER_FIGURE)]
    return [(f"-{number}" if len(parts) > 1 else "", part) for number, part in enumerate(parts, start=1)]


def save_figure(figure: Figure, table: pl.DataFrame, base: Path, *, suffixes: Sequence[str] = (".png",)) -> list[Path]:
    """Save a figure in each format and its numbers as CSV; the same figure gives the same files.

    Args:
        base: path without a suffix.
        suffixes: of the formats, such as ``.png`` and ``.svg``.
    """
    import matplotlib as mpl

    metadata = {".svg": {"Date": None}}
    with mpl.rc_context({"svg.hashsalt": "ipa-gym"}):
        images = [
            write_atomically(
                base.with_name(base.name + suffix),
                lambda path, suffix=suffix: figure.savefig(path, dpi=_DPI, metadata=metadata.get(suffix)),  # type: ignore[misc]
            )
            for suffix in suffixes
        ]
    return [*images, write_frame(table, base.with_name(base.name + ".csv"))]
