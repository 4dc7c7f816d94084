"""The league against rows whose answers can be worked out by hand."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from ipa_gym.benchmark.league import League, league
from ipa_gym.benchmark.league_views import league_markdown, league_tables, rich_league
from ipa_gym.errors import OptionError
from ipa_gym.statistics import holm

SEEDS = range(6)
Reward = Callable[[str, str, int], float]  # (pipeline, trace, seed) -> reward


def episodes(
    agent: str,
    reward: Reward,
    *,
    pipelines: Iterable[str] = ("nlp", "video"),
    traces: Iterable[str] = ("calm", "rough"),
    seeds: Iterable[int] = SEEDS,
    **cells: object,
) -> pl.DataFrame:
    """A row an episode."""
    rows = [
        {
            "pipeline": pipeline,
            "trace": trace,
            "agent": agent,
            "seed": seed,
            "reward_mean": reward(pipeline, trace, seed),
            "violations_percent": 0.5,
            **cells,
        }
        for pipeline in pipelines
        for trace in traces
        for seed in seeds
    ]
    return pl.DataFrame(rows)


def world(pipeline: str, trace: str, seed: int) -> float:
    """How hard an episode is for everyone."""
    return {"nlp": -20.0, "video": -5.0}[pipeline] - (3.0 if trace == "rough" else 0.0) + math.sin(7 * seed)


def shifted(by: float) -> Reward:
    return lambda *where: world(*where) + by


def field(*others: pl.DataFrame) -> pl.DataFrame:
    """The anchors 100 apart, IPA half-way between, and others."""
    anchors = [episodes("random", shifted(-50)), episodes("ipa-perfect", shifted(50)), episodes("ipa", shifted(0))]
    return pl.concat([*anchors, *others], how="diagonal_relaxed")


def overall(found: League, agent: str) -> dict[str, object]:
    return found.overall.row(by_predicate=pl.col("agent") == agent, named=True)


def on(found: League, pipeline: str, agent: str) -> dict[str, object]:
    return found.pipelines.row(by_predicate=(pl.col("pipeline") == pipeline) & (pl.col("agent") == agent), named=True)


def test_scores_are_between_the_anchors_of_each_pipeline() -> None:
    found = league(field(episodes("mine", shifted(25))))
    assert found.anchors.drop("problem").rows() == [
        ("nlp", 2, pytest.approx(-71.3 + 0, abs=0.5), pytest.approx(28.7, abs=0.5)),
        ("video", 2, pytest.approx(-56.3, abs=0.5), pytest.approx(43.7, abs=0.5)),
    ]
    assert overall(found, "random")["mean"] == pytest.approx(0.0)
    assert overall(found, "ipa-perfect")["mean"] == pytest.approx(1.0)
    assert overall(found, "mine")["mean"] == pytest.approx(0.75)
    assert on(found, "nlp", "mine")["score"] == pytest.approx(0.75)
    assert overall(found, "mine")["optimality_gap"] == pytest.approx(0.25)
    assert found.overall["agent"].to_list() == ["ipa-perfect", "mine", "ipa", "random"]
    assert found.notes == ("† knows the future: its own, or its forecast's. A bound, not a rival.",)


def test_differences_are_paired_so_that_the_traffic_cancels() -> None:
    found = league(field(episodes("mine", shifted(0.25))))
    row = on(found, "nlp", "mine")
    assert (row["difference"], row["difference_low"], row["difference_high"]) == pytest.approx((0.25, 0.25, 0.25))
    assert row["reward_high"] - row["reward_low"] > 0.5  # type: ignore[operator]
    assert (row["n_common"], row["verdict"]) == (12, "better")
    assert on(found, "nlp", "random")["verdict"] == "worse"
    assert on(found, "nlp", "ipa")["verdict"] is None
    assert overall(found, "mine")["p_better"] == 1.0
    assert overall(found, "random")["p_better"] == 0.0
    assert overall(found, "ipa")["p_better"] is None


def test_wins_count_pairs_on_the_same_traffic_and_ties_half() -> None:
    """Better on nlp, the same on video's calm load, worse on its rough one: (2 + ½ + 0) / 4."""

    def reward(pipeline: str, trace: str, seed: int) -> float:
        edge = 1.0 if pipeline == "nlp" else 0.0 if trace == "calm" else -1.0
        return world(pipeline, trace, seed) + edge

    row = overall(league(field(episodes("mine", reward))), "mine")
    assert row["p_better"] == pytest.approx(0.625)
    assert row["n_common"] == 24


