"""The autoscaler against Kubernetes' own examples and hand arithmetic."""

from __future__ import annotations

import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.policies import Setting
from ipa_gym.policies.hpa import HPAPolicy
from ipa_gym.policies.hpa_rule import limited, recommend, whole_percent
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, seen, stage_seen


def test_ratio_rule_gives_kubernetes_published_example() -> None:
    # kubernetes.io, blog of April 2025: 50 pods at 90 % with a target of 75 % become 60.
    assert recommend(50, 0, percent=90, target_percent=75, tolerance=0.1) == 60


@pytest.mark.parametrize(
    ("percent", "replicas"),
    [
        (100, 5),  # 4 · 100 / 80 = 5 exactly
        (89, 5),  # 4.45
        (88, 4),  # 1.10: within 10 %
        (80, 4),
        (72, 4),  # 0.90: within 10 %
        (71, 4),  # 3.55 -> 4
        (60, 3),  # 3 exactly
        (40, 2),
        (1, 1),  # 0.05 -> 1
        (0, 0),  # the minimum of 1 comes later
    ],
)
def test_ratio_rule_and_tolerance(percent: int, replicas: int) -> None:
    assert recommend(4, 0, percent=percent, target_percent=80, tolerance=0.1) == replicas


def test_starting_replicas_count_as_idle_when_growing() -> None:
    # 4 of 6 at 100 %, target 50: 66 % of all six (cut off) -> 6 · 66 / 50 = 7.92 -> 8; six busy ones would ask for 12.
    assert recommend(4, 2, percent=100, target_percent=50, tolerance=0.1) == 8
    # 4 of 8 at 100 %, target 80: 50 % of all is below the target, so the growth is on its way already.
    assert recommend(4, 4, percent=100, target_percent=80, tolerance=0.1) == 8
    # 4 of 5 at 100 %, target 80: 80 % of all, within the tolerance.
    assert recommend(4, 1, percent=100, target_percent=80, tolerance=0.1) == 5


def test_starting_replicas_are_left_out_when_shrinking() -> None:
    assert recommend(4, 2, percent=20, target_percent=80, tolerance=0.1) == 1


@pytest.mark.parametrize(("current", "most"), [(1, 5), (3, 7), (4, 8), (5, 10), (20, 40)])
def test_growth_is_limited_to_doubling_or_four_more(current: int, most: int) -> None:
    assert limited(current, [current, 1000], replica_cap=100) == most


def test_growth_stops_at_the_cap() -> None:
    assert limited(9, [90], replica_cap=10) == 10


def test_shrinking_stops_at_the_highest_recent_recommendation() -> None:
    assert limited(9, [5, 7, 2], replica_cap=100) == 7
    assert limited(9, [2], replica_cap=100) == 2
    assert limited(9, [0], replica_cap=100) == 1


def test_old_recommendations_never_grow() -> None:
    assert limited(4, [30, 2], replica_cap=100) == 4


def test_percent_survives_the_float32_observation() -> None:
    assert whole_percent(float.fromhex("0x1.333334p-1")) == 60  # 0.6 as a float32, a little above
    assert whole_percent(float.fromhex("0x1.28f5c2p-1")) == 58  # 0.58 as a float32, a little below
    assert whole_percent(0.5999) == 59  # cut off, not rounded


def _run(policy: HPAPolicy, setting: Setting, utilisations: list[float], replicas: int) -> list[int]:
    """Replicas of stage 1 after each decision, each obeyed at once."""
    counts = []
    for utilisation in utilisations:
        action = policy.act(seen(setting, stage_seen(replicas=replicas, utilisation=utilisation)))
        replicas = int(action[2]) + 1
        counts.append(replicas)
    return counts


def test_it_grows_step_by_step_at_full_utilisation(setting: Setting) -> None:
    # After the first observation, which measures nothing: 2 · 100 / 80 = 2.5 -> 3, 3.75 -> 4, 5, 6.25 -> 7, 8.75 -> 9.
    assert _run(HPAPolicy(setting), setting, [0.0] + [1.0] * 5, 2) == [2, 3, 4, 5, 7, 9]


