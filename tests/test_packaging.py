"""A wheel built from the checkout and installed elsewhere finds its cards and traces."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROBE = """
import json, ipa_gym, ipa_gym.catalog as catalog, gymnasium as gym
env = gym.make("ipa_gym/SumQA-v0", trace="bursty")
observation, info = env.reset(seed=1)
policy = ipa_gym.make_policy("ipa-exact", env)
reward = env.step(policy.act(observation))[1]
print(json.dumps({"package": ipa_gym.__file__, "envs": catalog.names("envs"), "traces": catalog.names("traces"),
                  "agents": catalog.names("agents"), "folder": str(catalog.content_folder("envs")), "reward": reward}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(out.glob("*.whl"))


def test_wheel_holds_content_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "envs/video.yaml",
        "agents/ipa.yaml",
        "traces/bursty.yaml",
        "traces/twitter-like.npz",
        "agents/trained/forecaster.safetensors",
    ):
        assert f"ipa_gym/content/{wanted}" in names
    assert "ipa_gym/py.typed" in names
    page = Path(__file__).parent.parent / "ipa_gym" / "report" / "page"
    assert {f"ipa_gym/report/page/{path.name}" for path in page.iterdir()} <= set(names)
    assert not [name for name in names if name.startswith("tests/") or "twitter_rps" in name]


def test_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Unpacked (as an installer does), the wheel alone on the path runs a step of an episode."""
    import json

    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = f"import sys; sys.path.insert(0, {str(site)!r})\n{PROBE}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["package"].startswith(str(site))
    assert found["folder"].startswith(str(site))
    assert found["envs"] == ["audio-qa", "audio-sent", "nlp", "sum-qa", "video"]
    assert "twitter-like" in found["traces"]
    assert "ipa" in found["agents"]
    assert isinstance(found["reward"], float)
