"""Room in the kernel's arrays is invisible: growing inside a step, recording, and the rest of it change no float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.stepping.random_environments import N_NUMBERS, PIPELINES, EnvCase, env_case
from tests.test_env import same

PLENTY = {"places": 20_000, "slots": 1_000}


def flood(**options: Any) -> PipelineEnv:
    """Each interval brings more requests than the one before; with hardly a drop they pile up."""
    counts = np.repeat([3, 20, 90, 300, 700, 1500], 10)
    pipeline = toy_pipeline(drop_after_s=1e9, replica_cap=400)
    return PipelineEnv(pipeline, Trace("flood", counts), episode_s=60, service_cv=0.5, **options)


def action(replicas: int) -> np.ndarray:
    return np.array([0, 1, replicas - 1, 1, 0, replicas - 1])


def played(env: PipelineEnv, replicas: list[int]) -> list[Any]:
    seen: list[Any] = [env.reset(seed=3)]
    for number in replicas:
        seen.append(env.step(action(number)))
        row = env.rows[-1].outcome
        seen.append([getattr(row, name) for name in type(row).__slots__])
    return seen


def sizes(env: PipelineEnv) -> tuple[int, int]:
    return env._fleet.memory.n_places, env._fleet.memory.n_slots


@pytest.mark.parametrize("replicas", [[4] * 6, [4, 40, 400, 7, 150, 3]], ids=["few", "many"])
def test_growing_inside_a_step_changes_no_float(replicas: list[int]) -> None:
    tight, roomy = flood(), flood()
    roomy._fleet.memory.make_room(**PLENTY)
    before, plenty = sizes(tight), sizes(roomy)
    assert same(played(tight, replicas), played(roomy, replicas))
    assert sizes(tight)[0] > 4 * before[0]  # it did grow, more than once ...
    assert (sizes(tight)[1] > before[1]) == (max(replicas) > 4)
    assert sizes(roomy) == plenty  # ... and the other did not


def test_growing_for_replicas_alone_keeps_the_requests_inside() -> None:
    tight, roomy = flood(), flood()
    roomy._fleet.memory.make_room(**PLENTY)
    infos = []
    for env in (tight, roomy):
        env.reset(seed=3)
        env.step(action(1))
        env.step(action(1))  # 20 requests/s for one replica: most of them stay inside
        assert env.simulator.n_inside > 100
        assert env.simulator.n_arrived < sizes(tight)[0]
        infos.append([env.step(action(300))[4] for _ in range(2)])
    assert same(*infos)
    assert sizes(tight)[1] >= 300
    assert sum(info["completed"] for info in infos[0]) > 100


def test_records_grow_with_the_arrays_and_keep_every_request() -> None:
    recording = flood(record=True)
    replicas = [4, 40, 400, 7, 150, 3]
    assert same(played(recording, replicas), played(flood(), replicas))
    records = recording.simulator.records()
    episodes = recording._fleet.episodes
    assert np.bincount(records.arrival_s.astype(int)).tolist() == episodes.seen[0, 120:180].tolist()
    assert (records.fate == 1).sum() == sum(row.outcome.completed for row in recording.rows)
    assert [len(fleet.slot) >= 400 for fleet in records.replicas] == [True, True]


def test_a_grown_environment_starts_the_next_episode_clean() -> None:
    grown, fresh = flood(), flood()
    played(grown, [400] * 6)
    assert same(played(grown, [4] * 6), played(fresh, [4] * 6))


def test_state_of_a_grown_environment_is_taken_over_by_one_that_has_not_grown() -> None:
    grown, fresh = flood(), flood()
    played(grown, [40, 400, 400])
    fresh.reset(seed=8)
    fresh.set_state(grown.get_state())
    assert same([grown.step(action(n)) for n in (400, 2, 9)], [fresh.step(action(n)) for n in (400, 2, 9)])


def recorded_and_not(case: EnvCase) -> tuple[list[Any], list[Any]]:
    """Everything that two episodes return, with and without every request's path being kept."""
    runs: list[list[Any]] = []
    for record in (True, False):
        env, actions = PipelineEnv(**case.arguments, record=record), iter(case.actions)
        seen: list[Any] = []
        for options in (case.options, {}):
            seen += [env.reset(seed=case.seed, options=options)]
            seen += [env.step(next(actions)) for _ in range(env.n_intervals)]
        runs.append(seen)
    return runs[0], runs[1]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_recording_changes_no_float(pipeline: str) -> None:
    """Without records the kernel may go a shorter way through a stage."""
    for number in range(N_NUMBERS):
        assert same(*recorded_and_not(env_case(pipeline, number))), number
