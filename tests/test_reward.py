"""Reward terms and time-averaged accuracy, worked by hand."""

import pytest

from ipa_gym.queueing.simulator import IntervalOutcome
from ipa_gym.reward import reward_terms, served_accuracy
from tests.conftest import make_outcome

NAN = float("nan")


def outcome(before: list[int], after: list[int], switch_s: list[float]) -> IntervalOutcome:
    return make_outcome(variant_before=before, variant=after, switch_s=switch_s)


def test_accuracy_is_averaged_over_the_pieces_between_switches(toy) -> None:
    # 0-2 s: 0.5 x 0.6, 2-5 s: 0.8 x 0.6, 5-10 s: 0.8 x 0.9
    served = served_accuracy(toy, outcome([0, 0], [1, 1], [22.0, 25.0]), start_s=20.0, interval_s=10.0)
    assert served.pas == pytest.approx(0.2 * 0.30 + 0.3 * 0.48 + 0.5 * 0.72)


def test_rank_product_is_averaged_not_multiplied_from_averages(toy) -> None:
    # Each stage is best for half of the time, but never both at once for more than the last 5 s.
    served = served_accuracy(toy, outcome([0, 1], [1, 1], [25.0, NAN]), start_s=20.0, interval_s=10.0)
    assert served.pas == pytest.approx(0.5 * 0.45 + 0.5 * 0.72)


def test_a_switch_at_the_start_counts_from_the_start(toy) -> None:
    served = served_accuracy(toy, outcome([0, 0], [1, 0], [20.0, NAN]), start_s=20.0, interval_s=10.0)
    assert served.pas == pytest.approx(0.48)


def test_terms_are_weighed_and_summed(toy) -> None:
    terms = reward_terms(toy, accuracy=0.5, cost_cores=6.0, batch_sum=3, violations=4, expected_requests=80.0)
    assert terms.accuracy == pytest.approx(5.0)
    assert terms.cost == pytest.approx(-3.0)
    assert terms.batch == pytest.approx(-3e-6)
    assert terms.violations == pytest.approx(-1.0)  # rho 20 x 4 / 80
    assert terms.objective == pytest.approx(2.0 - 3e-6)
    assert terms.total == pytest.approx(1.0 - 3e-6)


def test_expected_requests_count_at_least_one(toy) -> None:
    terms = reward_terms(toy, accuracy=0, cost_cores=0, batch_sum=0, violations=2, expected_requests=0.1)
    assert terms.violations == pytest.approx(-40.0)