def test_an_agent_like_the_baseline_is_undecided() -> None:
    row = on(league(field(episodes("mine", world))), "video", "mine")
    assert (row["difference"], row["p_value"], row["verdict"]) == (0.0, 1.0, "undecided")
    assert overall(league(field(episodes("mine", world))), "mine")["p_better"] == 0.5


def noisy(edge: float, seed: int) -> Reward:
    noise = {}
    rng = np.random.default_rng(seed)

    def reward(pipeline: str, trace: str, seed: int) -> float:
        where = (pipeline, trace, seed)
        noise.setdefault(where, float(rng.normal()))
        return world(*where) + edge + noise[where]

    return reward


def test_p_values_are_corrected_over_the_pipelines_of_an_agent() -> None:
    found = league(field(episodes("mine", noisy(0.7, 1)), episodes("other", noisy(0.3, 2))))
    for agent in ("mine", "other"):
        rows = [on(found, pipeline, agent) for pipeline in ("nlp", "video")]
        assert [row["p_holm"] for row in rows] == pytest.approx(holm([row["p_value"] for row in rows]).tolist())
    smallest = found.pipelines.filter(pl.col("agent") == "mine")["p_value"].min()
    assert found.pipelines.filter(pl.col("agent") == "mine")["p_holm"].min() == pytest.approx(2 * smallest)  # type: ignore[operator]


def test_a_verdict_needs_the_corrected_p_value() -> None:
    """Differences 1 ± a of six seeds: t = √5 / a at five degrees of freedom. 0.782 on nlp: p = 0.035; 3 on video."""

    def reward(pipeline: str, trace: str, seed: int) -> float:
        return world(pipeline, trace, seed) + 1 + (-1) ** seed * (0.782 if pipeline == "nlp" else 3.0)

    rows = field(episodes("mine", reward))
    found = league(rows)
    row = on(found, "nlp", "mine")
    assert (row["p_value"], row["p_holm"]) == pytest.approx((0.0354, 0.0708), abs=2e-4)
    assert row["verdict"] == "undecided"
    alone = on(league(rows.filter(pl.col("pipeline") == "nlp")), "nlp", "mine")
    assert alone["p_holm"] == row["p_value"]
    assert alone["verdict"] == "better"


def test_signs_are_flipped_where_seeds_are_many_and_students_test_serves_where_they_are_few() -> None:
    """Two pipelines: 2^(1 − n) · 2 · 10 ≤ 0.05 from ten seeds on. Ten seeds all better: 2 of 1,024 signs."""
    tests = {}
    for n in (9, 10):
        seeds = range(n)
        parts = [
            episodes(agent, reward, seeds=seeds)
            for agent, reward in (("ipa", world), ("mine", lambda *where: world(*where) + 1 + where[2] / 10))
        ]
        row = on(league(pl.concat(parts)), "nlp", "mine")
        tests[n] = (row["test"], row["p_value"])
    assert tests[9][0] == "student"
    assert tests[10] == ("sign-flip", 2 / 1024)


def test_seeds_are_the_units_whatever_pipeline_and_load() -> None:
    """A seed that moves all four tasks alike: as uncertain as six numbers, not as 24."""
    moved = episodes("mine", lambda pipeline, trace, seed: world(pipeline, trace, 0) + 30 * math.sin(5 * seed))
    row = overall(league(field(moved)), "mine")
    values = np.array([0.3 * math.sin(5 * seed) for seed in SEEDS])
    half = 2.5706 * values.std(ddof=1) / math.sqrt(6)  # t of five degrees of freedom
    assert row["mean_high"] - row["mean_low"] == pytest.approx(2 * half, rel=0.2)  # type: ignore[operator]


