"""The examples run, and what they print and compute is what the package says."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest
import torch

import ipa_gym
from ipa_gym.policies import POLICIES, Setting, check_policy
from tests.conftest import toy_pipeline

FOLDER = Path(__file__).parent.parent / "examples"
NAMES = ("plain_loop", "own_policy", "stable_baselines3_ppo", "cleanrl_ppo", "rllib_ppo")
IPA_ON_TEST_DAYS = r"IPA +reward +-4\.\d\d"  # video


def load(name: str) -> ModuleType:
    """An example as a module; its `main` takes the command line."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Modules, names of policies and torch's threads are as before."""
    threads, policies = torch.get_num_threads(), dict(POLICIES)
    yield
    torch.set_num_threads(threads)
    for name in NAMES:
        sys.modules.pop(name, None)
    POLICIES.clear()
    POLICIES.update(policies)


def test_every_example_says_how_to_run_it_and_is_in_the_readme() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(NAMES)
    for name in NAMES:
        assert f"| [{name}.py]({name}.py) |" in text
        docstring = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
        assert f"python examples/{name}.py" in (docstring or "")


def test_plain_loop_prints_what_the_environment_paid(capsys: pytest.CaptureFixture[str]) -> None:
    load("plain_loop").main(["--env", "ipa_gym/SumQA-v0", "--steps", "5", "--seed", "3"])
    printed = capsys.readouterr().out
    for name in ("ipa-exact", "random"):
        env = gym.make("ipa_gym/SumQA-v0", trace="bursty")
        policy, observation, rewards = ipa_gym.make_policy(name, env), env.reset(seed=3)[0], []
        for _ in range(5):
            observation, reward, *_ = env.step(policy.act(observation))
            rewards.append(reward)
        assert re.search(rf"{name} +{np.mean(rewards):.2f} ", printed)
    assert len(printed.splitlines()) == 1 + 5 + 2 + 2


def test_own_policy_is_checked_and_benchmarked(capsys: pytest.CaptureFixture[str]) -> None:
    load("own_policy").main(["--env", "sum-qa", "--trace", "steady-low", "--seeds", "1"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "keeps the contract of a policy"
    assert [line.split()[0] for line in printed[2:]] == ["ipa-exact", "frugal"]
    pas = [float(line.split()[2]) for line in printed[2:]]
    assert pas[1] < pas[0]


def test_own_policy_takes_the_cheapest_variants_and_enough_replicas() -> None:
    """Batches of 2: small serves 13.3 rps on one core, large 6.7 on two; tiny 20 on one, big 4 on three."""
    env = gym.make("ipa_gym/Pipeline-v0", pipeline=toy_pipeline(), trace="bursty")
    policy = load("own_policy").Frugal(Setting.of(env), margin=1.1)
    check_policy(policy, env)
    observation = env.reset(seed=0)[0]
    observation[env.unwrapped.layout.field("forecast_rps").slice] = 30 / 32
    assert policy.act(observation).tolist() == [0, 1, 3 - 1, 0, 1, 2 - 1]  # 33 / 13.3 = 2.5, 33 / 20 = 1.7


def test_stable_baselines3_learns_and_is_judged_beside_ipa(capsys: pytest.CaptureFixture[str]) -> None:
    load("stable_baselines3_ppo").main(["--steps", "2048", "--test-episodes", "2"])
    printed = capsys.readouterr().out
    assert re.search(r"MaskablePPO +reward +-\d+\.\d\d +SLA violations", printed)
    assert re.search(IPA_ON_TEST_DAYS, printed)


def test_cleanrl_learns_logs_and_is_judged_beside_ipa(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    load("cleanrl_ppo").main(["--steps", "8192", "--test-episodes", "2", "--logdir", str(tmp_path)])
    printed = capsys.readouterr().out
    assert re.search(r"8,192 steps +reward +-\d+\.\d\d", printed)
    assert re.search(r"PPO +reward +-\d+\.\d\d +SLA violations", printed)
    assert re.search(IPA_ON_TEST_DAYS, printed)
    assert len(list(tmp_path.glob("events*"))) == 1


def test_cleanrl_adds_the_value_of_what_would_have_come_where_an_episode_is_cut_off() -> None:
    example = load("cleanrl_ppo")
    options = {"trace": "bursty", "episode_s": 60}
    envs = gym.make_vec("ipa_gym/Video-v0", num_envs=3, autoreset_mode="SameStep", **options)
    torch.manual_seed(0)
    agent = example.Agent(envs.single_observation_space.shape[0], envs.single_action_space.nvec, envs.action_masks()[0])
    rollout = example.Player(envs, seed=4).play(agent, 7)
    assert rollout.ended.sum(dim=1).tolist() == [0, 0, 0, 0, 0, 3, 0]
    offsets = np.concatenate([[0], np.cumsum(envs.single_action_space.nvec)[:-1]])
    assert envs.action_masks()[0][rollout.actions.numpy() + offsets].all()
    single = gym.make("ipa_gym/Video-v0", **options)
    observation, _ = single.reset(seed=4 + 2)
    for step in range(7):
        assert np.array_equal(rollout.observations[step, 2], observation)
        observation, reward, _, truncated, _ = single.step(rollout.actions[step, 2].numpy())
        expected = reward / 40
        if truncated:
            value = agent.value(torch.as_tensor(observation[None])).item()
            assert abs(value) > 0.01
            expected += 0.9 * value
            observation, _ = single.reset()
        assert float(rollout.rewards[step, 2]) == pytest.approx(expected, rel=1e-5)


def test_cleanrl_advantages_are_the_discounted_sums_within_an_episode() -> None:
    """Of one environment: two steps, an end, one step; deltas worked by hand."""
    example = load("cleanrl_ppo")
    column = lambda *numbers: torch.tensor([[float(number)] for number in numbers])  # noqa: E731
    rewards, values, ended = column(1, 2, 3), column(10, 20, 30), column(0, 1, 0)
    rollout = example.Rollout(rewards, rewards, rewards, rewards, ended, values)
    gains = example.advantages(rollout, torch.tensor([40.0]))
    deltas = [1 + 0.9 * 20 - 10, 2 - 20, 3 + 0.9 * 40 - 30]
    assert gains[:, 0].tolist() == pytest.approx([deltas[0] + 0.9 * 0.95 * deltas[1], deltas[1], deltas[2]])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stable_baselines3_ppo", "cleanrl_ppo"])
def test_learning_comes_near_ipa_in_a_minute(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Uniform actions within the masks pay -114 an interval on video (docs/training.md), IPA -4.35."""
    load(name).main(["--steps", "120000"])
    found = re.search(r"PPO +reward +(-\d+\.\d\d)", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > -6


@pytest.mark.slow
def test_rllib_learns_and_is_judged_beside_ipa(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray", reason="needs ray; pip install -c constraints.txt -e '.[train,ray]' brings it")
    load("rllib_ppo").main(["--iterations", "6", "--batch", "2048", "--test-episodes", "2"])
    printed = capsys.readouterr().out
    rewards = [float(number) for number in re.findall(r"rounds +reward +(-\d+\.\d\d)", printed)]
    assert rewards[-1] > rewards[0] + 5
    assert re.search(r"IPA +reward +-4\.\d\d", printed)
