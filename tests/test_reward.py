"""Reward terms and time-averaged accuracy, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.env import PipelineEnv
from ipa_gym.pipeline import Pipeline
from ipa_gym.reward import RewardTerms, served_accuracy, weigh, weights_of
from ipa_gym.stepping.arrays import World
from ipa_gym.workload.trace import Trace

NAN = float("nan")


def world(pipeline: Pipeline) -> World:
    return PipelineEnv(pipeline, Trace("flat", np.full(10, 1)), episode_s=10)._fleet._world


def served(
    pipeline: Pipeline, before: list[int], after: list[int], switch_s: list[float], *, measure: str = "product"
) -> tuple[float, float]:
    """(A, PAS) of the interval from 20 to 30 s."""
    of, index = world(pipeline), ACCURACY_MEASURES.index(measure)  # type: ignore[arg-type]  # a literal
    variants = np.array(before), np.array(after)
    return served_accuracy(of.accuracy, of.rank, index, *variants, np.array(switch_s), 20.0, 30.0)


def test_accuracy_is_averaged_over_the_pieces_between_switches(toy) -> None:
    # 0-2 s: 0.5 x 0.6, 2-5 s: 0.8 x 0.6, 5-10 s: 0.8 x 0.9
    expected = pytest.approx(0.2 * 0.30 + 0.3 * 0.48 + 0.5 * 0.72)
    assert served(toy, [0, 0], [1, 1], [22.0, 25.0]) == (expected, expected)


def test_the_order_of_the_stages_does_not_matter_to_the_pieces(toy) -> None:
    # 0-2 s: 0.5 x 0.6, 2-5 s: 0.5 x 0.9, 5-10 s: 0.8 x 0.9
    assert served(toy, [0, 0], [1, 1], [25.0, 22.0])[1] == pytest.approx(0.2 * 0.30 + 0.3 * 0.45 + 0.5 * 0.72)


def test_switches_at_one_instant_make_one_cut(toy) -> None:
    assert served(toy, [0, 0], [1, 1], [22.5, 22.5])[1] == pytest.approx(0.25 * 0.30 + 0.75 * 0.72)


def test_rank_product_is_averaged_not_multiplied_from_averages(toy) -> None:
    # Stage 0 is best from 5 s on, stage 1 until then: never both. The averages' product would be 0.25.
    assert served(toy, [0, 1], [1, 0], [25.0, 25.0], measure="rank_product")[0] == 0.0
    assert served(toy, [0, 1], [1, 1], [25.0, NAN], measure="rank_product")[0] == 0.5


def test_rank_sum_adds_the_ranks_of_each_piece_and_leaves_pas_a_product(toy) -> None:
    # ranks 0 + 1 for 2.5 s, then 1 + 1; accuracies 0.5 x 0.9, then 0.8 x 0.9
    measure, pas = served(toy, [0, 1], [1, 1], [22.5, NAN], measure="rank_sum")
    assert measure == pytest.approx(0.25 * 1 + 0.75 * 2)
    assert pas == pytest.approx(0.25 * 0.45 + 0.75 * 0.72)


def test_a_switch_at_the_start_counts_from_the_start(toy) -> None:
    assert served(toy, [0, 0], [1, 0], [20.0, NAN])[1] == pytest.approx(0.48)


def test_without_a_switch_the_serving_variants_count_for_all_of_it(toy) -> None:
    assert served(toy, [1, 1], [1, 1], [NAN, NAN])[1] == pytest.approx(0.72)


def test_terms_are_weighed_and_summed(toy) -> None:
    terms = RewardTerms(*weigh(weights_of(toy.objective), 0.5, 6.0, 3, 4, 80.0))
    assert terms.accuracy == pytest.approx(5.0)
    assert terms.cost == pytest.approx(-3.0)
    assert terms.batch == pytest.approx(-3e-6)
    assert terms.violations == pytest.approx(-1.0)  # rho 20 x 4 / 80
    assert terms.objective == pytest.approx(2.0 - 3e-6)
    assert terms.total == pytest.approx(1.0 - 3e-6)


def test_expected_requests_count_at_least_one(toy) -> None:
    assert weigh(weights_of(toy.objective), 0.0, 0.0, 0, 2, 0.1)[3] == pytest.approx(-40.0)
