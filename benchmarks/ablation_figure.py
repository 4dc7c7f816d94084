"""The predictor ablation as a picture: violations over startup time, by forecast, beside the published counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from matplotlib.figure import Figure

from benchmarks.ablation_tables import PUBLISHED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARRIVALS = "exact"  # drawn; Poisson arrivals are in the tables


@dataclass(frozen=True, slots=True)
class Look:
    """How a forecast is drawn."""

    colour: str
    marker: str
    offset: float  # to the right, so that two bars at one startup time do not cover each other


LOOKS: Mapping[str, Look] = {"perfect": Look("#004466", "*", -0.03), "reactive": Look("#D55E00", "o", 0.03)}
LSTM_COLOUR = "#6B6B6B"


def ablation_figure(cases: pl.DataFrame) -> Figure:
    """A row a load, a column a pipeline; points are means, bars reach from the least to the most of the phases.

    Args:
        cases: `ablation.summarise`'s table.
    """
    shown = cases.filter((pl.col("setting") == "published") & (pl.col("arrivals") == ARRIVALS))
    loads, pipelines = (shown[name].unique(maintain_order=True).to_list() for name in ("load", "pipeline"))
    figure = Figure(figsize=(3.0 * len(pipelines), 0.9 + 3.1 * len(loads)), layout="constrained")
    axes = figure.subplots(len(loads), len(pipelines), sharex=True, sharey=True, squeeze=False)
    for row, load in zip(axes, loads, strict=True):
        for panel, pipeline in zip(row, pipelines, strict=True):
            _draw_panel(panel, shown.filter((pl.col("load") == load) & (pl.col("pipeline") == pipeline)), pipeline)
        row[0].set_ylabel(f"{load}\nSLA violations in 20 min")
    for panel, pipeline in zip(axes[0], pipelines, strict=True):
        sla_s = shown.filter(pl.col("pipeline") == pipeline)["sla_s"][0]
        panel.set_title(f"{pipeline} (SLA {sla_s:g} s)")
    for panel in axes[-1]:
        panel.set_xlabel("startup time, times the card's")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_panel(axes: Axes, part: pl.DataFrame, pipeline: str) -> None:
    published = PUBLISHED[pipeline]
    for forecast, look in LOOKS.items():
        rows = part.filter(pl.col("forecast") == forecast).sort("startup_scale")
        means = rows["violations"].to_numpy()
        reach = (means - rows["violations_least"].to_numpy(), rows["violations_most"].to_numpy() - means)
        axes.errorbar(
            rows["startup_scale"].to_numpy() + look.offset,
            means,
            yerr=reach,
            color=look.colour,
            marker=look.marker,
            capsize=3,
            elinewidth=1,
            label=f"ours, {forecast}",
        )
        count = getattr(published, forecast)
        axes.axhline(count, color=look.colour, linestyle="--", linewidth=1.2, label=f"published, {forecast}")
    axes.axhline(published.lstm, color=LSTM_COLOUR, linestyle=":", linewidth=1.2, label="published, LSTM")
    axes.axvline(1.0, color="0.85", linewidth=6, zorder=0)
    axes.set_yscale("symlog", linthresh=10, linscale=0.5)
    axes.set_ylim(-0.5, 5000)
    axes.set_yticks([0, 10, 100, 1000], labels=["0", "10", "100", "1,000"])
    axes.grid(alpha=0.25)
