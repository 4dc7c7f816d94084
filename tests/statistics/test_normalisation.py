"""The scale of scores."""

from __future__ import annotations

import math

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.statistics import Scale


def test_zero_and_one_are_the_anchors_and_it_is_linear_beyond() -> None:
    scale = Scale(zero=-400.0, one=-5.0)
    assert scale.score([-400.0, -5.0, -202.5, 390.0, -795.0]).tolist() == [0.0, 1.0, 0.5, 2.0, -1.0]
    assert scale.score([[-5.0], [-400.0]]).shape == (2, 1)


@pytest.mark.parametrize(
    ("zero", "one"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf), (0.1, 0.1 + 1e-16)]
)
def test_anchors_that_span_nothing_are_an_error(zero: float, one: float) -> None:
    with pytest.raises(OptionError, match="1 above 0"):
        Scale(zero, one)
