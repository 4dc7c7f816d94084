"""What the forecast is worth: SLA violations and cost of an agent by the forecast that it saw (the paper's Fig. 16).

`forecast_table` finds the rows of a store that differ from the compared ones in the forecast alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ipa_gym.report.cells import agent_cell, number, number_cell, text_cell
from ipa_gym.report.choice import RUN, SETTINGS, Choice
from ipa_gym.report.drawing import agent_legend, agent_look, error_bars, from_zero
from ipa_gym.report.means import means, on_common_tasks, page_points
from ipa_gym.report.section import Cell, PageTable, Picture, Section

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

TITLE = "Forecasts"
READING = (
    "The same agent with different forecasts of the load, on the same arrivals: what a better forecast saves in SLA "
    "violations, and what it costs in cores; bars are 95 % intervals over seeds."
)
COMMAND = "ipa-gym benchmark --study forecasts"
ORDER = ("perfect", "lstm", "holt", "max", "reactive")  # others after them
PANELS = (
    ("violations_percent", "SLA violations (%)", 1.0),
    ("cost_cores", "cost (cores)", 1.0),
    ("pas", "PAS (%)", 100.0),
)
_METRICS = (*(name for name, _, _ in PANELS), "reward_mean")
_ALL = "all"


def forecast_rows(choice: Choice) -> pl.DataFrame:
    """Rows of the agents that were played with at least two forecasts, on the tasks that all of them have played."""
    import polars as pl

    own = choice.main.unique(["pipeline", "agent"], keep="first").select("pipeline", "agent", *SETTINGS)
    alike = choice.rows.join(own, on=["pipeline", "agent", *SETTINGS], how="semi", maintain_order="left")
    alike = alike.unique([*RUN, "forecast"], keep="last", maintain_order=True)
    by = ["pipeline", "agent"]
    several = alike.group_by(by).agg(pl.col("forecast").n_unique().alias("n")).filter(pl.col("n") > 1)
    return on_common_tasks(alike.join(several, on=by, how="semi", maintain_order="left"), ["forecast"], by)


def forecast_table(rows: pl.DataFrame) -> pl.DataFrame:
    """Means by forecast.

    Args:
        rows: what `forecast_rows` gave.
    Returns: forecast, pipeline, trace (``all`` for all loads), agent, metric, mean, half_width, n.
    """
    import polars as pl

    parts = []
    for forecast in in_order(rows["forecast"].unique().to_list()):
        part = means(rows.filter(pl.col("forecast") == forecast), _METRICS)
        parts.append(part.select(pl.lit(forecast).alias("forecast"), pl.all()))
    return pl.concat(parts) if parts else pl.DataFrame()


def in_order(forecasts: list[str]) -> list[str]:
    """From the best to the plainest, those of one's own after them."""
    places = {name: place for place, name in enumerate(ORDER)}
    return sorted(forecasts, key=lambda name: (places.get(name, len(places)), name))


def forecast_section(rows: pl.DataFrame) -> Section:
    """The section.

    Args:
        rows: what `forecast_rows` gave.
    """
    import polars as pl

    table = forecast_table(rows)
    if table.height == 0:
        return Section("forecasts", TITLE, READING, COMMAND)
    points = page_points(table, ("pipeline", "trace", "agent", "forecast"))
    data = {"points": points, "forecasts": in_order(rows["forecast"].unique().to_list()), "all": _ALL}
    over_all = table.filter(pl.col("trace") == _ALL)
    picture = Picture("forecasts", partial(forecast_figure, over_all), table)
    return Section("forecasts", TITLE, READING, COMMAND, data, tables=[_counts(rows)], pictures=[picture])


def _counts(rows: pl.DataFrame) -> PageTable:
    """SLA violations of each pipeline and agent, a column a forecast: requests, and percent of the arrivals."""
    import polars as pl

    forecasts = in_order(rows["forecast"].unique().to_list())
    sums = pl.col("violations", "arrivals").sum()
    counted = rows.group_by("pipeline", "agent", "forecast", maintain_order=True).agg(sums)
    found = {(row["pipeline"], row["agent"], row["forecast"]): row for row in counted.to_dicts()}
    lines: list[list[Cell]] = []
    for pipeline, agent in dict.fromkeys((row["pipeline"], row["agent"]) for row in counted.to_dicts()):
        cells = [found.get((pipeline, agent, forecast)) for forecast in forecasts]
        arrivals = max(row["arrivals"] for row in cells if row is not None)
        lines.append([text_cell(pipeline), agent_cell(agent), number_cell(arrivals, 0), *map(_count_cell, cells)])
    columns = ("pipeline", "agent", "requests", *forecasts)
    caption = "Requests over all loads and seeds, and percent."
    return PageTable("SLA violations by forecast", columns, lines, caption=caption)


def _count_cell(row: dict[str, Any] | None) -> Cell:
    if row is None:
        return number_cell(None, 0)
    percent = 100 * row["violations"] / row["arrivals"] if row["arrivals"] else 0.0
    return Cell(number(row["violations"], 0), percent, f"{number(percent, 2)} %")


def forecast_figure(table: pl.DataFrame) -> Figure:
    """A column a pipeline, a row a quantity, a place a forecast, a marker an agent."""
    import polars as pl
    from matplotlib.figure import Figure

    pipelines = table["pipeline"].unique(maintain_order=True).to_list()
    forecasts = table["forecast"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(1.2 + 3.1 * len(pipelines), 8.6), layout="constrained")
    axes = figure.subplots(len(PANELS), len(pipelines), sharex=True, squeeze=False)
    for column, pipeline in enumerate(pipelines):
        for panel, (metric, _, factor) in zip(axes[:, column], PANELS, strict=True):
            rows = table.filter((pl.col("pipeline") == pipeline) & (pl.col("metric") == metric))
            _draw(panel, rows, forecasts, factor)
        axes[0][column].set_title(pipeline)
        from_zero(axes[0][column])
    for row, (_, label, _) in zip(axes, PANELS, strict=True):
        row[0].set_ylabel(label)
    agent_legend(figure, axes[0])
    figure.suptitle("What the forecast is worth: mean over loads, bars 95 % over seeds")
    return figure


def _draw(axes: Any, rows: pl.DataFrame, forecasts: list[str], scale: float) -> None:  # Any: matplotlib's axes
    agents = rows["agent"].unique(maintain_order=True).to_list()
    for place, agent in enumerate(agents):
        part = rows.filter(rows["agent"] == agent)
        shift = 0.5 * ((place + 0.5) / len(agents) - 0.5)
        places = np.array([forecasts.index(name) for name in part["forecast"]]) + shift
        look = agent_look(agent, agents, line=False)
        axes.errorbar(places, scale * part["mean"].to_numpy(), yerr=error_bars(part, scale), capsize=3, **look)
    axes.set_xticks(range(len(forecasts)), labels=forecasts, rotation=30)
    axes.set_xlim(-0.5, len(forecasts) - 0.5)
    axes.grid(alpha=0.25)
