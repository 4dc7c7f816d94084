"""The autoscaler against the cases of Knative's own tests and hand arithmetic."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.policies import Setting, check_policy, load_agent_card, make_policy
from ipa_gym.policies.kpa import KPAPolicy
from ipa_gym.policies.kpa_rule import Limits, Load, Panic, begin, concurrency_target, recommend
from ipa_gym.policies.parameters import checked
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, seen, stage_seen

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv

TENFOLD = Limits(60.0, 2.0, 10.0, 10.0)  # what Knative's tests are set to: up and down by 10 at most
CALM, PANICKING = Panic(), Panic(95.0, 5)  # the latter since 5 s, with 5 pods, at 100 s


@pytest.mark.parametrize(
    ("stable", "burst", "ready", "target", "panic", "pods"),
    [  # knative/serving, autoscaler_test.go, TestAutoscalerScale: concurrency of both windows, ready pods, target
        pytest.param(0.0, 0.0, 1, 10.0, CALM, 0, id="no traffic"),
        pytest.param(21.0, 26.0, 1, 181.0, CALM, 1, id="one is enough"),
        pytest.param(50.0, 49.0, 1, 10.0, CALM, 5, id="panic window below the stable one"),
        pytest.param(50.0, 50.0, 5, 10.0, CALM, 5, id="scaled already"),
        pytest.param(50.0, 30.0, 5, 1.0, PANICKING, 50, id="panic, stable larger"),
        pytest.param(20.0, 30.0, 5, 1.0, PANICKING, 30, id="panic, stable smaller"),
        pytest.param(50.0, 100.0, 1, 10.0, CALM, 10, id="panic window doubles"),
        pytest.param(1000.0, 1001.0, 1, 10.0, CALM, 10, id="tenfold at most"),
        pytest.param(1000.0, 1001.0, 10, 10.0, CALM, 100, id="tenfold again"),
        pytest.param(1.0, 1.0, 100, 10.0, CALM, 10, id="a tenth at least"),
        pytest.param(1000.0, 888.0, 0, 10.0, CALM, 10, id="no ready pod counts as one"),
    ],
)
def test_pods_of_knative_s_own_table(  # one row, one call
    stable: float, burst: float, ready: int, target: float, panic: Panic, pods: int
) -> None:
    assert recommend(Load(stable, burst, ready), panic, target=target, limits=TENFOLD, now_s=100.0)[0] == pods


def test_small_rates_still_move_by_one() -> None:
    """Knative's cases of rates of 1.1: 2 -> 3 up (ceil(2.2)), 100 -> 90 down (floor(90.9))."""
    limits = Limits(60.0, 2.0, 1.1, 1.1)
    assert recommend(Load(3.0, 3.1, 2), CALM, target=1.0, limits=limits, now_s=0.0)[0] == 3
    assert recommend(Load(1.0, 1.0, 100), CALM, target=10.0, limits=limits, now_s=0.0)[0] == 90


def test_panic_then_calm_as_in_knative_s_test() -> None:
    """TestAutoscalerPanicThenUnPanicScaleDown: 10 -> 100 in panic, kept at 30 s, 1 at 61 s."""
    pods, panic = recommend(Load(100.0, 1000.0, 10), CALM, target=10.0, limits=TENFOLD, now_s=0.0)
    assert (pods, panic) == (100, Panic(0.0, 100))
    pods, panic = recommend(Load(1.0, 1.0, 10), panic, target=10.0, limits=TENFOLD, now_s=30.0)
    assert (pods, panic) == (100, Panic(0.0, 100))
    assert recommend(Load(1.0, 1.0, 10), panic, target=10.0, limits=TENFOLD, now_s=61.0) == (1, Panic())


def test_slow_growth_does_not_prolong_the_panic() -> None:
    """TestAutoscalerUnpanicAfterSlowIncrease: 25, then 41 of 40 ready at 30 s, then calm at 62 s."""
    pods, panic = recommend(Load(11.0, 25.0, 10), CALM, target=1.0, limits=TENFOLD, now_s=0.0)
    assert pods == 25
    pods, panic = recommend(Load(30.0, 41.0, 40), panic, target=1.0, limits=TENFOLD, now_s=30.0)
    assert (pods, panic.since_s) == (41, 0.0)
    assert recommend(Load(50.0, 56.0, 55), panic, target=1.0, limits=TENFOLD, now_s=62.0) == (50, Panic())


