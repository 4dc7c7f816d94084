"""A key changes with everything that decides its episode, and with nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ipa_gym
from ipa_gym import catalog
from ipa_gym.benchmark import BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.identity import DECIDING_HERE, Identities, deciding_files, program_version
from ipa_gym.benchmark.inputs import load_inputs
from ipa_gym.store import Key

PACKAGE = Path(ipa_gym.__file__).parent
BASE = BenchmarkSettings(
    ("video",), ("bursty",), ("ipa-exact",), (0,), EnvironmentOptions(windows=((0, 100),), service_cv=0.1)
)


def first_key(settings: BenchmarkSettings) -> Key:
    inputs = load_inputs(settings)
    return Identities(inputs).key(inputs.tasks()[0])


def options(**changes: object) -> BenchmarkSettings:
    return replace(BASE, environment=replace(BASE.environment, **changes))  # type: ignore[arg-type]


def test_the_same_episode_has_the_same_key_whoever_else_runs() -> None:
    wider = replace(BASE, pipelines=("video", "nlp"), agents=("ipa-exact", "hpa"), seeds=(0, 9))
    assert first_key(wider) == first_key(BASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"interval_s": 5.0}, {"arrivals": "even"}, {"forecast": "holt"}, {"batch_cap": 4}, {"replica_cap": 9},
        {"service_cv": 0.2}, {"service_scale": 1.1}, {"startup_scale": 0.0}, {"reward": {"alpha": 3.0}},
        {"reward": {"rho": 1.0}}, {"scale": 0.5},
    ],
)  # fmt: skip
def test_every_option_that_changes_the_episode_changes_the_hash(changes: dict[str, object]) -> None:
    assert first_key(options(**changes)).settings_hash != first_key(BASE).settings_hash


@pytest.mark.parametrize(
    "changes",
    [{"forecast": "reactive"}, {"reward": {"alpha": 2.0}}, {"batch_cap": 8}, {"split": "all"}],
)
def test_saying_what_holds_anyway_changes_nothing(changes: dict[str, object]) -> None:
    inputs = load_inputs(options(**changes))
    task = inputs.tasks()[0]
    assert first_key(options(**changes)) == first_key(BASE)
    assert Identities(inputs).columns(task)["options"] == '{"service_cv": 0.1}'


def test_setting_columns_say_what_was_used() -> None:
    given = options(interval_s=5.0, forecast="holt", reward={"alpha": 3.0, "rho": 7.0}, batch_cap=4, scale=0.5)
    inputs = load_inputs(given)
    assert Identities(inputs).columns(inputs.tasks()[0]) == {
        "interval_s": 5.0, "forecast": "holt", "alpha": 3.0, "beta": 1.0,
        "options": '{"batch_cap": 4, "reward": {"rho": 7.0}, "scale": 0.5, "service_cv": 0.1}',
    }  # fmt: skip


def test_counts_count_and_the_files_name_does_not(tmp_path: Path) -> None:
    def key(folder: str, counts: list[int]) -> Key:
        path = tmp_path / folder / "mine.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, rps=np.array(counts))
        return first_key(replace(BASE, traces=(str(path),)))

    first = key("a", [5] * 200)
    assert key("b", [5] * 200) == first
    assert key("c", [5] * 199 + [6]).settings_hash != first.settings_hash


def test_a_changed_card_is_another_key_and_its_comments_and_title_are_not(tmp_path: Path) -> None:
    def keys(kind: str, name: str, old: str, new: str) -> tuple[Key, Key]:
        text = catalog.find(kind, name).read_text(encoding="utf-8")  # type: ignore[arg-type]
        assert old in text
        path = tmp_path / f"{name}.yaml"
        found = []
        for content in (text, text.replace(old, new, 1)):
            path.write_text(content, encoding="utf-8")
            changes = {"pipelines" if kind == "envs" else "agents": (str(path),)}
            found.append(first_key(replace(BASE, **changes)))  # type: ignore[arg-type]
        return found[0], found[1]

    before, after = keys("envs", "video", "sla: 6.89", "sla: 6.9")
    assert before.settings_hash != after.settings_hash
    before, after = keys("agents", "ipa-exact", "load_factor: 1.0", "load_factor: 1.1")
    assert before.settings_hash != after.settings_hash
    before, after = keys("agents", "ipa-exact", "title: IPA", "# a comment\ntitle: My IPA")
    assert before == after


def test_weights_count_by_their_content_and_only_those_of_the_pipeline(tmp_path: Path) -> None:
    folder = catalog.content_folder("agents") / "trained"
    for name in ("video", "nlp"):
        (tmp_path / f"{name}.safetensors").write_bytes((folder / f"{name}.safetensors").read_bytes())
    card = tmp_path / "mine.yaml"
    card.write_text("name: mine\ntitle: t\npolicy: learned\nparameters: {weights: '{pipeline}.safetensors'}\n")
    settings = replace(BASE, agents=(str(card),))
    before = first_key(settings)
    (tmp_path / "nlp.safetensors").write_bytes(b"other")
    assert first_key(settings) == before
    (tmp_path / "video.safetensors").write_bytes(b"other")
    assert first_key(settings).settings_hash != before.settings_hash


def test_ones_own_policy_counts_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ipa_gym.policies import POLICIES

    def key(module: str, body: str) -> Key:
        (tmp_path / f"{module}.py").write_text(body)
        monkeypatch.setitem(POLICIES, "mine", f"{module}:Mine")
        card = tmp_path / "mine.yaml"
        card.write_text("name: mine\ntitle: t\npolicy: mine\n")
        return first_key(replace(BASE, agents=(str(card),)))

    monkeypatch.syspath_prepend(tmp_path)
    same = "class Mine:\n    PARAMETERS = {}\n"
    assert key("own_policy_a", same) == key("own_policy_b", same)
    assert key("own_policy_c", same + "    x = 1\n") != key("own_policy_b", same)


def test_all_that_an_episode_loads_decides_the_version() -> None:
    """Every module of the package that is loaded by playing an episode is in the digest, but for plain data keepers."""
    code = """