def test_windows_are_the_units_where_a_trace_has_several() -> None:
    """Windows differ by far more than seeds do, and twenty seeds in each of four windows do not hide it."""
    level = {"0:60": 0.0, "100:160": 30.0, "200:260": -20.0, "300:360": 10.0}
    parts = [
        episodes("mine", lambda *where, at=at: at + 0.01 * where[2], traces=["long"], seeds=range(20), window=window)
        for window, at in level.items()
    ]
    row = on(league(pl.concat(parts)), "nlp", "mine")
    half = 3.1824 * np.std(list(level.values()), ddof=1) / 2  # t of three degrees of freedom
    assert row["n_tasks"] == 4
    assert row["reward_high"] - row["reward_low"] == pytest.approx(2 * half, rel=0.25)  # type: ignore[operator]


def test_training_seeds_widen_the_interval() -> None:
    trained = [episodes("mine", shifted(edge), training_seed=f"seed-{i}") for i, edge in enumerate((1.0, 3.0, 5.0))]
    found = league(field(*trained))
    row = on(found, "nlp", "mine")
    assert (row["n_agents"], row["n_episodes"], row["n_common"]) == (3, 36, 12)
    assert row["difference"] == pytest.approx(3.0)
    assert row["difference_high"] - row["difference_low"] == pytest.approx(2 * 4.303 * 2 / math.sqrt(3), rel=0.1)  # type: ignore[operator]
    assert (row["test"], row["verdict"]) == ("student", "undecided")
    assert row["p_value"] == pytest.approx(0.1217, abs=1e-3)  # t = 3 / (2 / √3) = 2.598 at two degrees of freedom
    one = on(league(field(trained[1])), "nlp", "mine")
    assert (one["n_agents"], one["verdict"]) == (1, "better")


def test_signs_are_not_flipped_where_training_has_varied() -> None:
    """Twelve seeds are enough for one agent; with two that differ, their spread must count, which flips do not see."""
    base = episodes("ipa", world, seeds=range(12))
    trained = [
        episodes("mine", shifted(edge), seeds=range(12), training_seed=f"seed-{i}") for i, edge in enumerate((1.0, 9.0))
    ]
    one, two = (
        on(league(pl.concat(part, how="diagonal_relaxed")), "nlp", "mine")
        for part in ([base, trained[0]], [base, *trained])
    )
    assert (one["test"], one["verdict"]) == ("sign-flip", "better")
    assert (two["test"], two["verdict"]) == ("student", "undecided")
    assert two["p_value"] == pytest.approx(0.4296, abs=1e-3)  # t = 5 / 4 at one degree of freedom


def test_training_seeds_of_two_pipelines_are_different_agents() -> None:
    """Each pipeline's agents are drawn apart: means of three and three are surer than means of three."""
    trained = [episodes("mine", shifted(edge), training_seed=f"seed-{i}") for i, edge in enumerate((-30.0, 0.0, 30.0))]
    row = overall(league(field(*trained)), "mine")
    error = 0.3 / math.sqrt(3) / math.sqrt(2)
    assert row["mean_high"] - row["mean_low"] == pytest.approx(2 * 2.776 * error, rel=0.15)  # type: ignore[operator]


def test_what_only_some_training_seeds_have_played_is_left_out() -> None:
    rows = field(
        episodes("mine", shifted(1.0), training_seed="seed-0"),
        episodes("mine", shifted(2.0), training_seed="seed-1", seeds=[0, 1]),
    )
    found = league(rows)
    assert on(found, "nlp", "mine")["n_episodes"] == 8
    assert on(found, "nlp", "mine")["difference"] == pytest.approx(1.5)
    assert found.notes[0] == "mine on nlp: 8 episodes are left out, which not all of its training seeds have played."


def test_an_agent_that_has_played_less_is_marked_and_compared_on_what_both_have_played() -> None:
    """On the rough load IPA loses 3 more: unpaired means would make the calm-only agent look 2.5 better, not 1."""
    found = league(field(episodes("mine", shifted(1.0), pipelines=["video"], traces=["calm"], seeds=[0, 1, 2])))
    row = on(found, "video", "mine")
    assert row["difference"] == pytest.approx(1.0)
    assert (row["n_common"], row["complete"]) == (3, False)
    assert on(found, "video", "ipa")["complete"] is True
    assert "* mine has played 3 of 24 tasks and seeds" in found.notes[-1]
    assert "| mine \\* |" in league_markdown(found)
    assert found.pipelines.filter((pl.col("pipeline") == "nlp") & (pl.col("agent") == "mine")).is_empty()


