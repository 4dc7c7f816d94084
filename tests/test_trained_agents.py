"""The agents that ship: each is there with its model card and curve, replays to the reward it had, and beats IPA."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import polars as pl
import pytest

from ipa_gym import catalog
from ipa_gym.evaluation import evaluation_starts, play_agent
from ipa_gym.policies import load_agent_card
from ipa_gym.policies.trained_file import TrainedFile, read_trained
from ipa_gym.settings import EnvSettings, env_settings
from ipa_gym.training.card import load_training_card

FOLDER = catalog.content_folder("agents") / "trained"
PIPELINES = ("audio-qa", "audio-sent", "nlp", "sum-qa", "video")
REPLAYED = {  # mean reward of an interval on 8 test windows; `python -m tests.test_trained_agents` prints them
    "audio-qa": 0.018694107,
    "audio-sent": 4.549481711,
    "nlp": 36.655899477,
    "sum-qa": -3.572749430,
    "video": -3.725577469,
}


@cache
def settings_of(pipeline: str) -> EnvSettings:
    return env_settings(pipeline, "twitter-like", split="test")


def replayed(pipeline: str, agent: str) -> float:
    settings = settings_of(pipeline)
    starts = evaluation_starts(settings.trace, "test", 8, settings.episodes.episode_s)
    return float(np.mean(play_agent(settings, load_agent_card(agent), starts).reward_mean))


def trained(pipeline: str) -> TrainedFile:
    return read_trained(FOLDER / f"{pipeline}.safetensors")


def test_every_shipped_pipeline_has_a_trained_agent() -> None:
    assert set(catalog.names("envs")) == set(PIPELINES) == set(REPLAYED)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_shipped_agent_replays_to_its_reward_and_beats_ipa(pipeline: str) -> None:
    reward = replayed(pipeline, "trained")
    assert reward == pytest.approx(REPLAYED[pipeline], abs=1e-6)
    assert reward > replayed(pipeline, "ipa-exact")
    assert reward == replayed(pipeline, str(FOLDER / f"{pipeline}.yaml"))


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_model_card_says_how_its_agent_was_made(pipeline: str) -> None:
    text, about = (FOLDER / f"{pipeline}.md").read_text(encoding="utf-8"), trained(pipeline).provenance
    made = f"`ipa-gym train --env {pipeline} --agent {about['agent']} --seed {about['seed']}`"
    assert made in text
    assert f"forecast `{trained(pipeline).forecast}`" in text
    assert all(f"{name} {version}" in text for name, version in about["versions"].items())
    limits = [re.search(rf"\| {name} \| (\S+) \| (\S+) to (\S+) \|", text) for name in ("reward", "SLA viol. %")]
    assert all(found and float(found[2]) <= float(found[1]) <= float(found[3]) for found in limits)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_command_of_the_model_card_means_the_weights_hyperparameters(pipeline: str) -> None:
    about = trained(pipeline).provenance
    card = load_training_card(about["agent"]).of_pipeline(pipeline)
    assert dict(card.hyperparameters) == about["hyperparameters"]
    assert card.forecast == trained(pipeline).forecast


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_curve_holds_the_evaluation_that_was_kept(pipeline: str) -> None:
    curve, about = pl.read_csv(FOLDER / f"{pipeline}.csv"), trained(pipeline).provenance
    assert curve["seed"].n_unique() >= 5
    kept = curve.filter((pl.col("seed") == about["seed"]) & (pl.col("steps") == about["steps"]))
    assert kept["reward"].to_list() == [pytest.approx(about["validation"]["reward"], rel=1e-4)]
    within = curve.filter(pl.col("violations_percent") <= 1.0)
    assert within["reward"].max() == pytest.approx(about["validation"]["reward"], rel=1e-4)


if __name__ == "__main__":
    for name in PIPELINES:
        print(f'    "{name}": {replayed(name, "trained"):.9f},  # ipa-exact {replayed(name, "ipa-exact"):.3f}')
