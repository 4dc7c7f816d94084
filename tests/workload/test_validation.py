"""The training seconds parted into what is learned from and what is chosen by."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.errors import TraceError
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace
from ipa_gym.workload.validation import with_validation

DAY_S = 86_400


def parted(n_seconds: int, **splits: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return dict(with_validation(Trace("mine", np.ones(n_seconds, dtype=np.int64), splits)).splits)


def test_twitter_like_learns_on_days_1_to_12_and_chooses_on_13_and_14() -> None:
    trace = load_trace("twitter-like")
    found = with_validation(trace)
    assert found.splits["fit"] == (0, 12 * DAY_S)
    assert found.splits["validation"] == (12 * DAY_S, 14 * DAY_S)
    assert {name: found.splits[name] for name in trace.splits} == dict(trace.splits)
    assert found.counts is trace.counts or (found.counts == trace.counts).all()


def test_validation_is_the_last_seventh_in_whole_days_where_it_has_days() -> None:
    assert parted(10 * DAY_S)["validation"] == (9 * DAY_S, 10 * DAY_S)  # 1.43 days
    assert parted(11 * DAY_S)["validation"] == (9 * DAY_S, 11 * DAY_S)  # 1.57 days
    assert parted(6 * DAY_S)["validation"] == (444_343, 518_400)  # less than a day: 74,057 s
    short = parted(1000, train=(100, 800), test=(800, 1000))
    assert short["fit"] == (100, 700)
    assert short["validation"] == (700, 800)


def test_splits_of_the_card_stay_and_a_trace_too_short_is_an_error() -> None:
    own = {"fit": (0, 10), "validation": (10, 12)}
    assert {name: parted(100, **own)[name] for name in own} == own
    with pytest.raises(TraceError, match="6 training seconds; expected at least 7"):
        parted(6)
