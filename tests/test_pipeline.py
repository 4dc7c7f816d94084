"""Pipeline values: latency between profiled sizes, limits, cost and objective, by hand."""

import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.pipeline import Configuration, StageConfiguration


def test_latency_is_linear_between_profiled_sizes(toy) -> None:
    small = toy.stages[0].variants[0]
    assert small.batch_latency_s(3) == pytest.approx(0.20)  # halfway between 0.15 at 2 and 0.25 at 4
    assert small.batch_latency_s(7) == pytest.approx(0.40)  # three quarters from 0.25 at 4 to 0.45 at 8
    assert small.throughput_rps(4) == pytest.approx(16.0)


def test_latency_outside_the_profile_is_refused(toy) -> None:
    with pytest.raises(OptionError, match="batch of 9; profiled are 1 to 8"):
        toy.stages[0].variants[0].batch_latency_s(9)


def test_cost_and_objective_of_a_configuration(toy) -> None:
    configuration = Configuration((StageConfiguration(1, 2, 3), StageConfiguration(0, 1, 2)))
    assert toy.cost_cores(configuration) == 8.0  # 3 x 2 cores + 2 x 1 core
    assert toy.objective_value(configuration) == pytest.approx(10 * 0.8 * 0.6 - 0.5 * 8 - 3e-6)


def test_batch_cap_beyond_the_profile_is_refused(toy) -> None:
    assert toy.with_limits(batch_cap=8).batch_sizes == (1, 2, 4, 8)
    with pytest.raises(OptionError, match="batch_cap is 16; expected a power of two from 1 to 8"):
        toy.with_limits(batch_cap=16)
    with pytest.raises(OptionError, match="batch_cap is 3"):
        toy.with_limits(batch_cap=3)


def test_unknown_variant_suggests_the_nearest(toy) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'small'"):
        toy.stages[0].variant_index("smal")
