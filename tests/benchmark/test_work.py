"""What workers are given is whole: it can be sent to a machine without the user's files, and refuses other source."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

from ipa_gym import catalog
from ipa_gym.benchmark import BenchmarkRun, BenchmarkSettings, EnvironmentOptions, run_benchmark
from ipa_gym.benchmark.episode import latency_counts, play
from ipa_gym.benchmark.identity import Identities
from ipa_gym.benchmark.inputs import load_inputs, training_seeds
from ipa_gym.benchmark.work import Episode, EpisodeWork
from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError
from ipa_gym.policies import make_policy
from ipa_gym.store import LATENCY_BINS, TIMINGS

SHORT = EnvironmentOptions(windows=((380, 440),))


def own_files(folder: Path) -> BenchmarkSettings:
    """A trained agent, a forecaster and a load of the user's own, in a folder."""
    shipped = catalog.content_folder("agents") / "trained"
    for name in ("video", "forecaster"):
        copyfile(shipped / f"{name}.safetensors", folder / f"{name}.safetensors")
    card = "name: mine\ntitle: t\npolicy: learned\nforecast: {}\nparameters: {{weights: '{{pipeline}}.safetensors'}}\n"
    (folder / "mine.yaml").write_text(card.format("forecaster.safetensors"))
    np.savez(folder / "load.npz", rps=np.random.default_rng(0).poisson(9, 600))
    return BenchmarkSettings(("video",), (str(folder / "load.npz"),), (str(folder / "mine.yaml"),), (1,), SHORT)


def episode(settings: BenchmarkSettings) -> tuple[EpisodeWork, Episode]:
    inputs = load_inputs(settings)
    task, identities = inputs.tasks()[0], Identities(inputs)
    return EpisodeWork([inputs]), Episode(0, task, identities.key(task), identities.columns(task))


def test_work_needs_none_of_the_users_files(tmp_path: Path) -> None:
    work, item = episode(own_files(tmp_path))
    expected = work.run(item)
    sent = pickle.dumps((work, item))
    for path in tmp_path.iterdir():
        path.unlink()
    there, same_item = pickle.loads(sent)
    there.start()
    found = there.run(same_item)
    assert found.drop(TIMINGS).equals(expected.drop(TIMINGS), null_equal=True)
    assert found["forecast"].to_list() == ["forecaster.safetensors"]
    assert found["agent"].to_list() == ["mine"]


def test_a_changed_file_of_the_worker_is_not_taken_for_the_users(tmp_path: Path) -> None:
    settings = own_files(tmp_path)
    work, item = episode(settings)
    expected = work.run(item)
    sent = pickle.dumps(work)
    copyfile(catalog.content_folder("agents") / "trained" / "nlp.safetensors", tmp_path / "video.safetensors")
    there = pickle.loads(sent)
    there.start()
    assert there.run(item).drop(TIMINGS).equals(expected.drop(TIMINGS), null_equal=True)


def test_a_worker_with_other_source_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = episode(BenchmarkSettings(("video",), ("bursty",), ("static",), (0,), SHORT))
    monkeypatch.setattr("ipa_gym.benchmark.work.program_version", lambda: "0.1.0+another12345")
    with pytest.raises(OptionError, match=r"a worker runs ipa-gym 0\.1\.0\+another12345; expected"):
        work.start()


def test_policies_that_were_added_by_name_are_known_to_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipa_gym.policies import POLICIES

    monkeypatch.setitem(POLICIES, "mine", "tests.benchmark.test_work:Nobody")
    sent = pickle.dumps(episode(BenchmarkSettings(("video",), ("bursty",), ("static",), (0,), SHORT))[0])
    monkeypatch.delitem(POLICIES, "mine")
    pickle.loads(sent).start()
    assert POLICIES.pop("mine") == "tests.benchmark.test_work:Nobody"


def test_a_row_holds_every_latency_and_every_interval_with_its_decision(small_run: BenchmarkRun) -> None:
    work, item = episode(replace(small_run.settings, agents=("hpa",), seeds=(3,)))
    row = work.run(item).row(0, named=True)
    assert len(row["latency_counts"]) == LATENCY_BINS + 1 == 201
    assert sum(row["latency_counts"]) == row["completed"]
    intervals = row["intervals_series"]
    assert len(intervals) == row["intervals"] == 10
    assert sum(interval["reward"] for interval in intervals) == pytest.approx(row["episode_return"])
    stages = load_inputs(small_run.settings).pipelines["video"].stages
    assert all(
        name in {variant.name for variant in stage.variants}
        for interval in intervals
        for name, stage in zip(interval["variants"], stages, strict=True)
    )
    cores = [
        sum(
            stage.variants[stage.variant_index(name)].cores * replicas
            for name, replicas, stage in zip(interval["variants"], interval["replicas"], stages, strict=True)
        )
        for interval in intervals
    ]
    settled = [i for i in range(1, 10) if intervals[i]["replicas"] == intervals[i - 1]["replicas"]]
    assert settled  # where nothing was changed, what was decided is what was paid for
    assert [intervals[i]["cost_cores"] for i in settled] == pytest.approx([cores[i] for i in settled])


def test_latencies_fall_into_bins_that_hold_their_upper_edge() -> None:
    found = latency_counts(np.array([0.01, 0.02, 0.020001, 1.0, 3.99, 4.0, 4.001, 9.0]), 1.0)
    assert found.sum() == 8
    assert {int(i): int(found[i]) for i in np.flatnonzero(found)} == {0: 2, 1: 1, 49: 1, 199: 2, 200: 2}


def test_an_agent_of_hindsight_is_told_the_episode_before_its_first_decision() -> None:
    env = PipelineEnv("video", "twitter-like", split="test", episode_s=30)
    inner, told = make_policy("static", env), list[object]()

    class Told:
        diagnostics: dict[str, object] = {}  # noqa: RUF012  # a policy's, empty

        def reset(self) -> None:
            told.append("reset")

        def foresee(self, settings: object, *, start: int, seed: int) -> None:
            told.append((settings is env.settings, start, seed))

        def act(self, observation: np.ndarray) -> np.ndarray:
            told.append("act")
            return inner.act(observation)

    start = 14 * 86_400 + 7
    play(env, Told(), seed=5, start=start)
    assert told == ["reset", (True, start, 5 + start), "act", "act", "act"]


def test_training_seeds_are_rows_of_their_own_under_one_name(tmp_path: Path) -> None:
    weights = catalog.content_folder("agents") / "trained" / "video.safetensors"
    for seed in ("seed-0", "seed-10"):
        folder = tmp_path / "ppo" / seed
        folder.mkdir(parents=True)
        copyfile(weights, folder / "agent.safetensors")
        card = "name: ppo\ntitle: t\npolicy: learned\nforecast: holt\nparameters: {weights: agent.safetensors}\n"
        (folder / "agent.yaml").write_text(card)
    settings = BenchmarkSettings(("video",), ("bursty",), ("static", str(tmp_path / "ppo")), (1, 2), SHORT)
    assert training_seeds(load_inputs(settings).agents["ppo"]) == ("0", "10")
    run = run_benchmark(settings, jobs=1)
    assert run.episodes.select("agent", "training_seed", "seed").rows() == [
        ("static", "", 1), ("static", "", 2), ("ppo", "0", 1), ("ppo", "0", 2), ("ppo", "10", 1), ("ppo", "10", 2),
    ]  # fmt: skip
    assert run.series.filter(agent="ppo")["training_seed"].unique().to_list() == ["0"]
