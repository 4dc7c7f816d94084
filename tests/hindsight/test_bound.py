"""`reward_bound`: above every plan there is, and as low as closed forms where there are any."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from ipa_gym.errors import OptionError
from ipa_gym.evaluation.play import play_agent
from ipa_gym.hindsight.bound import reward_bound
from ipa_gym.hindsight.oracle import Effort, search_plan
from ipa_gym.hindsight.rehearsal import Rehearsal
from ipa_gym.policies import load_agent_card
from ipa_gym.settings import EnvSettings
from ipa_gym.workload.trace import Trace
from tests.conftest import toy_pipeline
from tests.hindsight.conftest import one_variant_pipeline, random_plan, wave_settings

SMALL = Effort(rungs=8, beam=32, per_configuration=4, passes=4, reach=2)


def _drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Arguments of an environment, any that make a difference."""
    return {
        "mean_rps": float(rng.choice([0.2, 3.0, 12.0, 25.0])),
        "interval": float(rng.choice([5.0, 10.0, 20.0])),
        "service_cv": float(rng.choice([0.0, 0.5])),
        "service_scale": float(rng.choice([0.5, 1.0, 2.0])),
        "startup_scale": float(rng.choice([0.0, 0.5, 1.0, 2.0, 4.0])),
        "batch_cap": int(rng.choice([1, 4])),
        "reward": {
            "alpha": float(rng.choice([1.0, 10.0, 50.0])),
            "rho": float(rng.choice([0.0, 1.0, 20.0, 100.0])),
            "accuracy_measure": str(rng.choice(["product", "rank_sum", "rank_product"])),
        },
    }


@pytest.mark.parametrize("case", range(12))
def test_no_plan_earns_more_than_the_bound_and_no_policy_more_than_the_oracle(case: int) -> None:
    rng = np.random.default_rng(case)
    settings, start = wave_settings(**_drawn(rng)), int(rng.integers(280))
    bound = reward_bound(settings, start=start, seed=case, cells=int(rng.integers(1, 4)))
    oracle = search_plan(settings, start, case, SMALL).reward_mean
    anything = np.array([random_plan(settings, rng) for _ in range(50)])
    earned = Rehearsal(settings, start=start, seed=case).earned(anything) / settings.n_intervals
    cards = [load_agent_card(name) for name in ("ipa-perfect", "ipa-exact", "fa2-low", "hpa", "best-static")]
    starts = np.array([start])
    others = [play_agent(settings, card, starts, seed=case - start).metric("reward_mean")[0] for card in cards]
    assert bound >= oracle
    assert bound >= earned.max()
    assert oracle >= max([*others, earned.max()]) - 1e-9


def test_where_one_replica_carries_everything_the_bound_is_what_it_earns() -> None:
    settings = wave_settings(pipeline=one_variant_pipeline(), trace=Trace("little", np.full(200, 2)))
    assert reward_bound(settings, start=0, seed=0) == pytest.approx(10 * 0.5 - 0.5 * 2, abs=1e-4)


def test_a_steady_load_costs_the_work_that_it_asks_for() -> None:
    """25 rps of 0.1 s each for 118 of 120 s (the last 2 s, the SLA, may be left undone): 295 replica-seconds."""
    trace = Trace("steady", np.full(200, 25))
    settings = wave_settings(pipeline=one_variant_pipeline(), trace=trace, arrivals="even", startup_scale=0.0)
    expected = 10 * 0.5 - 0.5 * 2 * 295 / 120
    assert reward_bound(settings, start=0, seed=0, cells=10) == pytest.approx(expected, abs=2e-3)


def test_requests_are_left_out_where_serving_them_costs_more_than_the_penalty() -> None:
    """A request costs 0.1 s of 2 cores: 0.01 of an interval's reward; with rho / 250 below that, one replica stays."""
    trace = Trace("steady", np.full(200, 25))
    changes: dict[str, Any] = {"arrivals": "even", "startup_scale": 0.0, "reward": {"rho": 1.0}}
    settings = wave_settings(pipeline=one_variant_pipeline(), trace=trace, **changes)
    left_out = 25 * 118 - 1200  # in 120 s one replica serves 1,200
    expected = 10 * 0.5 - 0.5 * 2 - 1.0 * left_out / 250 / 12
    assert reward_bound(settings, start=0, seed=0, cells=10) == pytest.approx(expected, abs=2e-3)


def test_requests_that_the_end_meets_younger_than_the_sla_are_free_in_every_stage() -> None:
    """300 requests in second 118 of 120: none is older than the SLA of 2 s at the end, and nobody need serve them.

    Were those due in the first stage that the second, of 0.5 s, could not end in time, they would have to be paid for.
    """
    counts = np.zeros(200, dtype=np.int64)
    counts[118] = 300
    settings = wave_settings(trace=Trace("late", counts), arrivals="even", service_scale=10.0)
    earned = search_plan(settings, 0, 0, SMALL).reward_mean
    assert earned > 4.4  # 10 · 0.8 · 0.9 for the accurate variants, less 0.5 for each of 5 cores: 4.7 without the start
    assert reward_bound(settings, start=0, seed=0) >= earned


def _naive_bound(settings: EnvSettings, n_requests: int) -> float:
    """Shares of time of the toy's combinations, a replica each at least, and fluid work whenever it likes: batch 1."""
    stages, objective = settings.pipeline.stages, settings.pipeline.objective
    seconds = settings.episodes.episode_s
    combinations = list(product(range(2), range(2)))
    accuracy = [settings.pipeline.accuracy_value(chosen) for chosen in combinations]
    cores = [variant.cores / seconds for stage in stages for variant in stage.variants]
    gain = [objective.alpha * value for value in accuracy] + [-objective.beta * value for value in cores]
    rows, limits = [], []
    for place, (stage, variant) in enumerate(combinations):
        members = [float(chosen[stage] == variant) * seconds for chosen in combinations]
        rows.append([*members, *(-float(i == place) for i in range(4))])
        limits.append(0.0)
    for index, stage_values in enumerate(stages):
        speed = [1 / variant.latency_s[0] for variant in stage_values.variants]
        rows.append([0.0] * 4 + [-value * (i // 2 == index) for i, value in enumerate(speed * 2)])
        limits.append(-float(n_requests))
    found = linprog(-np.array(gain), A_ub=rows, b_ub=limits, A_eq=[[1.0] * 4 + [0.0] * 4], b_eq=[1.0])
    return float(-found.fun)


def test_it_is_well_below_the_bound_that_forgets_when_requests_come_and_replicas_start() -> None:
    settings = wave_settings(20.0, pipeline=toy_pipeline(batch_cap=1))
    rehearsal = Rehearsal(settings, start=0, seed=1)
    naive = _naive_bound(settings, int(rehearsal.counts[:-2].sum()))
    assert reward_bound(settings, start=0, seed=1) < naive - 0.4


def test_a_pipeline_of_too_many_combinations_is_refused() -> None:
    stage = toy_pipeline().stages[0]
    with pytest.raises(OptionError, match=r"has 1024 combinations of variants .* expected at most 1000 combinations"):
        reward_bound(wave_settings(pipeline=toy_pipeline(stages=(stage,) * 10)), start=0, seed=0)
