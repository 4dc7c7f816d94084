"""The step kernel against its plain twin: every observation, reward, info field and row of whole episodes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.episode import IntervalRow
from ipa_gym.forecast import FORECASTS
from ipa_gym.settings import env_settings
from ipa_gym.workload.arrivals import ARRIVAL_KINDS
from tests.reference.plain_environment import PlainEnvironment
from tests.stepping.random_environments import INTERVALS_S, N_NUMBERS, PIPELINES, EnvCase, env_case


def assert_same_observation(observation: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to the last bit of float32: sums of the twin run in another order."""
    assert observation.dtype == expected.dtype == np.float32
    np.testing.assert_array_max_ulp(observation, expected, maxulp=1)


def assert_close(found: Any, expected: Any, name: str) -> None:
    """Equal, both NaN, or within nine digits; arrays field by field."""
    if not np.array_equal(found, expected):  # the quick way for nearly all
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def assert_same_info(info: dict[str, Any], expected: dict[str, Any]) -> None:
    assert info.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_same_info(info[name], value)
        else:
            assert type(info[name]) is type(value), name
            assert_close(info[name], value, name)


def assert_same_row(row: IntervalRow, expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if name == "decision":
            assert row.decision == value
        elif name == "outcome":
            for field, part in value.items():
                assert_close(getattr(row.outcome, field), part, field)
        else:
            assert_close(getattr(row, name), value, name)


def compare_two_episodes(case: EnvCase) -> None:
    """Play two episodes in both: the second one must owe nothing to the first."""
    env, plain = PipelineEnv(**case.arguments), PlainEnvironment(env_settings(**case.arguments))
    actions = iter(case.actions)
    for episode in range(2):
        if episode == 0:
            observation, info = env.reset(seed=case.seed, options=case.options)
        else:
            observation, info = env.reset()
        expected = plain.reset(seed=case.seed, episode=episode, options=case.options if episode == 0 else None)
        assert_same_observation(observation, expected)
        assert info["episode_index"] == episode
        assert env.initial_configuration == plain.initial
        for _ in range(env.n_intervals):
            action = next(actions)
            observation, reward, terminated, truncated, info = env.step(action)
            step = plain.step(action)
            assert_same_observation(observation, step.observation)
            assert reward == pytest.approx(step.reward, rel=1e-9, abs=1e-12)
            assert (terminated, truncated) == (False, step.truncated)
            assert_same_info(info, step.info)
            assert_same_row(env.rows[-1], step.row)
        assert truncated


@pytest.mark.parametrize("number", range(N_NUMBERS))
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_number_of_two_episodes_agrees_with_the_plain_environment(pipeline: str, number: int) -> None:
    compare_two_episodes(env_case(pipeline, number))


def reached(case: EnvCase) -> Counter[str]:
    """How often each of what the comparison is about happens in a case."""
    env, seen, actions = PipelineEnv(**case.arguments), Counter[str](), iter(case.actions)
    n_places, n_slots = env._fleet.memory.n_places, env._fleet.memory.n_slots
    for options in (case.options, {}):
        env.reset(seed=case.seed, options=options)
        for _ in range(env.n_intervals):
            *_, info = env.step(next(actions))
            outcome = env.rows[-1].outcome
            seen["dropped"] += info["dropped"]
            seen["late"] += outcome.violations - outcome.dropped
            seen["switched"] += int(np.isfinite(outcome.switch_s).sum())
            seen["switched inside an interval"] += int((outcome.switch_s > env.rows[-1].start_s).sum())
            seen["starting"] += int(outcome.starting.sum())
            seen["leaving"] += int(outcome.leaving.sum())
            seen["waiting"] += info["queue_requests"]
            seen["nothing completed"] += bool(np.isnan(info["latency_mean_s"]))
            seen["completed"] += info["completed"]
        seen["overdue at the end"] += env.rows[-1].overdue_at_end
        seen["less than a request an interval"] += env.expected_requests < 1
        seen["past before the trace"] += env.windows[0][0] < 120
        seen["trace ends with the window"] += env.windows[-1][1] == env.trace.n_seconds
        seen["nothing to come"] += env.forecast_name == "perfect" and env.windows[-1][1] == env.trace.n_seconds
    seen["more requests than places"] += env._fleet.memory.n_places > n_places
    seen["more replicas than slots"] += env._fleet.memory.n_slots > n_slots
    seen["seconds of over 32 requests"] += int((env._fleet.episodes.seen[0, 120:] > 32).sum())
    return seen


def test_the_cases_reach_every_rule_and_use_every_option() -> None:
    """The comparison is worth as much as what its cases contain."""
    cases = [env_case(pipeline, number) for pipeline in PIPELINES for number in range(N_NUMBERS)]
    seen: Counter[str] = sum(map(reached, cases), Counter())
    assert len(cases) == 7 * 8
    assert min(seen.values()) >= 5, seen
    used = Counter((name, case.arguments[name]) for case in cases for name in ("interval", "arrivals", "forecast"))
    wanted = {"interval": INTERVALS_S, "arrivals": ARRIVAL_KINDS, "forecast": FORECASTS}
    assert all(used[name, value] >= 8 for name, values in wanted.items() for value in values), used
    measures = Counter(env_settings(**case.arguments).pipeline.objective.accuracy_measure for case in cases)
    assert min(measures.values()) >= 5, measures
    assert len(measures) == 3