import sys
from ipa_gym.benchmark import BenchmarkSettings, EnvironmentOptions
from ipa_gym.benchmark.inputs import load_inputs
from ipa_gym.benchmark.work import warm_up
import ipa_gym.policies.factory as factory
for place in factory.POLICIES.values():
    __import__(place.partition(":")[0])
settings = BenchmarkSettings(("video",), ("bursty",), ("ipa-exact", "trained"), (0,), EnvironmentOptions())
inputs = load_inputs(settings)
for task in inputs.tasks():
    warm_up(inputs, task)
for name in sorted(sys.modules):
    if name.startswith("ipa_gym") and getattr(sys.modules[name], "__file__", None):
        print(sys.modules[name].__file__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {Path(line) for line in done.stdout.split()}
    apart = {
        "store",
        "statistics",
        "engines",
    }  # rows are kept by it, made elsewhere; `import ipa_gym.benchmark` loads them
    undecided = {
        path.relative_to(PACKAGE).as_posix()
        for path in loaded - set(deciding_files())
        if path.relative_to(PACKAGE).parts[0] not in (*apart, "benchmark")
    }
    assert undecided == set()
    assert len(loaded) > 80


def test_what_plays_an_episode_in_the_benchmark_is_in_the_digest() -> None:
    """The modules that `work.py` reaches by its imports, but those that only name rows."""
    found, waiting = set[str](), ["work.py"]
    while waiting:
        name = waiting.pop()
        found.add(name)
        tree = ast.parse((PACKAGE / "benchmark" / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ipa_gym.benchmark."):
                other = f"{str(node.module).rpartition('.')[2]}.py"
                waiting += [other] if other not in found else []
    assert found - set(DECIDING_HERE) == {"identity.py", "styles.py"}  # keys; the order of agents in tables
    assert set(DECIDING_HERE) <= found


def test_the_version_is_that_of_the_package_and_its_source() -> None:
    version, _, digest = program_version().partition("+")
    assert version == ipa_gym.__version__
    assert len(digest) == 12
    names = {path.relative_to(PACKAGE).as_posix() for path in deciding_files()}
    assert {"queueing/kernel.py", "policies/ipa.py", "benchmark/episode.py", "reward.py"} <= names
    assert not {"commands/benchmark.py", "benchmark/table.py", "store/store.py", "training/learning.py"} & names
