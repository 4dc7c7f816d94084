"""What trained agents are worth on test days: against the best IPA, on windows that no training has seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ipa_gym.evaluation import evaluation_starts, play_agent
from ipa_gym.evaluation.agents import load_group
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import env_settings
from ipa_gym.training.held_out import HeldOut, against_best_ipa, as_data, play_held_out, sentence, write_held_out
from ipa_gym.training.outcome import TrainingOutcome
from ipa_gym.training.settings import TrainingSettings

N_WINDOWS = 4
CARD = """name: {name}
title: stands for a trained agent
policy: ipa
forecast: {forecast}
parameters: {{solver: exact, load_factor: {factor}}}
"""


def trained(out: Path, *, seed: int = 0, factor: float = 0.85, forecast: str = "holt") -> TrainingOutcome:
    """A run folder with an agent that nobody had to train: IPA with a part of the load, which beats IPA on audio-qa."""
    folder = TrainingSettings("audio-qa", "pretend", seed=seed, out=out).folder
    folder.mkdir(parents=True, exist_ok=True)
    card = folder / "agent.yaml"
    card.write_text(CARD.format(name="pretend", factor=factor, forecast=forecast))
    return TrainingOutcome(folder, card, 100, 1.0, False, 50, {"reward": 0.0}, {})


def held_out(out: Path, *outcomes: TrainingOutcome) -> HeldOut:
    return play_held_out(TrainingSettings("audio-qa", "pretend", out=out), outcomes, n_windows=N_WINDOWS)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> HeldOut:
    out = tmp_path_factory.mktemp("runs")
    return held_out(out, trained(out), trained(out, seed=3, factor=0.9))


def test_the_windows_are_of_the_test_days(found: HeldOut) -> None:
    starts = found.evaluation.played[0].results[0].starts
    assert found.split == "test"
    assert len(starts) == N_WINDOWS
    assert starts.min() >= 14 * 86_400
    assert starts.max() + 1200 <= 21 * 86_400


def test_ipa_stands_there_with_every_forecast_that_does_not_peek(found: HeldOut) -> None:
    names = [played.name for played in found.evaluation.played]
    assert names[0] == "pretend"
    assert {"ipa-exact (reactive)", "ipa-exact (max)", "ipa-exact (holt)", "fa2-low (reactive)"} <= set(names)
    assert not any("perfect" in name for name in names)
    assert len(found.evaluation.comparisons) == len(names) - 1


def test_it_is_measured_against_the_best_ipa_there(found: HeldOut) -> None:
    settings = env_settings("audio-qa", "twitter-like", split="test")
    starts = evaluation_starts(settings.trace, "test", N_WINDOWS, 1200)
    ipa = load_agent_card("ipa-exact")
    rewards = {
        name: play_agent(settings, replace(ipa, forecast=name), starts).reward_mean.mean()
        for name in ("reactive", "max", "holt")
    }
    comparison = against_best_ipa(found.evaluation)
    assert comparison.baseline == "ipa-exact (reactive)"
    assert rewards["reactive"] > rewards["holt"] > rewards["max"]
    assert comparison.metric("reward_mean").baseline.mean == pytest.approx(rewards["reactive"])


def test_training_seeds_count_as_one_agent(found: HeldOut) -> None:
    comparison = against_best_ipa(found.evaluation)
    assert comparison.n_agents == 2
    tables = [result.reward_mean.mean() for result in found.evaluation.played[0].results]
    assert tables[0] != tables[1]
    assert comparison.metric("reward_mean").candidate.mean == pytest.approx(np.mean(tables))


def test_the_sentence_says_whether_it_beats_ipa(found: HeldOut, tmp_path: Path) -> None:
    comparison = against_best_ipa(found.evaluation)
    difference = comparison.metric("reward_mean").difference
    words = sentence(comparison)
    assert difference.low > 0
    assert words.startswith("pretend (2 training seeds) beats ipa-exact (reactive), the best IPA that does not peek: ")
    assert f"difference {difference.mean:+.2f} (95 % interval {difference.low:+.2f} to {difference.high:+.2f})" in words
    assert f"on {N_WINDOWS} windows; SLA violations 0.00 %, within the limit of 1 %." in words
    wasteful = against_best_ipa(held_out(tmp_path, trained(tmp_path, factor=3.0)).evaluation)
    assert sentence(wasteful).startswith("pretend is worse than ipa-exact (reactive), the best IPA")
    doubtful = replace(comparison, verdict="undecided", violations_limit_kept=False, n_agents=1)
    assert sentence(doubtful).startswith("pretend is not clearly better or worse than ipa-exact (reactive), ")
    assert "above the limit of 1 %" in sentence(doubtful)


def test_the_file_holds_what_was_found(found: HeldOut, tmp_path: Path) -> None:
    data = json.loads(write_held_out(found, tmp_path).read_text(encoding="utf-8"))
    assert (data["pipeline"], data["trace"], data["split"]) == ("audio-qa", "twitter-like", "test")
    assert data == json.loads(json.dumps(as_data(found)))
    mean = found.evaluation.played[2].table("cost_cores").mean()
    assert data["agents"][found.evaluation.played[2].name]["cost_cores"]["mean"] == pytest.approx(mean)
    assert data["sentence"] == sentence(against_best_ipa(found.evaluation))


def test_the_folders_of_the_seeds_are_the_same_agent_for_evaluate(tmp_path: Path) -> None:
    """So that `ipa-gym evaluate --agent runs/audio-qa/pretend` judges what training has judged."""
    outcomes = [trained(tmp_path), trained(tmp_path, seed=1, factor=0.9)]
    group = load_group(str(outcomes[0].folder.parent))
    played = held_out(tmp_path, *outcomes).evaluation.groups[0]
    assert (group.name, group.labels) == (played.name, played.labels)
    assert [card.path for card in group.cards] == [card.path.resolve() for card in played.cards]
