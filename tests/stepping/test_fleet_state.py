"""What environments carry from step to step, as arrays: others go on from it with the same floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ipa_gym.errors import OptionError
from ipa_gym.vector_env import PipelineVectorEnv
from tests.conftest import toy_pipeline

NOISY: dict[str, Any] = {"trace": "bursty", "episode_s": 60, "service_cv": 0.5}
N, BEFORE, AFTER = 4, 4, 10  # an episode has 6 steps
Arrays = dict[str, np.ndarray[Any, Any]]


def made(mode: str = "NextStep", **changes: Any) -> PipelineVectorEnv:
    return PipelineVectorEnv(N, toy_pipeline(), autoreset_mode=mode, **{**NOISY, **changes})


def actions_of(env: PipelineVectorEnv) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(3)
    return generator.integers(0, env.actions.nvec, size=(BEFORE + AFTER, N, len(env.actions.nvec)))


def stored(env: PipelineVectorEnv, *, seed: int = 7) -> Arrays:
    """After some steps."""
    env.reset(seed=seed)
    for table in actions_of(env)[:BEFORE]:
        env.step(table)
    return env.state_arrays()


def played(env: PipelineVectorEnv) -> list[Any]:
    """Everything that the steps after these return."""
    return [env.step(table) for table in actions_of(env)[BEFORE:]]


@pytest.mark.parametrize("forecast", ["reactive", "holt", "lstm"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_others_go_on_with_the_same_floats_over_the_ends_of_episodes(mode: str, forecast: str) -> None:
    first, second = made(mode, forecast=forecast), made(mode, forecast=forecast)
    arrays = stored(first)
    np.testing.assert_array_equal(second.restore(arrays), first.observations)
    expected, found = played(first), played(second)
    np.testing.assert_equal(found, expected)
    assert sum(step[3].sum() for step in expected) >= N
    assert np.std([step[1] for step in expected]) > 0.1


def test_what_was_stored_is_a_copy() -> None:
    env = made()
    arrays = stored(env)
    before = {name: array.copy() for name, array in arrays.items()}
    played(env)
    np.testing.assert_equal(arrays, before)
    other = made()
    other.restore(arrays)
    played(other)
    np.testing.assert_equal(arrays, before)


def test_the_room_that_environments_have_grown_to_comes_back() -> None:
    flood: dict[str, Any] = {"scale": 40.0, "service_cv": 0.5}
    first, second = made(**flood), made(**flood)
    room = second._fleet.memory.n_places
    arrays = stored(first)
    assert first._fleet.memory.n_places > room
    second.restore(arrays)
    np.testing.assert_equal(played(second), played(first))


def test_before_a_reset_there_is_nothing_to_store() -> None:
    with pytest.raises(OptionError, match=r"expected a call of reset\(\) first"):
        made().state_arrays()


def faulty(name: str) -> Arrays:
    arrays = stored(made())
    if name.startswith("no "):
        del arrays[name.removeprefix("no ")]
    elif name == "fewer places":
        arrays["blocks.size"][2] -= 1
    elif name == "endless places":
        arrays["blocks.size"][2] = 1 << 60
    elif name == "zero slots":
        arrays["blocks.size"][1] = 0
    else:
        arrays[name] = arrays[name].astype(np.float128)
    return arrays


FAULTS = (
    "no blocks.counts", "no blocks.size", "no episodes.seen", "no outputs.reward", "no sequences.seeds", "fewer places",
    "endless places", "zero slots", "blocks.words", "outputs.observation", "sequences.windows", "sequences.done",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_state_is_refused_and_changes_nothing(fault: str) -> None:
    env = made()
    stored(env, seed=20)
    before = env.state_arrays()
    with pytest.raises(OptionError, match="expected"):
        env.restore(faulty(fault))
    np.testing.assert_equal(env.state_arrays(), before)


def test_the_state_of_other_environments_is_refused() -> None:
    arrays = stored(made())
    with pytest.raises(OptionError, match="expected"):
        made(episode_s=70).restore(arrays)
    with pytest.raises(OptionError, match="expected"):
        PipelineVectorEnv(N + 1, toy_pipeline(), autoreset_mode=AutoresetMode.NEXT_STEP, **NOISY).restore(arrays)
    with pytest.raises(OptionError, match="expected"):
        PipelineVectorEnv(N, "nlp", **NOISY).restore(arrays)