def test_growth_limit_binds_at_a_low_target(setting: Setting) -> None:
    # Target 10 %: ten times as many, but 1 -> 5 -> 10 (the toy's cap).
    assert _run(HPAPolicy(setting, target_percent=10), setting, [0.0, 1.0, 1.0], 1) == [1, 5, 10]


@pytest.mark.parametrize(("interval_s", "last_high"), [(10.0, 29), (60.0, 4), (7.0, 42)])
def test_it_shrinks_once_300_s_have_passed(interval_s: float, last_high: int) -> None:
    """The first recommendation, 6 at 0 s, counts while it is younger than 300 s."""
    setting = make_setting(toy_pipeline(), interval_s)
    counts = _run(HPAPolicy(setting), setting, [0.0] * (last_high + 3), 6)
    assert counts == [6] * (last_high + 1) + [1, 1]


def test_a_peak_holds_the_replicas_for_300_s(setting: Setting) -> None:
    counts = _run(HPAPolicy(setting), setting, [0.0, 1.0] + [0.4] * 31, 4)
    # 5 at 10 s; 0.4 asks for half. The peak leaves the window at 310 s; then the highest is ceil(5 · 0.4 / 0.8) = 3.
    assert counts[1:31] == [5] * 30
    assert counts[31] == 3


def test_window_length_is_a_parameter(setting: Setting) -> None:
    assert _run(HPAPolicy(setting, stabilization=20.0), setting, [0.0] * 4, 6) == [6, 6, 1, 1]


def test_variants_and_batch_stay_as_first_seen(setting: Setting) -> None:
    policy = HPAPolicy(setting)
    first = (stage_seen(variant=1, target_variant=1, batch=4, replicas=2), stage_seen(replicas=3))
    assert policy.act(seen(setting, *first)).tolist() == [1, 2, 1, 0, 0, 2]
    later = (stage_seen(variant=1, target_variant=1, batch=4, replicas=2, utilisation=1.0), stage_seen(replicas=3))
    assert policy.act(seen(setting, *later)).tolist() == [1, 2, 2, 0, 0, 2]


def test_replicas_stay_while_a_variant_switch_is_under_way(setting: Setting) -> None:
    policy = HPAPolicy(setting, variants=["large", "tiny"])
    assert policy.act(seen(setting, stage_seen(replicas=3))).tolist() == [1, 0, 2, 0, 0, 0]
    switching = stage_seen(variant=0, target_variant=1, replicas=3, starting=3, utilisation=1.0)
    assert policy.act(seen(setting, switching)).tolist() == [1, 0, 2, 0, 0, 0]
    switched = stage_seen(variant=1, target_variant=1, replicas=3, utilisation=1.0)
    assert policy.act(seen(setting, switched)).tolist() == [1, 0, 3, 0, 0, 0]


def test_reset_forgets_the_window(setting: Setting) -> None:
    policy = HPAPolicy(setting)
    _run(policy, setting, [0.0] * 31, 6)
    policy.reset()
    assert _run(policy, setting, [0.0] * 2, 9) == [9, 9]


def test_diagnostics_tell_recommendation_from_decision(setting: Setting) -> None:
    policy = HPAPolicy(setting, target_percent=10)
    policy.act(seen(setting))
    policy.act(seen(setting, stage_seen(utilisation=1.0)))
    assert policy.diagnostics == {"utilisation_percent": (100, 0), "recommended": (10, 0), "replicas": (5, 1)}


def test_variants_that_do_not_exist_are_named(setting: Setting) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'large'"):
        HPAPolicy(setting, variants=["larg", "tiny"])
    with pytest.raises(OptionError, match="1 entries; pipeline toy has 2 stages"):
        HPAPolicy(setting, variants=["large"])
