"""The autoscaler against the cases of Kubernetes' own tests and hand arithmetic."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.observation import HISTORY_BINS, Observation
from ipa_gym.policies import Setting, check_policy, load_agent_card, make_policy
from ipa_gym.policies.base import ObservationArray
from ipa_gym.policies.keda import KEDAPolicy
from ipa_gym.policies.keda_rule import measured_rate_rps, recommend, thousandths
from ipa_gym.policies.parameters import checked
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, stage_seen

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv


@pytest.mark.parametrize(
    ("rate", "current", "per_replica", "replicas"),
    [  # kubernetes, replica_calculator_test.go, the cases named ...PerPodCMExternal; thousandths
        (8.600, 3, 2.150, 4),  # scale up: 4 exactly
        (8.600, 5, 2.867, 3),  # scale down: 2.9997
        (8.600, 3, 2.900, 3),  # 0.989: within the tolerance
    ],
)
def test_ratio_rule_gives_kubernetes_own_cases(rate: float, current: int, per_replica: float, replicas: int) -> None:
    assert recommend(rate, current, threshold_rps=per_replica, tolerance=0.1) == replicas


@pytest.mark.parametrize(
    ("rate", "replicas"),
    [
        (44.0, 4),  # 1.1: within
        (44.001, 5),  # 4.4001
        (40.0, 4),
        (36.0, 4),  # 0.9: within
        (35.999, 4),  # 3.5999
        (30.0, 3),
        (0.001, 1),
        (0.0, 0),  # the minimum of 1 comes later
    ],
)
def test_tolerance_has_its_edges_at_a_tenth(rate: float, replicas: int) -> None:
    assert recommend(rate, 4, threshold_rps=10.0, tolerance=0.1) == replicas


def test_metrics_are_cut_off_at_thousandths() -> None:
    assert thousandths(1.9999) == 1999
    assert thousandths(1.001) == 1001  # 1.001 · 1000 is 1000.9999999999999
    assert recommend(3.0004, 1, threshold_rps=1.0, tolerance=0.1) == 3
    assert recommend(0.01, 1, threshold_rps=0.0001, tolerance=0.1) == 10  # a threshold below a thousandth is one


def test_the_rate_is_the_mean_of_the_newest_maxima() -> None:
    history = [90.0] * 8 + [1.0, 2.0, 3.0, 6.0]
    assert measured_rate_rps(history, 1) == 6.0
    assert measured_rate_rps(history, 3) == pytest.approx(11 / 3)
    assert measured_rate_rps(history, 12) == 61.0


def _observed(setting: Setting, rate_rps: float, **stage: float) -> ObservationArray:
    """Stage 1 as told, stage 2 idle; the load was the same all the time."""
    stages = (stage_seen(**stage), stage_seen())
    return setting.layout.write(Observation(np.full(HISTORY_BINS, rate_rps), 0.0, stages))


def _run(policy: KEDAPolicy, setting: Setting, rates: list[float], replicas: int) -> list[int]:
    """Replicas of stage 1, small at batch 1 (h = 10, threshold 8), after each decision, each obeyed at once."""
    counts = []
    for rate_rps in rates:
        action = policy.act(_observed(setting, rate_rps, replicas=replicas))
        replicas = int(action[2]) + 1
        counts.append(replicas)
    return counts


def test_the_first_decision_has_a_metric(setting: Setting) -> None:
    policy = KEDAPolicy(setting)
    assert _run(policy, setting, [25.0], 2) == [4]  # 25 / 8 = 3.125
    # Stage 2, tiny at batch 1, carries 20: threshold 16, 25 / 16 -> 2.
    assert policy.diagnostics == {
        "rate_rps": 25.0,
        "threshold_rps": (8.0, 16.0),
        "recommended": (4, 2),
        "replicas": (4, 2),
    }


def test_the_threshold_follows_variant_and_batch(setting: Setting) -> None:
    policy = KEDAPolicy(setting, threshold_percent=50.0)
    # large at batch 4: h = 4 / 0.5 = 8, threshold 4; 25 / 4 = 6.25.
    action = policy.act(_observed(setting, 25.0, variant=1, target_variant=1, batch=4, replicas=2))
    assert action.tolist() == [1, 2, 5, 0, 0, 2]  # limited to 2 + 4; tiny: threshold 10 -> 3
    assert policy.diagnostics["threshold_rps"] == (4.0, 10.0)
    assert policy.diagnostics["recommended"] == (7, 3)


def test_starting_replicas_count_like_any_other(setting: Setting) -> None:
    # 3 serve or start; 25 / (8 · 3) = 1.04 is within the tolerance.
    action = KEDAPolicy(setting).act(_observed(setting, 25.0, replicas=1, starting=2))
    assert int(action[2]) + 1 == 3


def test_growth_is_limited_and_capped(setting: Setting) -> None:
    assert _run(KEDAPolicy(setting), setting, [500.0] * 3, 1) == [5, 10, 10]


@pytest.mark.parametrize(("interval_s", "last_high"), [(10.0, 29), (2.0, 149), (60.0, 4), (7.0, 42)])
def test_it_shrinks_once_300_s_have_passed(interval_s: float, last_high: int) -> None:
    """What was found at 0 s, 6, counts while it is younger than 300 s."""
    setting = make_setting(toy_pipeline(), interval_s)
    counts = _run(KEDAPolicy(setting), setting, [8.0] * (last_high + 3), 6)
    assert counts == [6] * (last_high + 1) + [1, 1]


def test_a_peak_holds_the_replicas_for_300_s(setting: Setting) -> None:
    # 40 / 8 = 5 at 10 s; afterwards 2 are wanted, until the peak leaves the window at 310 s.
    counts = _run(KEDAPolicy(setting), setting, [16.0, 40.0] + [16.0] * 31, 2)
    assert counts == [2] + [5] * 30 + [2] * 2


def test_window_and_stabilisation_are_parameters(setting: Setting) -> None:
    policy = KEDAPolicy(setting, rate_window=11, stabilization=20.0)
    history = np.array([90.0] * 10 + [10.0, 30.0])
    policy.act(setting.layout.write(Observation(history, 0.0, (stage_seen(), stage_seen()))))
    assert policy.diagnostics["rate_rps"] == 20.0  # two begun tens of seconds
    policy.reset()
    assert _run(policy, setting, [8.0] * 4, 6) == [6, 6, 1, 1]


def test_replicas_stay_while_a_variant_switch_is_under_way(setting: Setting) -> None:
    policy = KEDAPolicy(setting, variants=["large", "tiny"])
    assert policy.act(_observed(setting, 25.0, replicas=3)).tolist() == [1, 0, 2, 0, 0, 1]
    switching = {"variant": 0, "target_variant": 1, "replicas": 3, "starting": 3}
    assert policy.act(_observed(setting, 25.0, **switching)).tolist() == [1, 0, 2, 0, 0, 1]
    # large at batch 1 carries 5: threshold 4, 25 / 4 -> 7.
    switched = {"variant": 1, "target_variant": 1, "replicas": 3}
    assert policy.act(_observed(setting, 25.0, **switched)).tolist() == [1, 0, 6, 0, 0, 1]


def test_copies_and_episodes_do_not_share_memory(setting: Setting) -> None:
    policy = KEDAPolicy(setting, stabilization=20.0)
    _run(policy, setting, [40.0], 2)
    other = copy.deepcopy(policy)
    assert _run(other, setting, [0.0, 0.0], 5) == [5, 1]
    assert _run(policy, setting, [0.0], 5) == [5]
    policy.reset()
    assert _run(policy, setting, [8.0] * 3, 3) == [3, 3, 1]


def test_the_card_holds_the_defaults_and_says_where_they_come_from() -> None:
    card, parameters = load_agent_card("keda"), KEDAPolicy.PARAMETERS
    assert card.parameters == {name: parameter.default for name, parameter in parameters.items()}
    assert set(card.sources) == set(parameters)


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold_percent", 0), ("rate_window", 9), ("rate_window", 121), ("rate_window", 60.5)],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        checked(KEDAPolicy.PARAMETERS, {name: value}, where="parameters")


def test_the_contract_of_a_policy_holds(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("keda", toy_env), toy_env)
