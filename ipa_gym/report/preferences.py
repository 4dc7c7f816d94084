"""What agents do when accuracy or cost is worth more: PAS and cost over α and β (the paper's Fig. 14).

`preference_table` finds the rows of a store that differ from the compared ones in one of the two weights alone.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.report.choice import RUN, Choice
from ipa_gym.report.drawing import agent_legend, agent_look, error_bars, from_zero
from ipa_gym.report.means import means, on_common_tasks, page_points
from ipa_gym.report.section import Picture, Section

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

TITLE = "Preferences: α and β"
READING = (
    "From left to right the weight of accuracy (α) or of a core (β) grows, times the card's own; an agent that listens "
    "buys accuracy with α and saves cores with β. Means over the loads and seeds that all settings have played."
)
COMMAND = "ipa-gym benchmark --study preferences"
KNOBS = ("alpha", "beta")
PANELS = (
    ("pas", "PAS (%)", 100.0),
    ("cost_cores", "cost (cores)", 1.0),
    ("violations_percent", "SLA violations (%)", 1.0),
)
_GREEK = {"alpha": "α", "beta": "β"}
_SAME_FACTOR = 1e-9  # factors closer to 1 than this are the card's own weight


def preference_table(choice: Choice) -> pl.DataFrame:
    """Means of each setting of a weight.

    Returns: knob (alpha or beta), factor (times the compared rows' own), pipeline, agent, metric, mean, half_width, n;
        no row where a store has no such study.
    """
    import polars as pl

    rows = _varied(choice).sort("knob", "factor", maintain_order=True)
    parts = []
    for (knob, factor), part in rows.group_by("knob", "factor", maintain_order=True):
        found = means(part, [name for name, _, _ in PANELS])
        parts.append(found.select(pl.lit(knob).alias("knob"), pl.lit(factor).alias("factor"), pl.all()))
    if not parts:
        return pl.DataFrame()
    return pl.concat(parts).filter(pl.col("trace") == ALL_TRACES).drop("trace")


def _varied(choice: Choice) -> pl.DataFrame:
    """Rows with ``knob`` and ``factor`` of the agents that were played with at least two weights, on common tasks."""
    import polars as pl

    same = ["pipeline", "agent", "interval_s", "forecast", "_options"]
    main = _with_options(choice.main).unique(["pipeline", "agent"], keep="first", maintain_order=True)
    own = main.select(*same, own_options="options", own_alpha="alpha", own_beta="beta")
    alike = _with_options(choice.rows).join(own, on=same, how="inner", maintain_order="left")
    changed = (pl.col("alpha") != pl.col("own_alpha")) | (pl.col("beta") != pl.col("own_beta"))
    alike = alike.filter(changed | (pl.col("options") == pl.col("own_options")))
    alike = alike.unique([*RUN, *KNOBS], keep="last", maintain_order=True)
    parts = []
    for knob, other in (KNOBS, KNOBS[::-1]):
        fixed = (pl.col(other) - pl.col(f"own_{other}")).abs() <= _SAME_FACTOR * pl.col(f"own_{other}").abs()
        factor = (pl.col(knob) / pl.col(f"own_{knob}")).round(6)
        part = alike.filter(fixed).with_columns(knob=pl.lit(knob), factor=factor)
        parts.append(part.filter(pl.col("factor").is_finite()))
    rows = pl.concat(parts)
    by = ["pipeline", "agent", "knob"]
    several = rows.group_by(by).agg(pl.col("factor").n_unique().alias("n")).filter(pl.col("n") > 1)
    return on_common_tasks(rows.join(several, on=by, how="semi", maintain_order="left"), ["factor"], by)


def _with_options(rows: pl.DataFrame) -> pl.DataFrame:
    """With the column ``_options``: the options but for ρ, the price of violations, which a study scales with β."""
    import polars as pl

    known = {text: _without_rho(text) for text in rows["options"].unique().to_list()}
    return rows.with_columns(pl.col("options").replace_strict(known, return_dtype=pl.String).alias("_options"))


def _without_rho(options: str) -> str:
    found = json.loads(options)
    reward = {name: value for name, value in found.pop("reward", {}).items() if name != "rho"}
    return json.dumps(found | ({"reward": reward} if reward else {}), sort_keys=True)


def preference_section(table: pl.DataFrame) -> Section:
    """The section.

    Args:
        table: what `preference_table` gave.
    """
    if table.height == 0:
        return Section("preferences", TITLE, READING, COMMAND)
    points = page_points(table, ("knob", "pipeline", "agent", "factor"))
    pictures = [
        Picture(f"preferences-{knob}", partial(preference_figure, table, knob), table.filter(table["knob"] == knob))
        for knob in table["knob"].unique(maintain_order=True).to_list()
    ]
    return Section("preferences", TITLE, READING, COMMAND, {"points": points}, pictures=pictures)


def preference_figure(table: pl.DataFrame, knob: str) -> Figure:
    """A column a pipeline, a row a quantity, a line an agent, over the weight times the card's own."""
    import polars as pl
    from matplotlib.figure import Figure

    part = table.filter(pl.col("knob") == knob)
    pipelines = part["pipeline"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(1.2 + 3.1 * len(pipelines), 8.6), layout="constrained")
    axes = figure.subplots(len(PANELS), len(pipelines), sharex="col", squeeze=False)
    for column, pipeline in enumerate(pipelines):
        for panel, (metric, _, factor) in zip(axes[:, column], PANELS, strict=True):
            rows = part.filter((pl.col("pipeline") == pipeline) & (pl.col("metric") == metric))
            _draw(panel, rows, factor)
        axes[0][column].set_title(pipeline)
        axes[-1][column].set_xlabel(f"{_GREEK[knob]}, times the card's own")
        from_zero(axes[-1][column])
    for row, (_, label, _) in zip(axes, PANELS, strict=True):
        row[0].set_ylabel(label)
    agent_legend(figure, axes[0])
    figure.suptitle(f"What a change of {_GREEK[knob]} does: mean over loads, bars 95 % over seeds")
    return figure


def _draw(axes: Any, rows: pl.DataFrame, scale: float) -> None:  # Any: matplotlib's axes
    agents = rows["agent"].unique(maintain_order=True).to_list()
    for agent in agents:
        part = rows.filter(rows["agent"] == agent)
        look = agent_look(agent, agents, line=True)
        middle = scale * part["mean"].to_numpy()
        axes.errorbar(part["factor"].to_numpy(), middle, yerr=error_bars(part, scale), capsize=2, **look)
    factors = sorted(rows["factor"].unique().to_list())
    axes.set_xscale("log", base=2)
    axes.set_xticks(factors, labels=[f"{value:g}" for value in factors])
    axes.minorticks_off()
    axes.axvline(1.0, color="0.85", linewidth=5, zorder=0)
    axes.grid(alpha=0.25)
