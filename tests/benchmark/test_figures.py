"""Figures show the tables' numbers: as many lines as agents, the values on them, units on the axes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import StepPatch

from ipa_gym.benchmark import BenchmarkRun
from ipa_gym.benchmark.figures import equal_agents, scatter_figure, series_figure, write_figures
from ipa_gym.benchmark.figures_series import decisions_figure, drawn_part
from ipa_gym.benchmark.statistics import summarise
from ipa_gym.benchmark.styles import AGENT_STYLES, agent_styles, in_table_order
from ipa_gym.benchmark.table import METRICS
from ipa_gym.policies.card import agent_names


def test_series_figure_has_a_panel_a_quantity_and_a_line_an_agent(small_run: BenchmarkRun) -> None:
    figure = series_figure(small_run.series, "video", ["bursty", "steady-low"])
    axes = np.array(figure.axes).reshape(4, 2)
    labels = ["load (grey) and\ncapacity (requests/s)", "cost (cores)", "PAS (%)", "p99 latency (s)"]
    assert [row[0].get_ylabel() for row in axes] == labels
    assert [panel.get_xlabel() for panel in axes[3]] == ["time (s)", "time (s)"]
    rows = small_run.series.filter((pl.col("trace") == "steady-low") & (pl.col("agent") == "hpa"))
    lines = [patch for patch in axes[1][1].patches if isinstance(patch, StepPatch)]
    assert [line.get_label() for line in lines] == ["ipa-exact", "hpa"]
    np.testing.assert_array_equal(lines[1].get_data().values, rows["cost_cores"].to_numpy())
    np.testing.assert_array_equal(lines[1].get_data().edges, np.arange(0, 101, 10))
    assert axes[3][0].lines[0].get_ydata()[0] == 6.89  # video's SLA
    _, mean_load, _, capacity = [patch for patch in axes[0][1].patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(mean_load.get_data().values, rows["load_mean_rps"].to_numpy())
    np.testing.assert_array_equal(capacity.get_data().values, rows["capacity_rps"].to_numpy())


def test_a_load_of_nothing_at_all_is_drawn_without_a_warning(small_run: BenchmarkRun) -> None:
    zero = [pl.lit(0.0).alias(name) for name in ("load_mean_rps", "load_max_rps", "capacity_rps")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = series_figure(small_run.series.with_columns(zero), "video", ["steady-low"])
    assert figure.axes[0].get_ylim() == (0.0, 1.0)


def test_agents_with_the_same_series_share_a_line(small_run: BenchmarkRun) -> None:
    twin = small_run.series.filter(pl.col("agent") == "ipa-exact").with_columns(agent=pl.lit("twin"))
    both = pl.concat([small_run.series, twin])
    assert equal_agents(both) == [["ipa-exact", "twin"], ["hpa"]]
    figure = series_figure(both, "video", ["bursty"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ipa-exact = twin", "hpa", "SLA"]


def test_decisions_are_drawn_a_column_a_stage_and_a_row_a_quantity() -> None:
    figure = decisions_figure(_decided(("ipa", "hpa")), "video", "bursty")
    axes = np.array(figure.axes).reshape(3, 2)
    assert [row[0].get_ylabel() for row in axes] == ["variant", "replicas", "batch size"]
    assert [panel.get_title() for panel in axes[0]] == ["stage 1", "stage 2"]
    assert [tick.get_text() for tick in axes[0][0].get_yticklabels()] == ["large", "small"]
    lines = [patch.get_data().values.tolist() for patch in axes[0][0].patches if isinstance(patch, StepPatch)]
    assert lines == [[1, 0], [0, 1]]  # ipa: small, then large
    replicas = [patch.get_data().values.tolist() for patch in axes[1][1].patches if isinstance(patch, StepPatch)]
    assert replicas == [[5, 6], [7, 8]]


def test_of_many_agents_a_few_are_drawn_and_the_title_names_the_others() -> None:
    agents = ("random", "mine", *(f"other-{number}" for number in range(7)), "hpa", "ipa")
    part, left_out = drawn_part(_decided(agents))
    assert part["agent"].unique(maintain_order=True).to_list() == [
        "mine",
        *(f"other-{n}" for n in range(5)),
        "hpa",
        "ipa",
    ]
    assert left_out == ["random", "other-5", "other-6"]
    title = str(decisions_figure(_decided(agents), "video", "bursty").get_suptitle())
    assert title.endswith("\nnot drawn: random, other-5, other-6")


def _decided(agents: tuple[str, ...]) -> pl.DataFrame:
    """Two intervals of each agent, two stages; agents differ in variants, replicas and cost."""
    rows = [
        {
            "pipeline": "video", "trace": "bursty", "agent": agent, "seed": 0, "time_s": 10.0 * (k + 1), "sla_s": 5.0,
            "load_mean_rps": 1.0, "load_max_rps": 2.0, "capacity_rps": 3.0, "cost_cores": float(place), "pas": 0.5,
            "latency_p99_s": 1.0, "variants": [("small", "large")[(place + k) % 2], "only"], "batches": [1, 2],
            "replicas": [1, 5 + 2 * place + k],
        }
        for place, agent in enumerate(agents)
        for k in range(2)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_scatter_has_a_point_an_agent_at_its_mean_with_its_intervals(small_run: BenchmarkRun) -> None:
    summary = summarise(small_run.episodes, METRICS)
    axes = scatter_figure(summary).axes[0]
    means = small_run.episodes.group_by("agent", maintain_order=True).agg(pl.col("cost_cores", "pas").mean())
    points = [container.lines[0].get_xydata()[0] for container in axes.containers]
    np.testing.assert_allclose(points, np.column_stack([means["cost_cores"], 100 * means["pas"]]))
    bars = [bar for bar in axes.containers[0].lines[2] if isinstance(bar, LineCollection)]
    assert len(bars) == 2  # of cost and of PAS
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("cost (cores)", "PAS (%)")


def test_points_of_agents_that_violate_the_sla_are_hollow(small_run: BenchmarkRun) -> None:
    late = pl.when(pl.col("agent") == "hpa").then(5.1).otherwise(4.9).alias("violations_percent")
    axes = scatter_figure(summarise(small_run.episodes.with_columns(late), METRICS)).axes[0]
    faces = [container.lines[0].get_markerfacecolor() for container in axes.containers]
    assert faces == [AGENT_STYLES["ipa-exact"].colour, "white"]


def test_each_picture_has_its_numbers_beside_it(small_run: BenchmarkRun, tmp_path: Path) -> None:
    written = write_figures(small_run.series, summarise(small_run.episodes, METRICS), tmp_path)
    names = {path.name for path in written}
    assert names == {"accuracy-cost.png", "accuracy-cost.csv", "series-video.png", "series-video.csv"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written if path.suffix == ".png")
    assert pl.read_csv(tmp_path / "series-video.csv").height == small_run.series.height


def test_every_shipped_agent_has_a_look_of_its_own() -> None:
    names = agent_names()
    looks = list(agent_styles(names).values())
    assert len(names) >= 9
    assert len({(look.colour, look.marker) for look in looks}) == len(names)


def test_an_agents_look_does_not_depend_on_who_else_is_shown() -> None:
    assert agent_styles(["hpa"])["hpa"] == agent_styles(["ipa", "mine", "hpa"])["hpa"] == AGENT_STYLES["hpa"]
    assert in_table_order(["zzz", "random", "ipa"]) == ("ipa", "random", "zzz")


@pytest.mark.parametrize("agent", ["random"])
def test_an_agent_that_would_fill_the_panels_is_left_out_of_the_series(small_run: BenchmarkRun, agent: str) -> None:
    noisy = small_run.series.filter(pl.col("agent") == "hpa").with_columns(agent=pl.lit(agent), cost_cores=pl.lit(4e2))
    figure = series_figure(pl.concat([small_run.series, noisy]), "video", ["bursty"])
    assert figure.axes[1].get_ylim()[1] < 100
    assert "not drawn: random" in str(figure.get_suptitle())


def test_variants_stand_in_the_order_of_the_numbers_in_their_names(small_run: BenchmarkRun) -> None:
    series = small_run.series.head(3).with_columns(
        pl.Series("variants", [["resnet101"], ["resnet18"], ["resnet50"]]),
        pl.Series("replicas", [[1]] * 3),
        pl.Series("batches", [[1]] * 3),
    )
    figure = decisions_figure(series, series["pipeline"][0], series["trace"][0])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["resnet18", "resnet50", "resnet101"]
