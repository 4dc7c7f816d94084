"""The picture of docs/hindsight.md: reward below the oracle, a panel a pipeline, a place a load. Draws, no more."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from ipa_gym.benchmark.styles import AgentStyle, agent_styles

DRAWN = ("bound", "oracle", "mpc", "trained", "ipa-perfect", "ipa-exact", "fa2-low", "best-static")


def gap_figure(episodes: pl.DataFrame) -> Figure:
    """One panel a pipeline, points joined over the loads; the oracle is the line at zero.

    Args:
        episodes: as in `hindsight_tables.report`.
    """
    means = episodes.group_by("pipeline", "trace", "agent", maintain_order=True).agg(pl.col("reward").mean())
    pipelines = means["pipeline"].unique(maintain_order=True).to_list()
    styles = {**agent_styles(DRAWN), "bound": AgentStyle("#BB0000", "_", "-")}
    figure = Figure(figsize=(3.1 * len(pipelines), 3.9), layout="constrained")
    panels = figure.subplots(1, len(pipelines), squeeze=False)[0]
    for panel, pipeline in zip(panels, pipelines, strict=True):
        wide = means.filter(pl.col("pipeline") == pipeline).pivot(on="agent", index="trace", values="reward")
        for agent in DRAWN:
            style = styles[agent]
            gap = (wide[agent] - wide["oracle"]).to_list()
            panel.plot(
                wide["trace"].to_list(), gap, color=style.colour, marker=style.marker, ls=style.line, label=agent
            )
        panel.set_title(pipeline)
        panel.tick_params(axis="x", rotation=60)
        panel.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel("reward of an interval, oracle = 0")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(DRAWN), frameon=False)
    return figure
