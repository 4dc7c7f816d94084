"""The load that agents learn on: of the fit days alone, at every scale."""

from __future__ import annotations

import numpy as np

from ipa_gym.training.windows import learning_trace
from ipa_gym.workload.loading import load_trace
from ipa_gym.workload.trace import Trace
from ipa_gym.workload.validation import with_validation

FIT, VALIDATION, TEST = (0, 6000), (6000, 7000), (7000, 10_000)


def marked_trace() -> Trace:
    """Fit seconds have 1 to 9 requests, validation 1000, test 2000."""
    counts = np.random.default_rng(0).integers(1, 10, size=10_000)
    counts[slice(*VALIDATION)], counts[slice(*TEST)] = 1000, 2000
    return Trace("marked", counts, splits={"train": (0, 7000), "test": TEST})


def test_no_second_of_validation_or_test_is_in_it() -> None:
    trace = marked_trace()
    assert with_validation(trace).split_range("validation") == VALIDATION
    found = learning_trace(trace, (0.5, 1.0, 3.0))
    assert len(found.counts) == 3 * 6000
    assert found.counts.max() <= 27
    assert set(found.splits) == {"all"}


def test_the_shipped_traces_validation_and_test_days_are_not_in_it() -> None:
    trace = load_trace("twitter-like")
    fit_s = 12 * 86_400
    found = learning_trace(trace, (1.0,))
    np.testing.assert_array_equal(found.counts, trace.counts[:fit_s])
    assert with_validation(trace).split_range("validation") == (fit_s, fit_s + 2 * 86_400)
    assert trace.split_range("test")[0] >= fit_s + 2 * 86_400


def test_each_copy_has_the_scaled_mean_and_rounds_to_a_neighbour() -> None:
    trace, scales = marked_trace(), (0.7, 1.0, 1.3)
    fit = trace.counts[slice(*FIT)]
    copies = learning_trace(trace, scales).counts.reshape(3, -1)
    for scale, copy in zip(scales, copies, strict=True):
        assert np.abs(copy - fit * scale).max() < 1
        error = 0.5 / np.sqrt(len(fit))  # rounding a fraction f has the variance f (1 - f), at most 1/4
        assert abs(copy.mean() - scale * fit.mean()) < 4 * error
    np.testing.assert_array_equal(copies[1], fit)
    assert copies.dtype == fit.dtype


def test_it_is_the_same_every_time() -> None:
    first, second = (learning_trace(marked_trace(), (0.7, 1.15)) for _ in range(2))
    np.testing.assert_array_equal(first.counts, second.counts)
