"""Accuracy over cost: every agent's mean PAS and cost with intervals, hollow where it misses the SLA often.

The figure is the benchmark's own (`benchmark/figures_scatter.py`); here are its numbers for the page, load by load.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipa_gym.benchmark.figures import scatter_figure, scatter_table
from ipa_gym.benchmark.figures_scatter import HOLLOW_ABOVE_PERCENT
from ipa_gym.benchmark.statistics import ALL_TRACES
from ipa_gym.report.cells import rounded
from ipa_gym.report.means import means
from ipa_gym.report.section import Picture, Section

if TYPE_CHECKING:
    import polars as pl

READING = (
    "Up and to the left is better: more accuracy for fewer cores; bars are 95 % intervals over seeds, and a hollow "
    f"point misses the SLA for over {HOLLOW_ABOVE_PERCENT:g} % of the requests."
)
METRICS = ("cost_cores", "pas", "violations_percent")


def frontier_section(main: pl.DataFrame) -> Section:
    """The section.

    Args:
        main: a row an episode.
    """
    import polars as pl

    summary = means(main, METRICS)
    points = []
    for (pipeline, trace, agent), part in summary.group_by("pipeline", "trace", "agent", maintain_order=True):
        values: dict[str, object] = {"pipeline": pipeline, "trace": trace, "agent": agent}
        for row in part.to_dicts():
            values[row["metric"]] = rounded(row["mean"], 5)
            values[f"{row['metric']}_half"] = rounded(row["half_width"], 3)
        points.append(values)
    data = {"points": points, "hollow_above_percent": HOLLOW_ABOVE_PERCENT, "all": ALL_TRACES}
    over_all = scatter_table(summary.filter(pl.col("trace") == ALL_TRACES))
    picture = Picture("accuracy-cost", partial(scatter_figure, summary), over_all)
    return Section("frontier", "Accuracy and cost", READING, "ipa-gym benchmark", data, pictures=[picture])
