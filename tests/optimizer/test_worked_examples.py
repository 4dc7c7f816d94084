"""Small cases worked by hand, for every solver: optimum, each level of the tie-break, fixed variants and replicas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from ipa_gym.accuracy import AccuracyMeasure
from ipa_gym.optimizer.brute_force import solve_brute_force
from ipa_gym.optimizer.exact_solver import solve_exact
from ipa_gym.optimizer.problem import Problem, Solution
from ipa_gym.optimizer.pulp_solver import solve_pulp
from ipa_gym.optimizer.synthetic import make_pipeline, make_variant
from ipa_gym.pipeline import Configuration, Objective, Pipeline, StageConfiguration, Variant

Solve = Callable[[Problem], Solution]
SOLVERS: list[Solve] = [solve_brute_force, solve_exact, solve_pulp, partial(solve_pulp, solver="cbc")]


@pytest.fixture(params=SOLVERS, ids=["brute-force", "exact", "highs", "cbc"])
def solve(request: pytest.FixtureRequest) -> Solve:
    found: Solve = request.param
    return found


def weights(
    *, alpha: float = 10.0, beta: float = 0.0, delta: float = 0.0, measure: AccuracyMeasure = "product"
) -> Objective:
    return Objective(alpha=alpha, beta=beta, delta=delta, rho=0.0, accuracy_measure=measure)


def hand(*, alpha: float, sla_s: float = 2.0) -> Pipeline:
    """At 4 rps: small 2 replicas (2 cores, 0.5 s), large 4 (12 cores, 1 s); behind them 1 replica (2 cores, 0.25 s)."""
    small = make_variant("small", accuracy=50.0, cores=1.0, latency_s=(0.5,))
    large = make_variant("large", accuracy=80.0, cores=3.0, latency_s=(1.0,))
    last = make_variant("last", accuracy=90.0, cores=2.0, latency_s=(0.25,))
    return make_pipeline(((small, large), (last,)), sla_s=sla_s, objective=weights(alpha=alpha, beta=0.5))


def configuration(*stages: tuple[int, int, int]) -> Configuration:
    return Configuration(tuple(StageConfiguration(*stage) for stage in stages))


SMALL = configuration((0, 1, 2), (0, 1, 1))
LARGE = configuration((1, 1, 4), (0, 1, 1))


@pytest.mark.parametrize(
    ("alpha", "sla_s", "expected", "objective"),
    [
        (10.0, 2.0, SMALL, 2.5),  # 10 * 0.45 - 0.5 * 4 = 2.5 against 10 * 0.72 - 0.5 * 14 = 0.2
        (40.0, 2.0, LARGE, 21.8),  # 40 * 0.72 - 7 = 21.8 against 40 * 0.45 - 2 = 16
        (40.0, 1.25, LARGE, 21.8),  # 1 s + 0.25 s: exactly the SLA
        (40.0, 1.24, SMALL, 16.0),
    ],
)
def test_two_stages_by_hand(
    solve: Solve, alpha: float, sla_s: float, expected: Configuration, objective: float
) -> None:
    solution = solve(Problem(hand(alpha=alpha, sla_s=sla_s), 4.0))
    assert solution.feasible
    assert solution.configuration == expected
    assert solution.objective == pytest.approx(objective, abs=1e-12)


def test_batch_pays_when_it_saves_a_replica_and_waits_within_the_sla(solve: Solve) -> None:
    """At 4 rps batch 1 needs 4 replicas; batch 2 (1.2 s, 1.67 rps) needs 3 and takes 1.2 + 1/4 = 1.45 s."""
    stage = (make_variant("only", accuracy=50.0, cores=1.0, latency_s=(1.0, 1.2)),)
    pipeline = make_pipeline((stage,), batch_cap=2, sla_s=1.45, objective=weights(beta=1.0, delta=1e-6))
    assert solve(Problem(pipeline, 4.0)).configuration == configuration((0, 2, 3))
    assert solve(Problem(replace(pipeline, sla_s=1.44), 4.0)).configuration == configuration((0, 1, 4))


def test_delta_of_a_millionth_decides(solve: Solve) -> None:
    """At 2 rps and one replica: the more accurate variant must batch, gaining 10 * 4e-8 = 4e-7 and paying 1e-6."""
    accurate = make_variant("accurate", accuracy=50.0 + 4e-6, cores=1.0, latency_s=(0.6, 0.9))
    plain = make_variant("plain", accuracy=50.0, cores=1.0, latency_s=(0.4, 0.8))
    pipeline = make_pipeline(
        ((accurate, plain),), batch_cap=2, replica_cap=1, objective=weights(alpha=10.0, delta=1e-6)
    )
    assert solve(Problem(pipeline, 2.0)).configuration == configuration((1, 1, 1))
    without_delta = replace(pipeline, objective=weights(alpha=10.0))
    assert solve(Problem(without_delta, 2.0)).configuration == configuration((0, 2, 1))


def single(*variants: Variant, objective: Objective) -> Problem:
    return Problem(make_pipeline((variants,), objective=objective), 1.0)


def test_tie_in_the_objective_goes_to_the_higher_pas(solve: Solve) -> None:
    """rank_product is 0 with the first stage's only affordable variant, whatever the second runs."""
    low = make_variant("low", accuracy=40.0, cores=1.0, latency_s=(0.5,))
    slow = make_variant("slow", accuracy=90.0, cores=1.0, latency_s=(5.0,))
    second = tuple(make_variant(f"v{a}", accuracy=a, cores=1.0, latency_s=(0.1,)) for a in (50.0, 70.0, 60.0))
    pipeline = make_pipeline(((low, slow), second), objective=weights(beta=1.0, measure="rank_product"))
    assert solve(Problem(pipeline, 1.0)).configuration == configuration((0, 1, 1), (1, 1, 1))


