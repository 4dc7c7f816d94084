"""Synthetic problems: better variants are slower and dearer, and the SLA is the stated multiple."""

from __future__ import annotations

import numpy as np
import pytest

from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.optimizer.synthetic import synthetic_problem


def test_better_variants_are_slower_and_dearer_and_the_sla_binds() -> None:
    problem = synthetic_problem(
        np.random.default_rng(3), n_stages=4, n_variants=5, n_batches=3, measure="product", sla_factor=0.8
    )
    for stage in problem.pipeline.stages:
        for quantity in ("accuracy", "cores"):
            values = [getattr(variant, quantity) for variant in stage.variants]
            assert values == sorted(values)
        first_s = [variant.latency_s[0] for variant in stage.variants]
        assert first_s == sorted(first_s)
        assert all(len(variant.batch_sizes) == 3 for variant in stage.variants)
    mean_s = sum(sum(v.latency_s[0] for v in stage.variants) / 5 for stage in problem.pipeline.stages)
    assert problem.pipeline.sla_s == pytest.approx(0.8 * mean_s)
    assert problem.pipeline.batch_cap == 4


def test_what_there_is_no_problem_of_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UnknownNameError, match="Did you mean 'product'"):
        synthetic_problem(rng, n_stages=1, n_variants=1, n_batches=1, measure="produkt")
    with pytest.raises(OptionError, match="0 x 1 x 1; expected at least 1 of each"):
        synthetic_problem(rng, n_stages=0, n_variants=1, n_batches=1, measure="product")
