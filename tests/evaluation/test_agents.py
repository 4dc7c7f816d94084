"""What a reference stands for: a card, a run folder, or a folder of training seeds; and evaluating them together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ipa_gym.errors import CardError, OptionError, UnknownNameError
from ipa_gym.evaluation import evaluate, load_group, load_groups, play_agent
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import EnvSettings
from tests.evaluation.conftest import STARTS


def write_run(folder: Path, load_factor: float = 1.0, name: str = "mine") -> Path:
    """A run folder whose agent is IPA with a margin."""
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(
        f"name: {name}\ntitle: a card in a run folder\npolicy: ipa\n"
        f"parameters: {{solver: exact, load_factor: {load_factor}}}\n",
        encoding="utf-8",
    )
    return folder


def test_a_run_folder_is_the_card_in_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "ppo" / "seed-3", 1.2)
    card = load_agent_card(run)
    assert card.parameters["load_factor"] == 1.2
    assert card.path == run / "agent.yaml"  # what paths in the card are relative to
    assert load_agent_card(str(run) + "/") == card
    assert load_group(str(run)).name == "ppo/seed-3"


def test_a_folder_without_an_agent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"the folder has no agent\.yaml"):
        load_agent_card(tmp_path)
    with pytest.raises(UnknownNameError, match="no file"):
        load_agent_card(tmp_path / "none")


def test_a_shipped_name_goes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "hpa")
    assert load_agent_card("hpa").policy == "hpa"
    assert load_group("hpa").name == "hpa"
    assert load_agent_card("./hpa").policy == "ipa"
    with pytest.raises(UnknownNameError):
        load_agent_card("")  # not the folder that it happens to be called in


def test_a_folder_of_training_seeds_is_one_agent(tmp_path: Path) -> None:
    for seed in (10, 2, 0):
        write_run(tmp_path / "ppo" / f"seed-{seed}", 1.0 + seed / 100)
    group = load_group(str(tmp_path / "ppo"))
    assert group.name == "ppo"
    assert group.labels == ("seed-0", "seed-2", "seed-10")
    assert [card.parameters["load_factor"] for card in group.cards] == [1.0, 1.02, 1.1]
    (tmp_path / "ppo" / "seed-7").mkdir()  # a run that has left nothing yet must not go missing in silence
    with pytest.raises(CardError, match="seed-7"):
        load_group(str(tmp_path / "ppo"))


def test_seeds_with_different_policies_are_no_seeds_of_one_agent(tmp_path: Path) -> None:
    for seed, agent in enumerate(("hpa", "static")):
        folder = tmp_path / f"seed-{seed}"
        folder.mkdir()
        (folder / "agent.yaml").write_text(load_agent_card(agent).path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CardError, match="seed-0 has 'hpa', seed-1 has 'static'"):
        load_group(str(tmp_path))


def test_two_agents_of_one_name_are_an_error_and_the_same_twice_is_one(tmp_path: Path) -> None:
    one, two = (write_run(tmp_path / part / "ppo" / "seed-0") for part in "ab")
    assert [group.name for group in load_groups(["hpa", "ipa", "hpa"])] == ["hpa", "ipa"]
    with pytest.raises(OptionError, match="two are called 'ppo/seed-0'"):
        load_groups([str(one), str(two)])


def test_plain_ipa_is_told_from_one_that_peeks() -> None:
    assert [load_group(name).is_plain_ipa for name in ("ipa", "ipa-exact", "ipa-perfect", "fa2-low")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_evaluating_compares_each_candidate_with_each_other_baseline(tmp_path: Path, settings: EnvSettings) -> None:
    for seed, margin in ((0, 0.9), (1, 1.3)):
        write_run(tmp_path / "ppo" / f"seed-{seed}", margin)
    done: list[tuple[int, int]] = []
    found = evaluate(
        settings,
        STARTS,
        candidates=load_groups([str(tmp_path / "ppo"), "ipa-exact"]),
        baselines=load_groups(["ipa-exact", "static"]),
        seed=4,
        on_progress=lambda n_done, n_all: done.append((n_done, n_all)),
    )
    assert [(c.candidate, c.baseline) for c in found.comparisons] == [
        ("ppo", "ipa-exact"), ("ppo", "static"), ("ipa-exact", "static"),
    ]  # fmt: skip
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]  # nobody plays twice
    ppo = found.played[0].table("reward_mean")
    assert ppo.shape == (2, len(STARTS))
    second = play_agent(settings, load_agent_card(tmp_path / "ppo" / "seed-1"), STARTS, seed=4)
    assert ppo[1].tolist() == second.reward_mean.tolist()
    difference = found.comparisons[0].metric("reward_mean").difference
    assert difference.mean == pytest.approx(ppo.mean() - found.played[1].table("reward_mean").mean())


def test_only_ipa_may_raise_the_limit_on_violations(settings: EnvSettings) -> None:
    busy = settings.episodes.split_range[0] + 100 + np.arange(3)
    found = evaluate(settings, busy, candidates=load_groups(["hpa"]), baselines=load_groups(["static"]))
    assert found.played[1].table("violations_percent").mean() > 1.0
    assert found.comparisons[0].violations_limit_percent == 1.0


def test_a_candidate_and_a_baseline_of_one_name_must_be_the_same(tmp_path: Path, settings: EnvSettings) -> None:
    one, two = (write_run(tmp_path / part / "ppo" / "seed-0") for part in "ab")
    with pytest.raises(OptionError, match="two are called"):
        evaluate(settings, STARTS, candidates=[load_group(str(one))], baselines=[load_group(str(two))])