def test_agents_that_share_nothing_are_not_compared() -> None:
    parts = [episodes("ipa", world, seeds=[0, 1]), episodes("mine", world, seeds=[2, 3])]
    row = overall(league(pl.concat(parts)), "mine")
    assert (row["p_better"], row["n_common"]) == (None, None)


def test_the_distance_to_the_oracle_is_on_the_same_traffic() -> None:
    found = league(field(episodes("oracle", shifted(60)), episodes("mine", shifted(10), seeds=[0, 1, 2])))
    row = on(found, "nlp", "mine")
    assert (row["oracle_gap"], row["oracle_gap_low"], row["oracle_gap_high"]) == pytest.approx((50.0, 50.0, 50.0))
    assert overall(found, "mine")["oracle_gap"] == pytest.approx(0.5)
    assert overall(found, "oracle")["oracle_gap"] is None
    assert overall(league(field()), "ipa")["oracle_gap"] is None


def test_the_worst_pipelines_violations_are_named() -> None:
    bad = episodes("mine", world).with_columns(
        violations_percent=pl.when(pl.col("pipeline") == "nlp").then(pl.col("seed") * 1.0).otherwise(0.1)
    )
    row = overall(league(field(bad)), "mine")
    assert (row["worst_pipeline"], row["worst_violations_percent"]) == ("nlp", pytest.approx(2.5))


def test_who_knows_the_future_is_marked() -> None:
    rows = field(episodes("oracle", world), episodes("mine", world, forecast="perfect"))
    found = league(rows)
    marked = found.overall.filter(pl.col("foresees"))["agent"].to_list()
    assert sorted(marked) == ["ipa-perfect", "mine", "oracle"]
    assert "oracle †" in league_markdown(found)


def test_without_an_anchor_there_is_no_score_and_the_note_says_whom_to_run() -> None:
    rows = field(episodes("mine", world)).filter(pl.col("agent") != "random")
    found = league(rows)
    assert found.overall["mean"].null_count() == 3
    assert found.notes[0] == "No score on nlp: random has not played it; run it there."
    assert found.profiles.is_empty()
    assert overall(found, "mine")["p_better"] == 0.5  # needs no score
    part = field().filter(
        (pl.col("agent") != "ipa-perfect") | (pl.col("trace") == "calm") | (pl.col("pipeline") == "nlp")
    )
    found = league(part)
    assert found.notes[0] == "No score on video: ipa-perfect has played 1 of its 2 tasks; run it there."
    assert on(found, "nlp", "ipa")["score"] == pytest.approx(0.5)
    assert on(found, "video", "ipa")["score"] is None
    assert overall(found, "ipa")["mean"] == pytest.approx(0.5)  # over the pipeline that has a scale


@pytest.mark.parametrize("edge", [0.0, -10.0])
def test_anchors_that_span_nothing_give_no_score(edge: float) -> None:
    found = league(pl.concat([episodes("random", world), episodes("ipa-perfect", shifted(edge))]))
    assert found.overall["mean"].null_count() == 2
    assert "a scale needs the second to earn more" in found.notes[0]


def test_without_the_baseline_nothing_is_compared_and_another_may_be_named() -> None:
    rows = field(episodes("mine", shifted(1.0)))
    found = league(rows.filter(pl.col("agent") != "ipa"))
    assert found.pipelines["verdict"].null_count() == len(found.pipelines)
    assert "Nothing is compared: ipa has not played; run it too." in found.notes
    assert on(league(rows, baseline="mine"), "nlp", "ipa")["difference"] == pytest.approx(-1.0)


def test_one_seed_has_means_and_no_interval_no_p_value_and_no_verdict() -> None:
    parts = [
        episodes(agent, shifted(edge), seeds=[4])
        for agent, edge in (("random", -9.0), ("ipa-perfect", 1.0), ("ipa", 0.0), ("mine", 0.5))
    ]
    found = league(pl.concat(parts))
    row, total = on(found, "nlp", "mine"), overall(found, "mine")
    assert row["difference"] == pytest.approx(0.5)
    assert total["iqm"] == pytest.approx(0.95)
    assert [row[name] for name in ("difference_low", "p_value", "p_holm", "test", "reward_low")] == [None] * 5
    assert row["verdict"] == "undecided"
    assert total["iqm_low"] is total["p_better_high"] is None
    assert found.notes[0].startswith("One seed of calm, rough: its traffic is taken as given")
    assert found.profiles["low"].null_count() == len(found.profiles)


