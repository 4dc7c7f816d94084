"""`LoadMargins`: at zero it is IPA, and each of its numbers does what its name says, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ipa_gym.errors import OptionError
from ipa_gym.policies import Setting
from ipa_gym.policies.ipa import IPAPolicy
from ipa_gym.policies.load_margins import LoadMargins
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, seen, stage_seen

LOADS_RPS = (0.0, 1.0, 4.0, 9.0, 14.0, 20.0, 28.0)
NOTHING = np.zeros((1, 4))


def observed(setting: Setting, forecast_rps: float, *, variants: tuple[int, int] = (0, 0)) -> np.ndarray:
    stages = [stage_seen(target_variant=variant, variant=variant) for variant in variants]
    return seen(setting, *stages, forecast_rps=forecast_rps).reshape(1, -1)


def levers(correction: float = 0.0, first: float = 0.0, second: float = 0.0, reluctance: float = 0.0) -> np.ndarray:
    return np.array([[correction, first, second, reluctance]])


@pytest.mark.parametrize("load_rps", LOADS_RPS)
def test_all_zero_is_ipas_decision(setting: Setting, load_rps: float) -> None:
    observation = observed(setting, load_rps)
    expected = IPAPolicy(setting, solver="highs").act(observation[0])
    assert LoadMargins(setting, span=1.6).act_many(observation, NOTHING)[0].tolist() == expected.tolist()


def test_factors_are_powers_of_the_span(setting: Setting) -> None:
    """10 requests/s, span 4: a correction of 1/2 doubles both loads, a margin of -1/2 halves its stage's."""
    margins = LoadMargins(setting, span=4.0)
    observation = observed(setting, 10.0)
    np.testing.assert_allclose(margins.rates_rps(observation, levers()), [[10.0, 10.0]])
    np.testing.assert_allclose(margins.rates_rps(observation, levers(correction=0.5)), [[20.0, 20.0]])
    np.testing.assert_allclose(margins.rates_rps(observation, levers(first=0.5)), [[20.0, 10.0]])
    np.testing.assert_allclose(margins.rates_rps(observation, levers(second=-0.5)), [[10.0, 5.0]])
    np.testing.assert_allclose(margins.rates_rps(observation, levers(0.5, 0.5, -1.0)), [[40.0, 5.0]])


def test_numbers_are_cut_to_one(setting: Setting) -> None:
    margins = LoadMargins(setting, span=2.0)
    found = margins.rates_rps(observed(setting, 10.0), levers(correction=50.0, first=-3.0, second=7.0))
    np.testing.assert_allclose(found, [[10.0, 40.0]])


def test_a_margin_changes_its_own_stage(setting: Setting) -> None:
    """A replica of tiny serves 20 requests/s: enough for 18, too few for 1.6 · 18."""
    margins = LoadMargins(setting, span=1.6)
    observation = observed(setting, 18.0)
    base = margins.act_many(observation, levers())[0]
    second = margins.act_many(observation, levers(second=1.0))[0]
    assert second[:3].tolist() == base[:3].tolist()
    assert second[3:].tolist() != base[3:].tolist()
    both = margins.act_many(observation, levers(correction=1.0))[0]
    assert both[:3].tolist() != base[:3].tolist()
    assert both[3:].tolist() == second[3:].tolist()


def test_reluctance_keeps_variants_as_long_as_the_optimum_leads_by_less(setting: Setting) -> None:
    """At 7 requests/s one replica each carries both; rho / 10 is 2.

    The optimum is large and tiny, 10 · 0.8 · 0.6 − 0.5 · (2 + 1) = 3.3; small and tiny give 3.0 − 0.5 · 2 = 2.0. The
    lead of 1.3 is 0.65 of 2.
    """
    margins = LoadMargins(setting, span=1.6)
    observation = observed(setting, 7.0, variants=(0, 0))
    for reluctance, expected in ((-1.0, [1, 0]), (0.0, [1, 0]), (0.64, [1, 0]), (0.66, [0, 0]), (1.0, [0, 0])):
        action = margins.act_many(observation, levers(reluctance=reluctance))[0]
        assert action[[0, 3]].tolist() == expected
        assert action[[2, 5]].tolist() == [0, 0]


def test_reluctance_changes_nothing_where_the_variants_cannot_carry_the_load() -> None:
    """Ten replicas of big serve 10 · 4 / 1.0 = 40 requests/s, fewer than 45; the reluctance is worth 1000."""
    objective = replace(toy_pipeline().objective, rho=10_000.0)
    margins = LoadMargins(make_setting(toy_pipeline(objective=objective)), span=1.6)
    setting = make_setting(toy_pipeline())
    for load_rps, stays in ((35.0, True), (45.0, False)):
        observation = observed(setting, load_rps, variants=(0, 1))
        kept = margins.act_many(observation, levers(reluctance=1.0))[0]
        best = margins.act_many(observation, levers())[0]
        assert bool(kept[3] == 1) is stays
        assert np.array_equal(kept, best) is not stays


def test_many_are_the_same_as_one_by_one(setting: Setting) -> None:
    margins = LoadMargins(setting, span=1.6)
    generator = np.random.default_rng(4)
    pairs = [tuple(pair) for pair in generator.integers(0, 2, size=(40, 2)).tolist()]
    loads = generator.uniform(0, 20, 40)
    observations = np.concatenate([observed(setting, f, variants=v) for f, v in zip(loads, pairs, strict=True)])
    outputs = generator.uniform(-1, 1, size=(40, 4))
    found = margins.act_many(observations, outputs)
    single = [margins.act_many(observations[i : i + 1], outputs[i : i + 1])[0] for i in range(40)]
    np.testing.assert_array_equal(found, single)
    assert len(np.unique(found, axis=0)) > 5


@pytest.mark.parametrize("span", [1.0, 0.5, float("nan"), float("inf")])
def test_a_span_that_is_no_factor_above_one_is_refused(setting: Setting, span: float) -> None:
    with pytest.raises(OptionError, match="span is"):
        LoadMargins(setting, span=span)
