"""Draws a stretch of a recorded run: every replica's lane with its batches and startups, drops and decisions.

A function from a run to a matplotlib `Figure`; no pyplot, nothing shown, nothing saved. Matplotlib loads when it draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from ipa_gym.errors import OptionError
from ipa_gym.recording.run import RecordedRun
from ipa_gym.recording.table import batch_table, replica_table, request_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")  # Okabe and Ito's
_LANE = 0.76  # height of a block that fills its lane
_SHADES = (0.65, 1.0)  # opacity of a lane's even and odd batches, so that neighbours can be told apart


def lanes_figure(run: RecordedRun, *, start_s: float = 0.0, stop_s: float | None = None) -> Figure:
    """A panel a stage and a lane a slot: a block a batch, as tall as it is full; hatched where a replica starts.

    Args:
        start_s, stop_s: what to draw, seconds since the episode's start; None: to the run's end.
    Raises: OptionError if nothing lies between them.
    """
    from matplotlib.figure import Figure

    stop_s = run.end_s if stop_s is None else stop_s
    if not 0 <= start_s < stop_s:
        raise OptionError(f"lanes from {start_s:g} s to {stop_s:g} s; expected 0 <= start < stop")
    panels = [_panel(run, stage, start_s=start_s, stop_s=stop_s) for stage in range(len(run.pipeline.stages))]
    lanes = [1 + max(0, *panel["batches"]["slot"].to_list(), *panel["startups"]["slot"].to_list()) for panel in panels]
    figure = Figure(figsize=(11, 1.2 + sum(0.9 + 0.45 * n for n in lanes)), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=[2 + n for n in lanes])
    for stage, (axes, panel, n_lanes) in enumerate(zip(all_axes[:, 0], panels, lanes, strict=True)):
        _draw(axes, run, stage, panel)
        for made in run.decisions:
            axes.axvline(made.start_s, color="0.5", linestyle=":", linewidth=0.9, zorder=0)
        axes.set(
            ylim=(-1.05 if panel["drops"].height else -0.55, n_lanes - 0.45),
            xlim=(start_s, stop_s),
            yticks=range(n_lanes),
            ylabel="slot",
        )
        axes.set_title(f"{stage + 1} {run.pipeline.stages[stage].name}", loc="left", fontsize="medium")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    all_axes[-1, 0].set_xlabel("time (s); dotted: decisions; height of a block: how full the batch is")
    figure.suptitle(f"{run.pipeline.name}: batches by replica")
    return figure


def _panel(run: RecordedRun, stage: int, *, start_s: float, stop_s: float) -> dict[str, pl.DataFrame]:
    """What of a stage lies in the stretch; what has not ended goes on to the run's end."""
    here = pl.col("stage_index") == stage
    batches = batch_table(run).filter(here).with_columns(pl.col("end_s").fill_null(run.end_s))
    joined_s = pl.coalesce("joined_s", "told_s", pl.lit(run.end_s))
    replicas = replica_table(run).filter(here).with_columns(joined_s.alias("end_s")).rename({"started_s": "start_s"})
    drops = request_table(run).filter(here & pl.col("dropped_here") & pl.col("left_s").is_between(start_s, stop_s))
    inside = (pl.col("end_s") > start_s) & (pl.col("start_s") < stop_s)
    startups = replicas.filter(inside & (pl.col("end_s") > pl.col("start_s")))
    nth = pl.col("batch").cum_count().over("slot").alias("nth")  # 1, 2, ... in its lane
    return {"batches": batches.filter(inside).with_columns(nth), "startups": startups, "drops": drops}


def _draw(axes: Axes, run: RecordedRun, stage: int, panel: Mapping[str, pl.DataFrame]) -> None:
    batches, startups, dropped_s = panel["batches"], panel["startups"], panel["drops"]["left_s"]
    full = max(1, *batches["requests"].to_list())
    for number, variant in enumerate(run.pipeline.stages[stage].variants):
        rows = batches.filter(pl.col("variant") == variant.name)
        if rows.height:
            height = rows["requests"] / full * _LANE
            colour = COLOURS[number % len(COLOURS)]
            shades = [(colour, _SHADES[nth % 2]) for nth in rows["nth"].to_list()]
            look = {"color": shades, "linewidth": 0}  # edges would hide blocks that are a pixel wide
            _blocks(axes, rows, height.to_list(), label=variant.name, look=look)
    if startups.height:
        look = {"color": "none", "edgecolor": "0.6", "hatch": "////"}
        _blocks(axes, startups, [_LANE] * startups.height, label="startup", look=look)
    if len(dropped_s):
        axes.plot(dropped_s.to_list(), [-0.75] * len(dropped_s), "x", color="#B2182B", markersize=5, label="drop")


def _blocks(axes: Axes, rows: pl.DataFrame, height: list[float], *, label: str, look: Mapping[str, Any]) -> None:
    bottom, width = (rows["slot"] - _LANE / 2).to_list(), (rows["end_s"] - rows["start_s"]).to_list()
    axes.barh(bottom, width, left=rows["start_s"].to_list(), height=height, align="edge", label=label, **look)
