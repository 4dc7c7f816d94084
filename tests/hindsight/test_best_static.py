"""`best-static`: the best of all configurations that can be held, in an episode whose future is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ipa_gym.hindsight.best_static import search_held
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.hindsight.useful import Neighbours
from tests.conftest import toy_pipeline
from tests.hindsight.conftest import wave_settings


@pytest.mark.parametrize(("mean_rps", "start"), [(3.0, 0), (12.0, 100), (16.0, 60)])
def test_no_configuration_at_all_earns_more(mean_rps: float, start: int) -> None:
    settings = wave_settings(mean_rps, pipeline=toy_pipeline(replica_cap=4, batch_cap=2), episode_s=60)
    stage = list(product(range(2), range(2), range(4)))
    every = np.array([(*first, *second) for first in stage for second in stage])
    earned = Rehearsal(settings, start=start, seed=5).earned(np.repeat(every[:, None], 6, axis=1))
    found = search_held(settings, start, 5, rungs=12)
    assert len(every) == 256
    assert found.reward_mean * 6 == pytest.approx(earned.max(), abs=1e-12)
    assert len(np.unique(found.plan, axis=0)) == 1


def test_neighbours_differ_in_one_stage_and_carry_as_much_with_another_variant() -> None:
    near = Neighbours(toy_pipeline()).of(np.array([0, 0, 5, 0, 0, 1]))  # 6 x small at 10 rps each, 2 x tiny
    found = {tuple(row) for row in near.tolist()}
    assert {(0, 0, 6, 0, 0, 1), (0, 0, 3, 0, 0, 1), (0, 0, 5, 0, 0, 0)} <= found
    assert (1, 0, 9, 0, 0, 1) not in found  # 12 x large would be needed: above the cap of 10
    assert (0, 1, 4, 0, 0, 1) in found  # batches of 2: 13.3 rps a replica, so 5 of them
    assert all(row[:3] == (0, 0, 5) or row[3:] == (0, 0, 1) for row in found)
