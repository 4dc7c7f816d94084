"""docs/forecasting.md shows what the code gives today."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ipa_gym import catalog
from ipa_gym.forecast import FORECASTS
from ipa_gym.forecast.lstm import shipped_weights
from ipa_gym.forecast.lstm_file import read_about
from ipa_gym.training.forecast_scores import SCORED_ARRIVALS, score_forecasts
from ipa_gym.workload.loading import load_trace

ROOT = Path(__file__).parents[2]


def shown(mark: str) -> list[str]:
    """Lines between a mark in the docs and the end of its table."""
    _, _, rest = (ROOT / "docs" / "forecasting.md").read_text(encoding="utf-8").partition(f"<!-- begin: {mark} -->\n")
    return rest.partition("\n<!-- end -->")[0].splitlines()


def scores_shown() -> dict[str, list[str]]:
    lines = [
        line.strip("| ").split(" | ") for line in shown("scores on test days, printed by `ipa-gym train-forecaster`")
    ]
    return {name.strip("`"): figures for name, *figures in lines[2:]}


def test_the_docs_say_of_the_shipped_weights_what_their_file_says() -> None:
    about = read_about(shipped_weights())
    text = (ROOT / "docs" / "forecasting.md").read_text(encoding="utf-8")
    assert f"\n    {about['command']}\n" in text
    assert f"epoch {about['best_epoch']} of {about['epochs']} was best" in text
    figures = scores_shown()["lstm"]
    assert figures[0] == f"{about['smape_percent']['test']['exact']:.2f}"
    assert figures[4] == f"{about['smape_percent']['test']['poisson']:.2f}"
    assert list(scores_shown()) == list(FORECASTS)


@pytest.mark.slow
def test_the_docs_scores_are_todays() -> None:
    trace = load_trace("twitter-like")
    scores = score_forecasts(trace, trace.split_range("test"))
    for name, figures in scores_shown().items():
        found = [
            f"{figure:.2f}"
            for kind in SCORED_ARRIVALS
            for score in scores
            if (score.forecast, score.arrivals) == (name, kind)
            for figure in (score.smape_percent, score.rmse_rps, score.too_low_percent, score.shortfall_rps)
        ]
        assert found == figures, name


@pytest.mark.slow
def test_the_docs_rewards_by_forecast_are_todays() -> None:
    path = ROOT / "benchmarks" / "forecasts.py"
    spec = importlib.util.spec_from_file_location("forecasts_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark  # dataclasses look their module up
    spec.loader.exec_module(benchmark)
    lines = shown("printed by `python benchmarks/forecasts.py`")
    assert lines == [*benchmark.HEADER, *(line for name in catalog.names("envs") for line in benchmark.table(name))]