def test_a_second_surge_prolongs_the_panic() -> None:
    """TestAutoscalerExtendPanicWindow: 80 of 40 ready at 30 s."""
    panic = Panic(0.0, 25)
    assert recommend(Load(30.0, 80.0, 40), panic, target=1.0, limits=TENFOLD, now_s=30.0) == (80, Panic(30.0, 80))


@pytest.mark.parametrize(("after_s", "calm"), [(59.0, False), (60.0, False), (60.5, True)])
def test_panic_ends_once_it_is_older_than_the_stable_window(after_s: float, calm: bool) -> None:
    pods, panic = recommend(Load(1.0, 1.0, 8), Panic(0.0, 8), target=1.0, limits=Limits(), now_s=after_s)
    assert (panic.since_s is None) == calm
    assert pods == (4 if calm else 8)  # calm: at least half of the ready ones


@pytest.mark.parametrize(("burst", "panics"), [(6.0, False), (6.1, True), (7.0, True)])
def test_panic_begins_at_twice_the_ready_pods(burst: float, panics: bool) -> None:
    # Target 2, two ready: ceil(6 / 2) = 3 is not twice as many, ceil(6.1 / 2) = 4 is.
    _, panic = recommend(Load(0.0, burst, 2), CALM, target=2.0, limits=Limits(), now_s=5.0)
    assert (panic.since_s == 5.0) == panics


def test_a_new_panic_does_not_remember_the_pods_of_the_last() -> None:
    _, calm = recommend(Load(0.0, 0.0, 50), Panic(0.0, 50), target=1.0, limits=Limits(), now_s=61.0)
    assert recommend(Load(0.0, 6.0, 3), calm, target=1.0, limits=Limits(), now_s=71.0)[0] == 6


def test_an_autoscaler_begins_in_panic_over_one_pod() -> None:
    """TestStartInPanicMode."""
    assert begin(1, now_s=3.0) == Panic(None, 1)
    assert begin(2, now_s=3.0) == Panic(3.0, 2)


def test_a_float_s_error_adds_no_pod() -> None:
    # 2.1 / 0.7 is 3.0000000000000004.
    assert recommend(Load(2.1, 0.0, 3), CALM, target=0.7, limits=Limits(), now_s=0.0)[0] == 3


def test_target_is_a_fraction_of_what_a_replica_holds() -> None:
    # config-autoscaler's example: of a containerConcurrency of 10 at 70 %, 7 are aimed at.
    assert concurrency_target(10, 0.7) == pytest.approx(7.0)
    assert concurrency_target(1, 0.001) == 0.01


def _run(policy: KPAPolicy, setting: Setting, queues: list[int], replicas: int) -> list[int]:
    """Replicas of stage 1 after each decision, each obeyed at once; the batch size is 4, so the target 2.8."""
    counts = []
    for queue in queues:
        action = policy.act(seen(setting, stage_seen(batch=4, replicas=replicas, queue_requests=queue)))
        replicas = int(action[2]) + 1
        counts.append(replicas)
    return counts


@pytest.mark.parametrize(("interval_s", "kept"), [(10.0, 7), (2.0, 31), (60.0, 2)])
def test_the_first_panic_keeps_what_was_deployed(interval_s: float, kept: int) -> None:
    """It ends at the first decision after 60 s: at 70, 62 and 120 s; then floor(3 / 2) = 1."""
    setting = make_setting(toy_pipeline(), interval_s)
    assert _run(KPAPolicy(setting), setting, [0] * (kept + 2), 3) == [3] * kept + [1, 1]


def test_a_surge_is_answered_at_once_and_kept_for_a_minute(setting: Setting) -> None:
    # At 10 s 4 / 2.8 -> 2, twice the one that is ready. Until 70 s the panic holds, at 80 s it is over.
    assert _run(KPAPolicy(setting), setting, [0, 4] + [0] * 8, 1) == [1] + [2] * 7 + [1, 1]


def test_at_2_s_the_panic_window_is_the_mean_of_three_samples() -> None:
    setting = make_setting(toy_pipeline(), 2.0)
    # 8, 8/3 and again 8/3 need one; (8 + 0 + 8) / 3 = 5.33 -> 2.
    assert _run(KPAPolicy(setting), setting, [0, 0, 0, 8, 0, 8], 1) == [1, 1, 1, 1, 1, 2]