def test_tie_in_pas_goes_to_the_lower_cost(solve: Solve) -> None:
    dear, cheap = (make_variant(f"c{cores}", accuracy=60.0, cores=cores, latency_s=(0.1,)) for cores in (2.0, 1.0))
    assert solve(single(dear, cheap, objective=weights())).configuration == configuration((1, 1, 1))


def test_tie_in_cost_goes_to_the_smaller_batch(solve: Solve) -> None:
    """At 2 rps one replica does: of the first variant with batch 2 (2.2 rps), of the second with batch 1 (2.5 rps)."""
    first = make_variant("first", accuracy=60.0, cores=1.0, latency_s=(0.6, 0.9))
    second = make_variant("second", accuracy=60.0, cores=1.0, latency_s=(0.4, 0.8))
    pipeline = make_pipeline(((first, second),), batch_cap=2, objective=weights())
    assert solve(Problem(pipeline, 2.0)).configuration == configuration((1, 1, 1))


def test_smaller_total_batch_goes_before_the_smaller_first_batch(solve: Solve) -> None:
    """At 2 rps, 4 cores either way: batches 2 + 1 (1.4 s + 1.2 s) or 1 + 4 (0.6 s + 3.9 s); 2 + 4 is too slow."""
    first = make_variant("first", accuracy=60.0, cores=1.0, latency_s=(0.6, 0.9, 9.0))  # 2 replicas, 1 in batches of 2
    second = make_variant("second", accuracy=60.0, cores=1.0, latency_s=(1.2, 2.4, 2.4))  # 3 replicas, 2 in fours
    pipeline = make_pipeline(((first,), (second,)), batch_cap=4, sla_s=4.6, objective=weights(beta=1.0))
    assert solve(Problem(pipeline, 2.0)).configuration == configuration((0, 2, 1), (0, 1, 3))


def test_last_tie_goes_to_the_first_variants(solve: Solve) -> None:
    twin = make_variant("a", accuracy=60.0, cores=1.0, latency_s=(0.1,))
    pipeline = make_pipeline(((twin, replace(twin, name="b")),) * 3, objective=weights(beta=1.0))
    assert solve(Problem(pipeline, 1.0)).configuration == configuration(*[(0, 1, 1)] * 3)


def test_lexicographic_order_looks_at_the_first_stage_first(solve: Solve) -> None:
    """A + B' and A' + B tie in everything; A is the lower index in stage 1."""
    plain = make_variant("plain", accuracy=50.0, cores=1.0, latency_s=(0.5,))
    fast = make_variant("fast", accuracy=50.0, cores=2.0, latency_s=(0.25,))
    pipeline = make_pipeline(((plain, fast), (plain, fast)), sla_s=0.75, objective=weights(beta=1.0))
    assert solve(Problem(pipeline, 1.0)).configuration == configuration((0, 1, 1), (1, 1, 1))


def test_no_weight_at_all_still_takes_the_fewest_replicas(solve: Solve) -> None:
    only = make_variant("only", accuracy=60.0, cores=1.0, latency_s=(0.5,))
    problem = Problem(make_pipeline(((only,),), objective=weights(alpha=0.0)), 5.0)
    assert solve(problem).configuration == configuration((0, 1, 3))


def test_fixed_variants_are_kept(solve: Solve) -> None:
    assert solve(Problem(hand(alpha=10.0), 4.0, variants=((1,), (0,)))).configuration == LARGE


def test_fixed_replicas_decide_which_variants_carry_the_load(solve: Solve) -> None:
    """Three replicas of large carry 3 rps only; small's carry 6. The fixed replicas cost 3 + 4 cores."""
    solution = solve(Problem(hand(alpha=40.0), 4.0, replicas=(3, 2)))
    assert solution.configuration == configuration((0, 1, 3), (0, 1, 2))
    assert solution.objective == pytest.approx(40.0 * 0.45 - 0.5 * 7.0, abs=1e-12)


@pytest.mark.parametrize(("rate_rps", "sla_s"), [(21.0, 2.0), (4.0, 0.74)])
def test_infeasible_says_so_and_falls_back(solve: Solve, rate_rps: float, sla_s: float) -> None:
    """Ten replicas of small carry 20 rps; the fastest way through takes 0.75 s."""
    solution = solve(Problem(hand(alpha=10.0, sla_s=sla_s), rate_rps))
    assert not solution.feasible
    assert math.isnan(solution.objective)
    replicas = (10, 6) if rate_rps == 21.0 else (2, 1)
    assert solution.configuration == configuration((0, 1, replicas[0]), (0, 1, replicas[1]))


def test_no_load_takes_one_replica_and_no_batching(solve: Solve) -> None:
    stage = (make_variant("only", accuracy=50.0, cores=1.0, latency_s=(1.0, 1.0)),)
    pipeline = make_pipeline((stage,), batch_cap=2, objective=weights(beta=1.0))
    assert solve(Problem(pipeline, 0.0)).configuration == configuration((0, 1, 1))
