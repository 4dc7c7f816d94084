"""IPA, FA2 and RIM on the toy pipeline; the choices are worked out by hand.

Throughput of a replica in rps at batch 1, 2, 4: small 10, 13.3, 16; large 5, 6.7, 8; tiny 20, 20, 20; big 4, 4, 4.
Cores: 1, 2, 1, 3. PAS: small+tiny 0.30, large+tiny 0.48, small+big 0.45, large+big 0.72. Objective 10 · PAS − cost / 2.
An action is variant, batch (index into 1, 2, 4) and replicas − 1 of each stage.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.pipeline import Baselines, Objective
from ipa_gym.policies import Setting
from ipa_gym.policies.baselines import accurate_variants, generous_replicas, least_accurate_variants
from ipa_gym.policies.fa2 import FA2Policy
from ipa_gym.policies.ipa import IPAPolicy
from ipa_gym.policies.rim import RIMPolicy
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, seen

ACCURATE = Objective(alpha=20.0, beta=0.5, delta=1e-6, rho=20.0, accuracy_measure="product")


@pytest.mark.parametrize("solver", ["highs", "cbc", "exact"])
@pytest.mark.parametrize(
    ("rate_rps", "action", "objective"),
    [
        (4, [1, 0, 0, 1, 0, 0], 4.7 - 2e-6),  # large and big, one replica each: 7.2 - 5 / 2
        (8, [1, 2, 0, 0, 0, 0], 3.3 - 5e-6),  # one large carries 8 rps at batch 4: 4.8 - 3 / 2
        (25, [0, 1, 1, 0, 0, 1], 1.0 - 3e-6),  # two small at batch 2 beat three at batch 1: 3 - 4 / 2
    ],
)
def test_ipa_takes_the_optimum_worked_by_hand(
    setting: Setting, solver: str, rate_rps: float, action: list[int], objective: float
) -> None:
    policy = IPAPolicy(setting, solver=solver)
    assert policy.act(seen(setting, forecast_rps=rate_rps)).tolist() == action
    assert policy.diagnostics["objective"] == pytest.approx(objective, abs=1e-9)
    assert policy.diagnostics["feasible"] is True


def test_load_factor_plans_for_more_than_the_forecast(setting: Setting) -> None:
    policy = IPAPolicy(setting, solver="exact", load_factor=1.25)
    # 10 rps: one large at batch 4 carries 8 only; two at batch 1 carry 10 (4.8 - 5 / 2 beats small's 3 - 2 / 2).
    assert policy.act(seen(setting, forecast_rps=8)).tolist() == [1, 0, 1, 0, 0, 0]
    assert policy.diagnostics["rate_rps"] == 10.0


def test_zero_forecast_keeps_one_replica_of_each_stage_at_batch_one(setting: Setting) -> None:
    for policy in (IPAPolicy(setting, solver="exact"), FA2Policy(setting, variants="accurate")):
        assert policy.act(seen(setting, forecast_rps=0)).tolist() == [1, 0, 0, 1, 0, 0]
        assert policy.diagnostics["feasible"] is True


def test_fa2_low_keeps_the_least_accurate_variants(setting: Setting) -> None:
    policy = FA2Policy(setting)
    assert policy.act(seen(setting, forecast_rps=4)).tolist() == [0, 0, 0, 0, 0, 0]
    assert policy.act(seen(setting, forecast_rps=25)).tolist() == [0, 1, 1, 0, 0, 1]


def test_fa2_high_keeps_the_card_s_variants(setting: Setting) -> None:
    policy = FA2Policy(setting, variants="accurate")
    # 25 rps: large 5 at batch 1, 4 at batch 2 (26.7 rps); big 7.
    assert policy.act(seen(setting, forecast_rps=25)).tolist() == [1, 1, 3, 1, 0, 6]


def test_fa2_takes_variants_by_name(setting: Setting) -> None:
    policy = FA2Policy(setting, variants=["large", "tiny"])
    assert policy.act(seen(setting, forecast_rps=25)).tolist() == [1, 1, 3, 0, 0, 1]


@pytest.mark.parametrize(
    ("rate_rps", "action"),
    [
        (12, [1, 0, 3, 1, 0, 2]),  # three big carry 12 just so
        (13, [1, 0, 3, 0, 0, 2]),  # not 13: tiny
        (22, [1, 1, 3, 0, 0, 2]),  # four large carry 20 at batch 1, 26.7 at batch 2
        (40, [0, 0, 3, 0, 0, 2]),  # four large at most 32: small
    ],
)
def test_rim_switches_among_the_variants_that_carry_the_load(rate_rps: float, action: list[int]) -> None:
    setting = make_setting(toy_pipeline(objective=ACCURATE))
    policy = RIMPolicy(setting)
    assert policy.act(seen(setting, forecast_rps=rate_rps)).tolist() == action
    assert policy.diagnostics["feasible"] is True


def test_rim_pays_for_accuracy_by_the_objective(setting: Setting) -> None:
    # alpha 10: 3 - 7 / 2 = -0.5 for small+tiny beats 7.2 - 17 / 2 = -1.3 for large+big, although both carry 12 rps.
    assert RIMPolicy(setting).act(seen(setting, forecast_rps=12)).tolist() == [0, 0, 3, 0, 0, 2]


def test_rim_takes_replicas_from_its_card(setting: Setting) -> None:
    policy = RIMPolicy(setting, replicas=[1, 2])
    assert policy.act(seen(setting, forecast_rps=12)).tolist() == [0, 1, 0, 0, 0, 1]  # one small: 13.3 at batch 2


@pytest.mark.parametrize("replicas", [[4], [4, 11], [0, 3], [4, 3, 3]])
def test_rim_refuses_replicas_that_the_pipeline_cannot_have(setting: Setting, replicas: list[int]) -> None:
    with pytest.raises(OptionError, match="whole numbers from 1 to 10"):
        RIMPolicy(setting, replicas=replicas)


def test_infeasible_ipa_takes_most_capacity_and_says_so(setting: Setting) -> None:
    # 500 rps: ten small at batch 4 carry 160, ten tiny 200.
    policy = IPAPolicy(setting, solver="exact")
    assert policy.act(seen(setting, forecast_rps=500)).tolist() == [0, 2, 9, 0, 0, 9]
    assert policy.diagnostics["feasible"] is False
    assert math.isnan(float(str(policy.diagnostics["objective"])))
    policy.act(seen(setting, forecast_rps=8))
    assert policy.diagnostics["feasible"] is True


def test_infeasible_fa2_keeps_its_variants(setting: Setting) -> None:
    # 50 rps: ten large carry 50 at batch 1 already; ten big only 40.
    policy = FA2Policy(setting, variants="accurate")
    assert policy.act(seen(setting, forecast_rps=50)).tolist() == [1, 0, 9, 1, 0, 9]
    assert policy.diagnostics["feasible"] is False


def test_infeasible_rim_keeps_its_replicas(setting: Setting) -> None:
    # 70 rps: four small at batch 4 carry 64, three tiny 60 at any batch.
    policy = RIMPolicy(setting)
    assert policy.act(seen(setting, forecast_rps=70)).tolist() == [0, 2, 3, 0, 0, 2]
    assert policy.diagnostics["feasible"] is False


def test_reset_clears_diagnostics(setting: Setting) -> None:
    for policy in (IPAPolicy(setting), FA2Policy(setting), RIMPolicy(setting)):
        policy.act(seen(setting, forecast_rps=8))
        policy.reset()
        assert policy.diagnostics == {}


def test_without_baselines_fa2_high_is_the_most_accurate_that_meets_the_sla_at_full_load() -> None:
    assert accurate_variants(toy_pipeline(baselines=Baselines())) == (1, 1)  # 32 rps: 7 large, 8 big
    assert accurate_variants(toy_pipeline(baselines=Baselines(), replica_cap=7)) == (1, 0)  # 8 big are too many
    assert accurate_variants(toy_pipeline(baselines=Baselines(), sla_s=0.28)) == (1, 0)  # 0.2 + 0.25 is too long
    assert accurate_variants(toy_pipeline(baselines=Baselines(), sla_s=0.01)) == (0, 0)  # nothing is quick enough


def test_without_baselines_rim_has_what_fa2_high_needs_at_full_load() -> None:
    # 32 rps: four large at batch 4, eight big; with the cap at 7 two tiny instead.
    assert generous_replicas(toy_pipeline(baselines=Baselines())) == (4, 8)
    assert generous_replicas(toy_pipeline(baselines=Baselines(), replica_cap=7)) == (4, 2)


def test_rim_s_replicas_stay_under_the_cap() -> None:
    assert generous_replicas(toy_pipeline(replica_cap=3)) == (3, 3)


def test_least_accurate_is_by_accuracy_not_by_order() -> None:
    pipeline = toy_pipeline()
    detect = replace(pipeline.stages[0], variants=pipeline.stages[0].variants[::-1])
    assert least_accurate_variants(replace(pipeline, stages=(detect, pipeline.stages[1]))) == (1, 0)