def test_at_10_s_the_panic_window_is_the_newest_sample(setting: Setting) -> None:
    policy = KPAPolicy(setting)
    _run(policy, setting, [0, 2, 2, 2, 2, 2, 2, 14], 1)
    assert policy.diagnostics["stable_requests"][0] == 4.0  # (5 · 2 + 14) / 6; the first observation measured nothing
    assert policy.diagnostics["panic_requests"][0] == 14.0


def test_stable_mode_grows_by_the_mean_of_a_minute(setting: Setting) -> None:
    # The first panic is over at 70 s, and a threshold of ten keeps the next one away. A queue of 8 from then on gives
    # means of 8/6, 16/6, 24/6, 32/6, 40/6 and 48/6 requests; over 2.8: 1, 1, 2, 2, 3, 3.
    counts = _run(KPAPolicy(setting, panic_threshold_percent=1_000.0), setting, [0] * 7 + [8] * 6, 2)
    assert counts == [2] * 7 + [1, 1, 2, 2, 3, 3]


def test_the_cap_bounds_the_action_but_not_the_recommendation(setting: Setting) -> None:
    policy = KPAPolicy(setting)
    assert _run(policy, setting, [0, 100], 1) == [1, 10]
    assert policy.diagnostics["recommended"][0] == 36  # 100 / 2.8 = 35.7
    assert policy.diagnostics["panicking"] == (True, False)


def test_growth_is_limited_by_the_ready_replicas_alone(setting: Setting) -> None:
    policy = KPAPolicy(setting, max_scale_up_rate=3.0)
    policy.act(seen(setting, stage_seen(batch=4, replicas=2, starting=3)))
    action = policy.act(seen(setting, stage_seen(batch=4, replicas=2, starting=3, queue_requests=100)))
    assert int(action[2]) + 1 == 6


def test_variants_and_batch_stay_as_first_seen(setting: Setting) -> None:
    policy = KPAPolicy(setting)
    busy = stage_seen(variant=1, target_variant=1, batch=4, replicas=1, utilisation=1.0, queue_requests=4)
    assert policy.act(seen(setting, busy)).tolist() == [1, 2, 0, 0, 0, 0]
    assert policy.act(seen(setting, busy)).tolist() == [1, 2, 2, 0, 0, 0]  # 8 requests at 2.8: 3


def test_replicas_stay_while_a_variant_switch_is_under_way(setting: Setting) -> None:
    policy = KPAPolicy(setting, variants=["large", "tiny"])
    assert policy.act(seen(setting, stage_seen(replicas=3))).tolist() == [1, 0, 2, 0, 0, 0]
    switching = stage_seen(variant=0, target_variant=1, replicas=3, starting=3, queue_requests=50)
    assert policy.act(seen(setting, switching)).tolist() == [1, 0, 2, 0, 0, 0]
    switched = stage_seen(variant=1, target_variant=1, replicas=3, queue_requests=5)
    assert policy.act(seen(setting, switched)).tolist() == [1, 0, 7, 0, 0, 0]  # 5 / 0.7 -> 8, of this sample alone


def test_copies_and_episodes_do_not_share_memory(setting: Setting) -> None:
    policy = KPAPolicy(setting)
    _run(policy, setting, [0, 4], 1)
    other = copy.deepcopy(policy)
    _run(other, setting, [100], 2)
    assert policy.diagnostics["panic_requests"][0] == 4.0
    assert _run(policy, setting, [0], 2) == [2]
    policy.reset()
    assert _run(policy, setting, [0, 0, 0], 1) == [1, 1, 1]


def test_the_card_holds_the_defaults_and_says_where_they_come_from() -> None:
    card, parameters = load_agent_card("kpa"), KPAPolicy.PARAMETERS
    assert card.parameters == {name: parameter.default for name, parameter in parameters.items()}
    assert set(card.sources) == set(parameters)


@pytest.mark.parametrize(
    ("name", "value"),
    [("target_percent", 0), ("target_percent", 101), ("panic_threshold_percent", 100), ("max_scale_down_rate", 1.0)],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        checked(KPAPolicy.PARAMETERS, {name: value}, where="parameters")


def test_the_contract_of_a_policy_holds(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("kpa", toy_env), toy_env)
