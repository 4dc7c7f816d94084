"""Draws an episode: `ansi_table` the pipeline now as text, `episode_frame` the episode so far as a picture.

Reads `IntervalRow`s and the observation; measures and pays nothing. Matplotlib and rich load when they are used.
The benchmark's figures over many episodes are in `ipa_gym/benchmark/`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import IntervalRow
from ipa_gym.observation import Observation, StageObservation
from ipa_gym.pipeline import Pipeline, Stage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME_INCHES = (9.6, 9.0)
FRAME_DPI = 100
_TABLE_WIDTH = 120
_COLUMNS = ("stage", "serving", "target", "batch", "replicas", "starting", "queue", "busy", "p99 s", "drops")
_BLUE, _ORANGE, _RED, _GREY = "#0072B2", "#D55E00", "#B2182B", "0.45"


def capacity_rps(pipeline: Pipeline, row: IntervalRow) -> float:
    """Requests per second that the interval's last configuration sustains: the least n · h(b) over the stages."""
    outcome = row.outcome
    return min(
        int(outcome.serving[s]) * stage.variants[int(outcome.variant[s])].throughput_rps(int(outcome.batch[s]))
        for s, stage in enumerate(pipeline.stages)
    )


def ansi_table(pipeline: Pipeline, rows: Sequence[IntervalRow], observation: Observation) -> str:
    """The pipeline now: a line for the load, a table of the stages, a line for the last interval's reward.

    Args:
        rows: the episode so far; may be empty, just after a reset.
        observation: what the controller sees now, in natural units.
    """
    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("stage", "serving", "target") else "right")
    for stage, seen in zip(pipeline.stages, observation.stages, strict=True):
        table.add_row(*_stage_cells(stage, seen))
    console = Console(file=StringIO(), width=_TABLE_WIDTH, color_system=None, force_terminal=False)
    console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO from above
    lines = [_load_line(pipeline, rows, observation), text.rstrip(), *_reward_lines(rows)]
    return "\n".join(lines) + "\n"


def _stage_cells(stage: Stage, seen: StageObservation) -> list[str]:
    serving, target = stage.variants[seen.variant].name, stage.variants[seen.target_variant].name
    return [
        stage.name,
        serving,
        "" if target == serving else f"-> {target}",
        str(seen.batch),
        str(seen.replicas),
        str(seen.starting),
        str(seen.queue_requests),
        f"{seen.utilisation:.0%}",
        f"{seen.sojourn_p99_s:.2f}",
        str(seen.drops),
    ]


def _load_line(pipeline: Pipeline, rows: Sequence[IntervalRow], observation: Observation) -> str:
    now_s = rows[-1].start_s + rows[-1].interval_s if rows else 0.0
    load = f"load {rows[-1].load_mean_rps:.1f} (max {rows[-1].load_max_rps:.0f})" if rows else "load -"
    return f"{pipeline.name}  t = {now_s:g} s  {load}  forecast {observation.forecast_rps:.1f} requests/s"


def _reward_lines(rows: Sequence[IntervalRow]) -> list[str]:
    if not rows:
        return ["no interval yet: the pipeline is warm, its queues are empty"]
    row, terms, outcome = rows[-1], rows[-1].terms, rows[-1].outcome
    return [
        f"reward {row.reward:.3f} = accuracy {terms.accuracy:+.3f}  cost {terms.cost:+.3f}  batch {terms.batch:+.6f}"
        f"  violations {terms.violations:+.3f}",
        f"PAS {100 * row.pas:.2f} %  cost {row.cost_cores:.1f} cores  arrived {outcome.arrivals}"
        f"  completed {outcome.completed}  dropped {outcome.dropped}  violations {row.violations}",
    ]


def episode_frame(pipeline: Pipeline, rows: Sequence[IntervalRow]) -> NDArray[np.uint8]:
    """The episode so far as a picture, uint8 (height, width, 3); always the same size, also without any row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(episode_figure(pipeline, rows))
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib's
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]  # as above


def episode_figure(pipeline: Pipeline, rows: Sequence[IntervalRow]) -> Figure:
    """Load and capacity, cost, PAS, p99 latency against the SLA, and drops, over the episode's time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=FRAME_INCHES, dpi=FRAME_DPI, layout="constrained")
    figure.suptitle(f"{pipeline.name}: {pipeline.title}", fontsize=11)
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[3, 2, 2, 2, 1.4])
    edges_s = [*(row.start_s for row in rows[:1]), *(row.start_s + row.interval_s for row in rows)]

    def line(panel: Any, value: Callable[[IntervalRow], float], **style: Any) -> None:  # Any: matplotlib's
        if rows:
            panel.stairs([value(row) for row in rows], edges_s, baseline=None, linewidth=1.5, **style)

    line(axes[0], lambda row: row.load_mean_rps, color=_BLUE, label="load (mean)")
    line(axes[0], lambda row: row.load_max_rps, color=_BLUE, alpha=0.35, label="load (busiest second)")
    line(axes[0], lambda row: capacity_rps(pipeline, row), color=_ORANGE, label="capacity")
    line(axes[1], lambda row: row.cost_cores, color=_BLUE)
    line(axes[2], lambda row: 100 * row.pas, color=_BLUE)
    line(axes[3], _p99_s, color=_BLUE, label="p99")
    axes[3].axhline(pipeline.sla_s, color=_RED, linestyle="--", linewidth=1, label=f"SLA {pipeline.sla_s:g} s")
    widths = [row.interval_s for row in rows]
    axes[4].bar([row.start_s for row in rows], [row.outcome.dropped for row in rows], widths, align="edge", color=_RED)
    labels = ("requests/s", "cost (cores)", "PAS (%)", "p99 latency (s)", "drops\n(requests)")
    for panel, label in zip(axes, labels, strict=True):
        panel.set_ylabel(label)
        panel.grid(alpha=0.25)
        if panel is not axes[2]:
            panel.set_ylim(bottom=0)
    _leave_room(axes, pipeline, rows)
    for panel in (axes[0], axes[3]):
        panel.legend(*panel.get_legend_handles_labels(), loc="upper left", fontsize=8, ncols=3)
    axes[4].set_xlabel("time since the episode's start (s)")
    axes[4].set_xlim(0, max(edges_s, default=1.0))
    return figure


def _leave_room(axes: Any, pipeline: Pipeline, rows: Sequence[IntervalRow]) -> None:  # Any: an array of Axes
    """Room for the legends above the lines, for the SLA's line, and an axis of whole drops where there are none."""
    rates = [value for row in rows for value in (row.load_max_rps, capacity_rps(pipeline, row))]
    latencies_s = [value for value in map(_p99_s, rows) if not math.isnan(value)]
    axes[0].set_ylim(0, 1.3 * max(rates, default=1.0))
    axes[3].set_ylim(0, 1.35 * max([pipeline.sla_s, *latencies_s]))
    axes[4].set_ylim(0, 1.1 * max((row.outcome.dropped for row in rows if row.outcome.dropped), default=1))


def _p99_s(row: IntervalRow) -> float:
    latency_s = row.outcome.latency_s
    return float(np.percentile(latency_s, 99)) if latency_s.size else math.nan
