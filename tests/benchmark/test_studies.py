"""Studies: what each varies, and that its rows are found again among those of a store, no others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ipa_gym import catalog
from ipa_gym.benchmark import BenchmarkSettings, EnvironmentOptions, RunOptions
from ipa_gym.benchmark.identity import Identities, program_version
from ipa_gym.benchmark.inputs import Reader, load_inputs
from ipa_gym.benchmark.session import Output, run_studies
from ipa_gym.benchmark.settings import DEFAULT_TRACES
from ipa_gym.benchmark.studies import STUDIES, Variant, study, study_rows
from ipa_gym.engines import open_engine
from ipa_gym.errors import UnknownNameError

READER = Reader()
BARE = BenchmarkSettings(seeds=(0,))


def labels(name: str) -> list[str]:
    return [variant.label for variant in study(name).variants(BARE)]


def weights(variant: Variant) -> dict[str, tuple[float, float, float]]:
    """alpha, beta and rho of each pipeline, over those of its card."""
    found = {}
    for settings in variant.settings:
        inputs = load_inputs(settings, READER)
        for name in inputs.pipelines:
            task = next(task for task in inputs.tasks() if task.pipeline == name)
            used, card = inputs.settings(task).pipeline.objective, inputs.pipelines[name].objective
            found[name] = (used.alpha / card.alpha, used.beta / card.beta, used.rho / card.rho)
    return found


def made_up_rows(settings: BenchmarkSettings, **values: object) -> pl.DataFrame:
    """Key and setting columns of a benchmark's rows, which nobody has played."""
    inputs = load_inputs(settings)
    identities = Identities(inputs)
    rows = []
    for task in inputs.tasks():
        key = identities.key(task)
        rows.append({name: getattr(key, name) for name in key.__slots__} | identities.columns(task) | values)
    return pl.DataFrame(rows)


@pytest.mark.parametrize("name", list(STUDIES))
def test_every_study_names_settings_that_can_be_run(name: str) -> None:
    found = study(name)
    assert found.title
    assert found.rough_time
    for variant in found.variants(replace(BARE, pipelines=("video",))):
        for settings in variant.settings:
            inputs = load_inputs(settings, READER)
            assert len(inputs.tasks()) >= 4
            assert list(inputs.pipelines) == ["video"]
            Identities(inputs).key(inputs.tasks()[0])


def test_preferences_weigh_accuracy_and_cost_from_a_quarter_to_four_times_on_all_pipelines() -> None:
    variants = {variant.label: weights(variant) for variant in study("preferences").variants(BARE)}
    expected = {"as in the cards": (1.0, 1.0, 1.0)}
    expected |= {f"alpha x {factor}": (float(factor), 1.0, 1.0) for factor in ("0.25", "0.5", "2", "4")}
    expected |= {f"beta x {factor}": (1.0, float(factor), float(factor)) for factor in ("0.25", "0.5", "2", "4")}
    assert list(variants) == list(expected)
    for label, found in variants.items():
        assert set(found) == set(catalog.names("envs"))
        for ratios in found.values():
            assert ratios == pytest.approx(expected[label]), label


def test_preferences_keep_a_rho_that_was_given() -> None:
    given = replace(BARE, pipelines=("video",), environment=EnvironmentOptions(reward={"rho": 20.0}))
    for variant in study("preferences").variants(given):
        assert weights(variant)["video"][2] == pytest.approx(20 / 40)


def test_forecasts_intervals_and_windows_vary_what_they_are_named_for() -> None:
    assert labels("forecasts") == ["reactive", "max", "holt", "lstm", "perfect"]
    assert labels("intervals") == ["10 s", "2 s"]
    intervals = study("intervals").variants(BARE)
    assert [variant.settings[0].environment.interval_s for variant in intervals] == [10.0, 2.0]
    assert set(intervals[0].settings[0].agents) == {
        "ipa-exact", "hpa", "keda", "kpa", "ray-serve", "inferline", "infaas", "loki",
    }  # fmt: skip
    (windows,) = study("windows").variants(BARE)
    assert windows.settings[0].traces == ("twitter-like",)
    assert study("main").variants(BARE)[0].settings == (BARE,)