def test_profiles_fall_from_one_to_zero() -> None:
    found = league(field(episodes("mine", shifted(25))))
    for agent in ("mine", "random"):
        part = found.profiles.filter(pl.col("agent") == agent)
        assert part["score"].is_sorted()
        assert part["fraction"].is_sorted(descending=True)
        assert (part["low"] <= part["fraction"]).all()
        assert part["fraction"][-1] == 0.0
    at_half = found.profiles.filter((pl.col("agent") == "mine") & (pl.col("score") < 0.6))["fraction"]
    assert at_half.to_list() == pytest.approx([1.0] * len(at_half))


def test_numbers_depend_neither_on_the_order_of_rows_nor_on_other_agents() -> None:
    rows = field(episodes("mine", noisy(0.4, 5)))
    found, shuffled = league(rows), league(rows.sample(fraction=1.0, shuffle=True, seed=3))
    assert found.overall.equals(shuffled.overall)
    assert found.pipelines.equals(shuffled.pipelines)
    assert found.profiles.equals(shuffled.profiles)
    more = league(pl.concat([rows, episodes("other", noisy(-0.4, 6))], how="diagonal_relaxed"))
    assert overall(more, "mine") == overall(found, "mine")
    assert on(more, "nlp", "mine") == on(found, "nlp", "mine")


def test_an_equal_seed_gives_equal_tables() -> None:
    rows = episodes("mine", noisy(0.4, 5), seeds=range(15))
    found = [on(league(rows, seed=seed), "nlp", "mine") for seed in (3, 3, 4)]
    assert found[0] == found[1]
    assert found[0]["reward_mean"] == found[2]["reward_mean"]
    assert found[0]["reward_low"] != found[2]["reward_low"]


def test_rows_that_must_not_be_mixed_are_an_error() -> None:
    rows = field()
    two = pl.concat(
        [rows.with_columns(interval_s=10.0), episodes("mine", world, interval_s=2.0)], how="diagonal_relaxed"
    )
    with pytest.raises(OptionError, match=r"nlp has interval_s 10\.0, 2\.0; expected rows of one"):
        league(two)
    per_pipeline = rows.with_columns(alpha=pl.when(pl.col("pipeline") == "nlp").then(1.0).otherwise(2.0))
    assert len(league(per_pipeline).overall) == 3
    with pytest.raises(OptionError, match="ipa on nlp under calm, seed 0: there is more than one such row"):
        league(pl.concat([rows, episodes("ipa", world)]))
    with pytest.raises(OptionError, match="without violations_percent"):
        league(rows.drop("violations_percent"))
    with pytest.raises(OptionError, match="0 of them"):
        league(rows.clear())
    with pytest.raises(OptionError, match=r"ipa on video under rough, seed 5: reward .* no number"):
        league(
            rows.with_columns(
                reward_mean=pl.when(pl.int_range(pl.len()) == pl.len() - 1).then(math.nan).otherwise("reward_mean")
            )
        )


def test_both_views_show_the_same_cells() -> None:
    found = league(field(episodes("oracle", shifted(60)), episodes("mine", noisy(0.4, 5))))
    tables = league_tables(found)
    assert [table.title for table in tables] == ["League", "nlp", "video"]
    text = league_markdown(found)
    shown = io.StringIO()
    Console(width=150, file=shown).print(rich_league(found))  # as to a file
    terminal = shown.getvalue()
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.headers)}
        assert all(f"| {' | '.join(row)} |" in text for row in table.rows)
    assert all(cell in terminal for row in tables[0].rows for cell in row)
    assert "…" not in terminal
    assert text.startswith("### League\n")
    assert text.count("#### ") == 2
    row = on(found, "nlp", "mine")
    assert f"{row['difference']:+.2f} [{row['difference_low']:+.2f}, {row['difference_high']:+.2f}]" in text
    assert "below oracle" in text
    assert "below oracle" not in league_markdown(league(field()))
