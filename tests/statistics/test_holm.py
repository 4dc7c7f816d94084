"""Holm's correction against hand arithmetic, statsmodels, and what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from ipa_gym.errors import OptionError
from ipa_gym.statistics import holm


def test_four_p_values_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; the last is raised to 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_it_ends_at_one_and_leaves_a_single_one_alone() -> None:
    assert holm([0.7, 0.6]).tolist() == [1.0, 1.0]
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


def test_a_hypothesis_that_was_not_tested_does_not_count() -> None:
    found = holm([math.nan, 0.02, 0.01])
    assert math.isnan(found[0])
    assert found[1:].tolist() == [0.02, 0.02]


def test_it_is_statsmodels() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 5, 12, 40):
        p_values = np.round(rng.random(n) ** 3, 2)  # small ones, and ties
        assert holm(p_values).tolist() == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_one_false_rejection_in_twenty_families_at_most() -> None:
    """Five true hypotheses a family: any is rejected with probability 1 − 0.99⁵ = 4.9 %; uncorrected in 23 %."""
    families = np.random.default_rng(2).random((4000, 5))
    rejected = np.mean([(holm(family) < 0.05).any() for family in families])
    assert abs(rejected - 0.049) < 4 * math.sqrt(0.049 * 0.951 / 4000)


def test_what_is_no_probability_is_an_error() -> None:
    with pytest.raises(OptionError, match=r"1\.2"):
        holm([0.1, 1.2])
    with pytest.raises(OptionError, match="expected a list"):
        holm([[0.1], [0.2]])
