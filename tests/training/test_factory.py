"""What `make_sb3_vec_env` makes of ids, cards and faulty arguments, and when torch loads."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.training import make_sb3_vec_env
from tests.conftest import toy_pipeline


def test_an_id_a_card_and_a_pipeline_name_the_same_environment() -> None:
    by_id, by_card = make_sb3_vec_env("ipa_gym/NLP-v0", 2), make_sb3_vec_env("nlp", 2)
    assert by_id.pipeline == by_card.pipeline
    assert by_id.pipeline.name == "nlp"
    assert make_sb3_vec_env("ipa_gym/Pipeline-v0", 2, pipeline=toy_pipeline()).pipeline.name == "toy"
    assert make_sb3_vec_env(toy_pipeline(), 2, interval=5.0).interval_s == 5.0


def test_spaces_are_those_of_one_environment() -> None:
    vec_env, single = make_sb3_vec_env("ipa_gym/Video-v0", 5), gymnasium.make("ipa_gym/Video-v0")
    assert (vec_env.observation_space, vec_env.action_space) == (single.observation_space, single.action_space)
    assert vec_env.num_envs == 5


def test_faulty_arguments_are_named() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown environment id 'ipa_gym/Vidoe-v0'.*Did you mean 'ipa_gym/Video-v0'"
    ):
        make_sb3_vec_env("ipa_gym/Vidoe-v0")
    with pytest.raises(UnknownNameError, match="unknown environment id 'CartPole-v1'; known: ipa_gym/AudioQA-v0"):
        make_sb3_vec_env("CartPole-v1")
    with pytest.raises(UnknownNameError, match=r"unknown pipeline card 'vidoe'.*Did you mean 'video'"):
        make_sb3_vec_env("vidoe")
    with pytest.raises(UnknownNameError, match="Did you mean 'forecast'"):
        make_sb3_vec_env("video", forcast="max")
    with pytest.raises(OptionError, match="num_envs is 0"):
        make_sb3_vec_env("video", 0)
    with pytest.raises(OptionError, match="autoreset_mode is given to make_sb3_vec_env, which sets it"):
        make_sb3_vec_env("video", autoreset_mode="NextStep")
    with pytest.raises(OptionError, match="render_mode is set on a vector environment"):
        make_sb3_vec_env("video", render_mode="ansi")


def _printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_loads_neither_torch_nor_stable_baselines3() -> None:
    names = "('torch', 'stable_baselines3', 'sb3_contrib', 'numba')"
    assert _printed(f"import sys, ipa_gym.training; print([n for n in {names} if n in sys.modules])") == "[]"


def test_without_stable_baselines3_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "import ipa_gym.training as training\n"
        "try: training.make_sb3_vec_env\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    assert _printed(code) == "ipa_gym.training needs stable_baselines3; pip install 'ipa-gym[train]' brings it"


def test_every_name_of_the_package_loads() -> None:
    import ipa_gym.training as training

    assert all(callable(getattr(training, name)) for name in training.__all__)
    with pytest.raises(AttributeError, match="no attribute 'make_vec'"):
        _ = training.make_vec