def test_what_is_given_goes_before_a_studys_own() -> None:
    given = replace(BARE, agents=("hpa",), traces=("bursty",), environment=EnvironmentOptions(service_cv=0.1))
    for name in STUDIES:
        for variant in study(name).variants(given):
            for settings in variant.settings:
                assert (settings.agents, settings.traces) == (("hpa",), ("bursty",))
                assert settings.environment.service_cv == 0.1


def test_an_unknown_study_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'windows'"):
        study("window")


def test_rows_of_a_study_are_found_and_labelled_and_no_others() -> None:
    video = BenchmarkSettings(("video",), ("bursty",), ("ipa-exact",), (0, 1))
    options: list[dict[str, object]] = [
        {"forecast": "holt"}, {"reward": {"alpha": 4.0}}, {"reward": {"beta": 2.0, "rho": 80.0}},
        {"reward": {"beta": 2.0}}, {"service_cv": 0.1}, {"windows": ((0, 600),)},
    ]  # fmt: skip
    rows = pl.concat(
        [
            made_up_rows(video),
            *(made_up_rows(replace(video, environment=EnvironmentOptions(**change))) for change in options),  # type: ignore[arg-type]
            made_up_rows(replace(video, agents=("ipa",))),
        ]
    )

    def found(name: str) -> list[tuple[str, str, int]]:
        return study_rows(rows, name).select("setting", "agent", "seed").rows()

    assert found("forecasts") == [
        ("reactive", "ipa-exact", 0), ("reactive", "ipa-exact", 1), ("holt", "ipa-exact", 0), ("holt", "ipa-exact", 1),
    ]  # fmt: skip
    both = [(label, "ipa-exact", seed) for label in ("as in the cards", "alpha x 2", "beta x 2") for seed in (0, 1)]
    assert found("preferences") == both
    for name, options_of in (
        ("forecasts", {"{}"}),
        ("preferences", {"{}", '{"reward": {"rho": 80.0}}'}),
        ("main", {"{}"}),
    ):
        assert set(study_rows(rows, name)["options"]) == options_of
    assert sorted(found("main")) == sorted(("", agent, seed) for agent in ("ipa", "ipa-exact") for seed in (0, 1))
    assert found("windows") == []


def test_of_several_versions_the_one_that_runs_now_counts_else_the_one_with_most_rows() -> None:
    video = BenchmarkSettings(("video",), ("bursty",), ("ipa-exact",), (0, 1, 2))
    old = made_up_rows(video, version="0.0.1+a")
    older = made_up_rows(replace(video, seeds=(0, 1)), version="0.0.2+a")
    now = made_up_rows(replace(video, seeds=(1,)))
    assert study_rows(pl.concat([old, older, now]), "main")["version"].to_list() == [program_version()]
    assert study_rows(pl.concat([older, old]), "main")["version"].unique().to_list() == ["0.0.1+a"]


def test_studies_write_their_tables_from_one_store_and_are_found_in_it(tmp_path: Path) -> None:
    short = EnvironmentOptions(windows=((380, 440),))
    base = BenchmarkSettings(("video",), ("bursty",), ("static", "hpa"), (0, 1), short)
    options = RunOptions(open_engine("local", jobs=1))
    main, forecasts = run_studies(["main", "forecasts"], base, Output(tmp_path, "csv", "command"), options)
    assert main.folder == tmp_path
    assert forecasts.folder == tmp_path / "forecasts"
    episodes = pl.read_csv(tmp_path / "forecasts" / "episodes.csv")
    assert len(episodes) == 5 * 4
    text = (tmp_path / "forecasts" / "table.md").read_text(encoding="utf-8")
    named = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith(("| static", "| hpa"))]
    assert named == [f"{agent}, {name}" for agent in ("static", "hpa") for name in labels("forecasts")]
    summary = pl.read_csv(tmp_path / "forecasts" / "summary.csv")
    shown = summary.filter(setting="holt", agent="hpa", trace="all", metric="cost_cores")["mean"].item()
    expected = episodes.filter(setting="holt", agent="hpa")["cost_cores"].mean()
    assert shown == pytest.approx(expected)
    settings = json.loads((tmp_path / "forecasts" / "settings.json").read_text())
    assert list(settings["variants"]) == labels("forecasts")
    assert settings["variants"]["holt"][0]["settings"]["environment"]["forecast"] == "holt"
    assert DEFAULT_TRACES[0] == "bursty"
