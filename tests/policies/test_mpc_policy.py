"""Decisions of the rolling planner that can be worked by hand, and that it keeps the contract of a policy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ipa_gym.env import PipelineEnv
from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.observation import HISTORY_BINS, Observation, StageObservation
from ipa_gym.pipeline import Objective, Pipeline, Stage, Variant
from ipa_gym.policies import Setting, build_policy, check_policy, load_agent_card
from ipa_gym.policies.base import ActionArray, ObservationArray
from ipa_gym.policies.mpc.plans import Candidates
from ipa_gym.policies.mpc.policy import MPCPolicy
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, stage_seen

QUICK = {"samples": 2, "plans": 24, "horizon": 30.0}


def _one_stage(**changes: object) -> Pipeline:
    """One stage, one variant: a request takes 1 s, a replica costs 1 an interval and starts at once."""
    only = Variant("only", 50.0, 1.0, 0.0, (1,), (1.0,))
    values: dict[str, object] = {
        "stages": (Stage("serve", (only,)),),
        "sla_s": 5.0,
        "drop_after_s": 20.0,
        "batch_cap": 1,
        "replica_cap": 40,
        "objective": Objective(alpha=0.0, beta=1.0, delta=0.0, rho=100.0, accuracy_measure="product"),
    }
    return toy_pipeline(**{**values, **changes})


def _vector(setting: Setting, load_rps: float, *stages: StageObservation) -> ObservationArray:
    return setting.layout.write(Observation(np.full(HISTORY_BINS, load_rps), load_rps, stages))


def _replicas(policy: MPCPolicy, observation: ObservationArray) -> int:
    return int(policy.act(observation)[2]) + 1


def test_without_load_one_replica_is_left() -> None:
    setting = make_setting(_one_stage())
    assert _replicas(MPCPolicy(setting, **QUICK), _vector(setting, 0.0, stage_seen(replicas=7))) == 1


def test_a_drop_of_the_load_takes_replicas_away() -> None:
    """7 replicas half idle after a rush: 0.5 rps need one or two, of a cost of 1 each."""
    setting = make_setting(_one_stage())
    policy = MPCPolicy(setting, **QUICK)
    policy.act(_vector(setting, 9.0, stage_seen(replicas=7)))
    now = _vector(setting, 2.0, stage_seen(replicas=7, utilisation=0.07))
    for _ in range(3):
        replicas = _replicas(policy, now)
        now = _vector(setting, 2.0, stage_seen(replicas=replicas, utilisation=min(1.0, 0.5 / replicas)))
    assert replicas in (1, 2, 3)


def test_a_backlog_is_worked_off_before_it_is_late() -> None:
    """Forty wait, of the last 10 s, at 4 rps: to serve those that still can be in time takes far more than 4 replicas.

    A replica more costs 1 an interval, a request late 100 / 40 = 2.5: all 40 late cost 100.
    """
    setting = make_setting(_one_stage())
    policy = MPCPolicy(setting, **QUICK)
    policy.act(_vector(setting, 4.0, stage_seen(replicas=4, utilisation=1.0)))
    calm = _vector(setting, 7.0, stage_seen(replicas=4, utilisation=1.0))
    backlog = _vector(setting, 7.0, stage_seen(replicas=4, queue_requests=40, utilisation=1.0))
    without = _replicas(copy.deepcopy(policy), calm)
    assert _replicas(policy, backlog) >= without + 2


def test_a_switch_that_never_pays_back_is_not_made() -> None:
    """The better variant starts for 1,000 s: it would cost, and serve nobody within the horizon."""
    old = Variant("old", 50.0, 1.0, 0.0, (1,), (0.1,))
    late = Variant("late", 99.0, 1.0, 1000.0, (1,), (0.1,))
    objective = Objective(alpha=50.0, beta=1.0, delta=0.0, rho=100.0, accuracy_measure="product")
    for startup_s, variant in ((1000.0, 0), (0.0, 1)):
        second = Variant(late.name, late.accuracy, late.cores, startup_s, late.batch_sizes, late.latency_s)
        setting = make_setting(_one_stage(stages=(Stage("serve", (old, second)),), objective=objective))
        policy = MPCPolicy(setting, afterwards=0.001, **QUICK)
        assert policy.act(_vector(setting, 2.0, stage_seen(utilisation=0.2)))[0] == variant


def test_the_time_afterwards_pays_for_a_switch() -> None:
    """Both variants run side by side for 25 of 30 s; only what comes after makes the better one worth it."""
    old = Variant("old", 50.0, 1.0, 0.0, (1,), (0.1,))
    good = Variant("good", 60.0, 1.0, 25.0, (1,), (0.1,))
    objective = Objective(alpha=30.0, beta=5.0, delta=0.0, rho=100.0, accuracy_measure="product")
    setting = make_setting(_one_stage(stages=(Stage("serve", (old, good)),), objective=objective))
    now = _vector(setting, 2.0, stage_seen(utilisation=0.2))
    # 25 s of a core more cost 2.5 · 5 = 12.5; the gain is 30 · 0.1 = 3 in each of 0.5 intervals, or of 12.5
    assert MPCPolicy(setting, afterwards=0.001, **QUICK).act(now)[0] == 0
    assert MPCPolicy(setting, afterwards=120.0, **QUICK).act(now)[0] == 1


def _candidates(setting: Setting) -> Candidates:
    return Candidates(setting, (1.0, 2.0), horizon=3, latest_switch=1)


def test_plans_hold_or_switch_once(setting: Setting) -> None:
    now = setting.layout.read(_vector(setting, 8.0, stage_seen(replicas=9), stage_seen())).configuration
    plans = _candidates(setting).first(now, 8.0)
    current = tuple(setting.actions.encode(now).tolist())
    assert plans[0] == (current,) * 3
    assert len(set(plans)) == len(plans)
    for plan in plans[1:]:
        assert len(plan) == 3
        switched = [step for step in range(1, 3) if plan[step] != plan[step - 1]]
        assert switched == ([] if plan[0] != current else [1])


def test_near_plans_change_one_stage_by_up_to_two(setting: Setting) -> None:
    plan = ((0, 0, 1, 0, 0, 5),) + ((1, 0, 3, 0, 0, 5),) * 2
    near = _candidates(setting).near([plan])
    firsts = {found[0] for found in near}
    # from 2 replicas to 1, 3, 4 in the first stage; from 6 to 4, 5, 7, 8 in the second
    assert firsts == {(0, 0, n, 0, 0, 5) for n in (0, 2, 3)} | {(0, 0, 1, 0, 0, n) for n in (3, 4, 6, 7)}
    assert {found[1:] for found in near} == {plan[1:]} | {(first, first) for first in firsts}


@pytest.fixture
def policy() -> MPCPolicy:
    return MPCPolicy(make_setting(toy_pipeline()), **QUICK)


def _episode(policy: MPCPolicy, seed: int, *, spoil: bool = False) -> list[list[int]]:
    env = PipelineEnv(toy_pipeline(), Trace("rise", np.arange(600) // 20), windows=[(100, 300)])
    observation, _ = env.reset(seed=seed)
    policy.reset()
    actions = []
    for _ in range(12):
        kept = env.get_state()
        if spoil:
            env.simulator.memory.blocks.seconds[:] = np.nan
            env.simulator.memory.blocks.counts[:] = -1
        actions.append(policy.act(observation).tolist())
        env.set_state(kept)
        observation, *_ = env.step(np.array(actions[-1]))
    return actions


def test_it_keeps_the_contract_of_a_policy(policy: MPCPolicy, toy_env: PipelineEnv) -> None:
    check_policy(policy, toy_env)


def test_the_same_seed_decides_alike_and_another_looks_at_other_samples(policy: MPCPolicy) -> None:
    first = _episode(policy, 5)
    fresh = MPCPolicy(make_setting(toy_pipeline()), **QUICK)
    assert _episode(fresh, 5) == first
    assert len({tuple(action) for action in first}) > 3, "the load rises, so the decisions must change"
    value = policy.diagnostics["value"]
    other = MPCPolicy(make_setting(toy_pipeline()), seed=1, **QUICK)
    _episode(other, 5)
    assert other.diagnostics["value"] != value


def test_it_does_not_look_into_the_environment(policy: MPCPolicy) -> None:
    assert _episode(policy, 6, spoil=True) == _episode(policy, 6)


def _observations(seed: int) -> tuple[list[ObservationArray], list[ActionArray]]:
    env = PipelineEnv(toy_pipeline(), Trace("rise", np.arange(600) // 20), windows=[(100, 300)])
    observation, _ = env.reset(seed=seed)
    policy, found, actions = MPCPolicy(make_setting(toy_pipeline()), **QUICK), [], []
    for _ in range(6):
        found.append(observation)
        actions.append(policy.act(observation))
        observation, *_ = env.step(actions[-1])
    return found, actions


def test_many_are_decided_as_one_by_one(policy: MPCPolicy) -> None:
    (ours, first), (theirs, second) = _observations(1), _observations(2)
    assert not np.array_equal(np.array(ours), np.array(theirs))
    together = [policy.act_many(np.stack(pair)) for pair in zip(ours, theirs, strict=True)]
    assert np.array_equal(np.array(together), np.stack([np.array(first), np.array(second)], axis=1))


def test_the_number_of_environments_may_not_change(policy: MPCPolicy) -> None:
    observations, _ = _observations(1)
    policy.act_many(np.stack(observations[:2]))
    with pytest.raises(OptionError, match="3 observations; expected 2"):
        policy.act_many(np.stack(observations[:3]))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))])
def test_a_copy_goes_on_in_the_middle_of_an_episode(policy: MPCPolicy, copied: object) -> None:
    observations, actions = _observations(3)
    for observation in observations[:3]:
        policy.act(observation)
    other = copied(policy)  # type: ignore[operator]  # one of the two above
    assert [other.act(seen).tolist() for seen in observations[3:]] == [action.tolist() for action in actions[3:]]
    assert [policy.act(seen).tolist() for seen in observations[3:]] == [action.tolist() for action in actions[3:]]


def test_the_first_step_of_the_best_plan_is_taken_and_remembered(
    policy: MPCPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, later = (0, 0, 2, 0, 0, 0), (1, 1, 6, 1, 1, 6)
    values = {(later,) * 3: 1.0, (first, later, later): 2.0, (later, first, first): 2.0}
    monkeypatch.setattr(policy, "_search", lambda *_: values)
    assert policy.act(_vector(policy._setting, 3.0, stage_seen(), stage_seen())).tolist() == list(first)
    assert policy._memories[0].started == ((5.0, 5.0), ())  # two more of `small`, which starts in 5 s


def test_the_load_is_that_of_the_first_stage(policy: MPCPolicy) -> None:
    policy.act(_vector(policy._setting, 9.0, stage_seen(), stage_seen()))
    policy.act(_vector(policy._setting, 9.0, stage_seen(utilisation=0.5), stage_seen(utilisation=0.9)))
    # 5 of 10 s at 0.1 s a request; the second stage would say 180 requests
    assert policy._memories[0].load.rates_rps[0] == pytest.approx(5.0)


def test_one_fleet_serves_all_episodes(policy: MPCPolicy) -> None:
    observations, _ = _observations(1)
    policy.act(observations[0])
    fleet = policy._rollouts
    policy.reset()
    policy.act(observations[0])
    assert policy._rollouts is fleet


def test_diagnostics_compare_the_plan_with_holding(policy: MPCPolicy) -> None:
    policy.act(_observations(1)[0][0])
    told = policy.diagnostics
    assert set(told) == {"value", "held_value", "switches", "rollouts", "load_rps"}
    assert told["value"] >= told["held_value"]  # type: ignore[operator]  # both are floats
    assert told["rollouts"] % 2 == 0  # type: ignore[operator]  # two samples a plan
    policy.reset()
    assert policy.diagnostics == {}


def test_wrong_parameters_are_refused(setting: Setting) -> None:
    with pytest.raises(OptionError, match=r"lowest_load is 2 beside highest_load 1"):
        MPCPolicy(setting, lowest_load=2.0, highest_load=1.0)
    with pytest.raises(OptionError, match=r"parameters\.samples is 0"):
        MPCPolicy(setting, samples=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'horizon'"):
        MPCPolicy(setting, horizonn=3)


def test_the_shipped_card_sets_and_explains_every_parameter(setting: Setting) -> None:
    card = load_agent_card("mpc")
    assert set(card.parameters) == set(card.sources) == set(MPCPolicy.PARAMETERS)
    assert card.parameters == {name: parameter.default for name, parameter in MPCPolicy.PARAMETERS.items()}
    assert isinstance(build_policy(card, setting), MPCPolicy)
