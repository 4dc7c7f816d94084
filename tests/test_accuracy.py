"""Accuracy measures against hand arithmetic."""

import pytest

from ipa_gym.accuracy import pas, scaled_ranks


def test_ranks_are_evenly_spaced_whatever_the_gaps() -> None:
    assert scaled_ranks([45.7, 68.9, 56.8]) == (0.0, 1.0, 0.5)


def test_a_single_variant_counts_one() -> None:
    assert scaled_ranks([99.59]) == (1.0,)


def test_equal_accuracies_share_a_rank() -> None:
    assert scaled_ranks([50.0, 50.0, 70.0]) == (0.0, 0.0, 1.0)


def test_pas_is_the_product_of_fractions() -> None:
    assert pas([45.7, 69.75]) == pytest.approx(0.31875750)  # the paper's 31.88 for the cheapest video pipeline


def test_measures_of_a_pipeline(toy) -> None:
    assert toy.accuracy_value((1, 0), "product") == pytest.approx(0.48)
    assert toy.accuracy_value((1, 0), "rank_sum") == 1.0
    assert toy.accuracy_value((1, 0), "rank_product") == 0.0
    assert toy.accuracy_value((1, 1), "rank_product") == 1.0
