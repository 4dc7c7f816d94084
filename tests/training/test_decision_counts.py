"""Histograms of decisions: the counts of hand-made actions, in buckets centred on whole numbers."""

from __future__ import annotations

import numpy as np

from ipa_gym.action import ActionLayout
from ipa_gym.training.decision_counts import DecisionCounts, Histogram
from tests.conftest import toy_pipeline


def by_tag(counts: DecisionCounts) -> dict[str, dict[int, int]]:
    """Stage and part -> value -> how often, where it was decided."""
    return {h.tag: {int(v): int(n) for v, n in zip(h.values, h.counts, strict=True) if n} for h in counts.histograms()}


def test_decisions_are_counted_stage_by_stage_in_natural_units() -> None:
    counts = DecisionCounts(ActionLayout(toy_pipeline()))  # variants 2, batches 1, 2, 4, replicas 1 to 10
    counts.add(np.array([[1, 0, 0, 0, 2, 9], [1, 2, 3, 0, 2, 3]]))
    counts.add(np.array([[0, 2, 3, 0, 1, 9]]))
    assert by_tag(counts) == {
        "1-detect/variant": {0: 1, 1: 2},
        "1-detect/batch": {1: 1, 4: 2},
        "1-detect/replicas": {1: 1, 4: 2},
        "2-classify/variant": {0: 3},
        "2-classify/batch": {2: 1, 4: 2},
        "2-classify/replicas": {4: 1, 10: 2},
    }


def test_clear_forgets() -> None:
    counts = DecisionCounts(ActionLayout(toy_pipeline()))
    counts.add(np.array([[1, 0, 0, 0, 2, 9]]))
    counts.clear()
    counts.add(np.array([[0, 1, 0, 1, 2, 9]]))
    assert by_tag(counts)["1-detect/variant"] == {0: 1}
    assert by_tag(counts)["1-detect/batch"] == {2: 1}


def test_buckets_are_centred_on_whole_numbers_between_the_decided_ones() -> None:
    edges, counts = Histogram("x", np.array([1, 2, 4, 8]), np.array([0, 5, 0, 3])).buckets()
    assert edges.tolist() == [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5]
    assert counts.tolist() == [5, 0, 0, 0, 0, 0, 3]
