"""What the report's own figures share: bars that end at zero, a legend of all agents, panels a pipeline.

Matplotlib without pyplot. The figures themselves are drawn by the section that they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.benchmark.styles import agent_styles

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure


def error_bars(rows: pl.DataFrame, scale: float) -> NDArray[np.float64]:
    """Lower and upper length of the bars of `means`' rows, (2, n): none for one run, none below zero."""
    middle = scale * rows["mean"].to_numpy()
    half = scale * rows["half_width"].fill_nan(0.0).to_numpy()
    return np.stack([np.minimum(half, np.maximum(middle, 0.0)), half])


def agent_look(agent: str, agents: Sequence[str], *, line: bool) -> dict[str, Any]:  # Any: matplotlib's keywords
    """Keywords for an agent's points, joined by its line or by none."""
    style = agent_styles(agents)[agent]
    return {"color": style.colour, "marker": style.marker, "linestyle": style.line if line else "none", "label": agent}


def from_zero(axes: Any) -> None:  # Any: matplotlib's axes
    """Let a share in percent start at zero, with room for markers there, and go up to 1 % at least."""
    top = max(1.0, axes.get_ylim()[1])
    axes.set_ylim(-0.04 * top, top)


def agent_legend(figure: Figure, axes: Sequence[Any]) -> None:  # Any: matplotlib's axes
    """One legend below all panels, each agent once."""
    entries: dict[str, Any] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=min(6, len(entries)))
