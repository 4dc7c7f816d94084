"""INFaaS on the toy pipeline; every choice is worked out by hand.

Both stages have a mean latency of 0.15 s at batch 1, so each has half the SLA of 2 s: 1 s. Throughput of a replica in
rps at batch 1, 2, 4: small 10, 13.3, 16; large 5, 6.7, 8; tiny 20, 20, 20; big 4, 4, 4. Cores: 1, 2, 1, 3. With a
headroom of 5 % a replica carries 95 % of that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.observation import HISTORY_BINS, Observation, StageObservation
from ipa_gym.pipeline import Pipeline, Stage
from ipa_gym.policies import Setting, check_policy, load_agent_card, make_policy, policy_class
from ipa_gym.policies.infaas import INFaaSPolicy, median_variants
from ipa_gym.policies.infaas_rule import eligible_variants, largest_batch, replicas_for, stage_budgets_s
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, stage_seen

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv


# --- the rule's arithmetic ---


def test_the_sla_is_parted_by_the_stages_mean_latencies() -> None:
    assert stage_budgets_s(toy_pipeline()) == pytest.approx((1.0, 1.0))
    pipeline = toy_pipeline()
    slow = replace(pipeline.stages[1], variants=pipeline.stages[1].variants[1:])  # big alone: mean 0.25 beside 0.15
    assert stage_budgets_s(replace(pipeline, stages=(pipeline.stages[0], slow))) == pytest.approx((0.75, 1.25))


@pytest.mark.parametrize(
    ("rate_rps", "batch"),
    [
        (4.0, 4),  # 3 / 4 + 0.25 = 1.00 just so
        (3.9, 2),  # 3 / 3.9 + 0.25 = 1.02; 1 / 3.9 + 0.15
        (1.1, 1),  # 1 / 1.1 + 0.15 = 1.06
        (0.0, 1),
    ],
)
def test_the_largest_batch_that_fills_and_serves_in_time(rate_rps: float, batch: int) -> None:
    small = toy_pipeline().stages[0].variants[0]
    assert largest_batch(small, sizes=(1, 2, 4), rate_rps=rate_rps, budget_s=1.0) == batch


def test_batch_one_where_nothing_fits() -> None:
    assert largest_batch(toy_pipeline().stages[0].variants[0], sizes=(1, 2, 4), rate_rps=9.0, budget_s=0.05) == 1


@pytest.mark.parametrize(("rate_rps", "replicas"), [(19.0, 2), (19.1, 3), (0.0, 1), (9.5, 1)])
def test_replicas_keep_headroom(rate_rps: float, replicas: int) -> None:
    assert replicas_for(rate_rps, 10.0, headroom=0.05) == replicas


def test_eligible_are_those_that_are_accurate_and_fast_enough() -> None:
    stage = toy_pipeline().stages[0]  # small: 50 %, 0.1 s; large: 80 %, 0.2 s
    assert eligible_variants(stage, accuracy=50.0, budget_s=1.0) == (0, 1)
    assert eligible_variants(stage, accuracy=50.1, budget_s=1.0) == (1,)
    assert eligible_variants(stage, accuracy=0.0, budget_s=0.15) == (0,)
    assert eligible_variants(stage, accuracy=80.0, budget_s=0.15) == (
        1,
    )  # none meets both: the fastest of the accurate
    assert eligible_variants(stage, accuracy=0.0, budget_s=0.05) == (0,)


def test_median_is_the_lower_of_two() -> None:
    pipeline = toy_pipeline()
    assert median_variants(pipeline) == (0, 0)
    three = (*pipeline.stages[0].variants, replace(pipeline.stages[0].variants[0], name="best", accuracy=90.0))
    assert median_variants(replace(pipeline, stages=(Stage("detect", three), pipeline.stages[1]))) == (1, 0)
    assert median_variants(replace(pipeline, stages=(Stage("detect", three[::-1]), pipeline.stages[1]))) == (1, 0)


# --- decisions ---


def _act(policy: INFaaSPolicy, setting: Setting, rate_rps: float, *stages: StageObservation) -> list[tuple[int, ...]]:
    """Variant, batch and replicas of each stage for a measured load."""
    history = np.full(HISTORY_BINS, 99.0)  # of the past: looked at by nobody
    history[-1] = rate_rps
    rest = (stage_seen(),) * (2 - len(stages))
    action = policy.act(setting.layout.write(Observation(history, 77.0, (*stages, *rest))))
    batches = setting.actions.batch_sizes
    return [(int(v), batches[b], int(n) + 1) for v, b, n in action.reshape(-1, 3)]


def _seen(variant: int, replicas: int) -> StageObservation:
    return stage_seen(variant=variant, target_variant=variant, replicas=replicas)


def test_it_replicates_where_that_is_cheapest(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, accuracy="least-accurate")
    # 40 rps at batch 4: small 40 / 15.2 -> 3 cores, large 40 / 7.6 -> 6 replicas, 12 cores. tiny 40 / 19 -> 3.
    assert _act(policy, setting, 40.0) == [(0, 4, 3), (0, 4, 3)]
    assert policy.diagnostics["scaling"] == ("replicate", "replicate")


def test_headroom_decides_when_to_grow(setting: Setting) -> None:
    policy = INFaaSPolicy(setting)
    assert _act(policy, setting, 15.2)[0] == (0, 4, 1)  # 95 % of 16
    assert _act(policy, setting, 15.3)[0] == (0, 4, 2)
    assert _act(INFaaSPolicy(setting, headroom=0.5), setting, 15.2)[0] == (0, 4, 2)  # 8 a replica


def test_it_switches_where_another_variant_is_cheaper(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, accuracy="least-accurate")
    # 8 rps on one big (4 rps): at batch 2 (4 takes 1.375 s) 8 / 3.8 -> 3 big, 9 cores; or one tiny.
    assert _act(policy, setting, 8.0, _seen(0, 1), _seen(1, 1))[1] == (0, 4, 1)
    assert policy.diagnostics["scaling"] == ("keep", "switch")


def test_it_replicates_where_only_the_running_variant_is_accurate_enough(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, accuracy="accurate")
    assert _act(policy, setting, 8.0, _seen(1, 2), _seen(1, 1)) == [(1, 4, 2), (1, 2, 3)]


def test_it_leaves_a_variant_that_is_not_accurate_enough_at_once(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, accuracy=["large", "tiny"])
    # One large carries 7.6 of 8: two.
    assert _act(policy, setting, 8.0) == [(1, 4, 2), (0, 4, 1)]
    assert policy.diagnostics["scaling"] == ("switch", "keep")


def test_at_equal_cost_the_running_variant_stays() -> None:
    setting = make_setting(_with_twin(accuracy=70.0))
    for running in (0, 1):
        policy = INFaaSPolicy(setting, accuracy="least-accurate")
        assert _act(policy, setting, 40.0, _seen(running, 1))[0] == (running, 4, 3)


def test_at_equal_cost_of_others_the_more_accurate_is_taken() -> None:
    setting = make_setting(_with_twin(accuracy=70.0))  # small and its twin carry 40 rps with 3 cores, large with 12
    policy = INFaaSPolicy(setting, accuracy="least-accurate")
    assert _act(policy, setting, 40.0, _seen(2, 1))[0] == (1, 4, 3)


def _with_twin(*, accuracy: float) -> Pipeline:
    """The toy pipeline with a second small, more accurate, before large."""
    pipeline = toy_pipeline()
    small, large = pipeline.stages[0].variants
    twin = replace(small, name="twin", accuracy=accuracy)
    return replace(pipeline, stages=(Stage("detect", (small, twin, large)), pipeline.stages[1]))


def test_replicas_go_one_by_one_each_after_the_delay(setting: Setting) -> None:
    policy = INFaaSPolicy(setting)
    counts, replicas = [], 4
    for _ in range(6):
        replicas = _act(policy, setting, 8.0, _seen(0, replicas))[0][2]
        counts.append(replicas)
    assert counts == [4, 3, 2, 1, 1, 1]  # at 0 s the cheaper way is seen first


def test_the_delay_begins_anew_with_each_replica_that_goes(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, scale_down_delay=20.0)
    counts, replicas = [], 4
    for _ in range(5):
        replicas = _act(policy, setting, 8.0, _seen(0, replicas))[0][2]
        counts.append(replicas)
    assert counts == [4, 4, 3, 3, 2]


def test_a_busy_moment_starts_the_delay_anew(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, scale_down_delay=20.0)
    loads = [8.0, 8.0, 30.0, 8.0, 8.0, 8.0]  # two small carry 30.4
    found = [_act(policy, setting, load, _seen(0, 2))[0][2] for load in loads]
    assert found == [2, 2, 2, 2, 2, 1]


def test_it_downgrades_after_the_delay(setting: Setting) -> None:
    policy = INFaaSPolicy(setting, accuracy="least-accurate")
    # One large carries 4 rps (3 / 4 + 0.5 is too long, batch 2) for 2 cores, one small for 1.
    assert _act(policy, setting, 4.0, _seen(1, 1))[0] == (1, 2, 1)
    assert _act(policy, setting, 4.0, _seen(1, 1))[0] == (0, 4, 1)
    assert policy.diagnostics["scaling"] == ("downgrade", "keep")


def test_beyond_the_cap_it_takes_what_carries_most() -> None:
    setting = make_setting(toy_pipeline(replica_cap=2))
    policy = INFaaSPolicy(setting, accuracy="least-accurate")
    assert _act(policy, setting, 90.0, _seen(1, 2), _seen(1, 2)) == [(0, 4, 2), (0, 4, 2)]
    assert _act(policy, setting, 90.0, _seen(0, 2), _seen(0, 2)) == [(0, 4, 2), (0, 4, 2)]


def test_it_prefers_what_fits_the_cap() -> None:
    setting = make_setting(_with_twin(accuracy=70.0).with_limits(replica_cap=2))
    stage = setting.pipeline.stages[0]
    strong = replace(stage.variants[2], name="strong", cores=9.0, latency_s=(0.01, 0.02, 0.04, 0.08))  # 100 rps
    pipeline = replace(
        setting.pipeline, stages=(Stage("detect", (stage.variants[0], strong)), setting.pipeline.stages[1])
    )
    setting = make_setting(pipeline)
    # 40 rps: three small for 3 cores are beyond the cap of 2, so one strong for 9.
    assert _act(INFaaSPolicy(setting), setting, 40.0)[0] == (1, 4, 1)


def test_reset_forgets_the_delay(setting: Setting) -> None:
    policy = INFaaSPolicy(setting)
    for load in (50.0, 50.0, 8.0):  # from 20 s on there is a cheaper way
        _act(policy, setting, load, _seen(0, 4))
    policy.reset()
    assert policy.diagnostics == {}
    assert [_act(policy, setting, 8.0, _seen(0, 4))[0][2] for _ in range(2)] == [4, 3]


def test_wrong_names_are_one_error(setting: Setting) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'big'"):
        INFaaSPolicy(setting, accuracy=["small", "bigg"])
    with pytest.raises(OptionError, match="2 stages"):
        INFaaSPolicy(setting, accuracy=["small"])


def test_the_card_sets_and_explains_every_parameter() -> None:
    card = load_agent_card("infaas")
    assert card.policy == "infaas"
    assert set(card.parameters) == set(card.sources) == set(policy_class("infaas").PARAMETERS)


def test_it_keeps_the_contract(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("infaas", toy_env), toy_env, seed=5)
