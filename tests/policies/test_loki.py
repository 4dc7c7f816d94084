"""Loki on the toy pipeline by hand, and against brute force over every configuration.

Throughput of a replica in rps at batch 1, 2, 4: small 10, 13.3, 16; large 5, 6.7, 8; tiny 20, 20, 20; big 4, 4, 4.
Cores: 1, 2, 1, 3. PAS: small+tiny 0.30, small+big 0.45, large+tiny 0.48, large+big 0.72. Half the SLA of 2 s is 1 s.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np
import pytest

import ipa_gym
from ipa_gym.errors import CardError, OptionError
from ipa_gym.optimizer.brute_force import worst_case_latency_s
from ipa_gym.optimizer.frontier import frontier
from ipa_gym.pipeline import Baselines, Configuration, Pipeline, Stage, StageConfiguration, Variant
from ipa_gym.policies import (
    Setting,
    build_policy,
    check_policy,
    load_agent_card,
    loki_search,
    make_policy,
    policy_class,
)
from ipa_gym.policies.loki import LokiChoice, LokiPolicy, full_load_cores
from ipa_gym.policies.loki_search import most_accurate
from tests.conftest import toy_pipeline
from tests.policies.conftest import seen

if TYPE_CHECKING:
    from pathlib import Path

    from ipa_gym.env import PipelineEnv


def _decide(policy: LokiPolicy, setting: Setting, rate_rps: float) -> list[tuple[int, ...]]:
    action = policy.act(seen(setting, forecast_rps=rate_rps))
    batches = setting.actions.batch_sizes
    return [(int(v), batches[b], int(n) + 1) for v, b, n in action.reshape(-1, 3)]


def test_hardware_scaling_follows_the_load_with_the_most_accurate_variants(setting: Setting) -> None:
    policy = LokiPolicy(setting, cores=40)
    assert _decide(policy, setting, 4.0) == [(1, 1, 1), (1, 1, 1)]
    # 24 rps: big 6; large 5 at batch 1, 4 at batch 2 (26.7), 3 at batch 4: 3 / 24 + 0.5 + 0.25 s is in time.
    assert _decide(policy, setting, 24.0) == [(1, 4, 3), (1, 1, 6)]
    assert policy.diagnostics["scaling"] == "hardware"
    assert policy.diagnostics["feasible"] is True


def test_it_switches_to_accuracy_scaling_at_the_load_that_fills_the_cluster(setting: Setting) -> None:
    # 8 rps: two large (batch 4 would take 3 / 8 + 0.5 + 0.25 > 1 s) and two big are 10 cores. Above, a third big: 13.
    policy = LokiPolicy(setting, cores=10)
    assert _decide(policy, setting, 8.0) == [(1, 1, 2), (1, 1, 2)]
    assert policy.diagnostics["scaling"] == "hardware"
    assert _decide(policy, setting, 8.01) == [(1, 1, 2), (0, 1, 1)]
    assert policy.diagnostics["scaling"] == "accuracy"
    # With tiny behind it one large at batch 4 is in time: 3 / 8 + 0.5 + 0.05 s; it carries 8 rps just so.
    assert _decide(LokiPolicy(setting, cores=9.9), setting, 8.0) == [(1, 4, 1), (0, 1, 1)]


def test_half_the_sla_is_for_waiting(setting: Setting) -> None:
    # With the whole SLA one large at batch 4 carries 8 rps: 1.125 s.
    assert _decide(LokiPolicy(setting, cores=10, slo_share=1.0), setting, 8.0) == [(1, 4, 1), (1, 1, 2)]


def test_of_equal_accuracy_the_cheapest_is_taken(setting: Setting) -> None:
    # 25 rps on 12 cores: large+big needs more, large+tiny 4 · 2 + 2 = 10 at batch 4 or 2; small+big 2 + 7 · 3 = 23.
    assert _decide(LokiPolicy(setting, cores=12), setting, 25.0) == [(1, 2, 4), (0, 1, 2)]


def test_of_equal_accuracy_and_cost_the_smallest_batches_are_taken() -> None:
    # 4 rps: four slow of half a core, 0.9 s; or one quick of two cores at batch 2, 1 / 4 + 0.27 s.
    slow = Variant("slow", 70.0, 0.5, 1.0, (1, 2), (0.90, 1.80))
    quick = Variant("quick", 70.0, 2.0, 1.0, (1, 2), (0.26, 0.27))
    for variants in ((slow, quick), (quick, slow)):
        pipeline = toy_pipeline(stages=(Stage("only", variants),), sla_s=1.0, batch_cap=2)
        assert most_accurate(pipeline, 4.0, cores=2.0) == Configuration(
            (StageConfiguration(variants.index(slow), 1, 4),)
        )


def test_load_factor_is_a_margin(setting: Setting) -> None:
    assert _decide(LokiPolicy(setting, cores=10, load_factor=1.25), setting, 8.0)[1] == (0, 1, 1)


def test_in_overload_it_plans_for_the_largest_load_that_the_cluster_carries(setting: Setting) -> None:
    # Two cores: one small and one tiny. small carries 16 rps at batch 4, tiny 20.
    policy = LokiPolicy(setting, cores=2)
    assert _decide(policy, setting, 30.0) == [(0, 4, 1), (0, 1, 1)]
    assert policy.diagnostics["scaling"] == "overload"
    assert policy.diagnostics["feasible"] is False
    assert policy.diagnostics["carried_rps"] == pytest.approx(16.0)


def test_where_nothing_is_in_time_it_takes_most_capacity() -> None:
    pipeline = toy_pipeline(sla_s=0.1)
    chosen = LokiChoice(pipeline, cores=10, slo_share=0.5).decide(20.0)
    assert chosen.scaling == "infeasible"
    assert chosen.configuration == Configuration((StageConfiguration(0, 1, 2), StageConfiguration(0, 1, 1)))


def test_zero_load_keeps_one_replica_of_each_most_accurate_variant(setting: Setting) -> None:
    assert _decide(LokiPolicy(setting, cores=10), setting, 0.0) == [(1, 1, 1), (1, 1, 1)]


def test_the_default_cluster_just_carries_fa2_high_at_full_load() -> None:
    # 32 rps with large and big: four at batch 4, eight: 4 · 2 + 8 · 3.
    assert full_load_cores(toy_pipeline()) == 32.0
    low = toy_pipeline(baselines=Baselines(fa2_high_variants=(0, 0)))
    assert full_load_cores(low) == 4.0  # two small at batch 4, two tiny


def _by_brute_force(pipeline: Pipeline, rate_rps: float, *, cores: float, share: float) -> tuple[float, float] | None:
    """PAS and cost of the most accurate, then cheapest, configuration that carries the load on the cluster in time."""
    choices = [
        [
            StageConfiguration(index, batch, replicas)
            for index, variant in enumerate(stage.variants)
            for batch in pipeline.batch_sizes
            for replicas in range(1, pipeline.replica_cap + 1)
            if replicas * variant.throughput_rps(batch) >= rate_rps - 1e-9
        ]
        for stage in pipeline.stages
    ]
    fitting = [
        (pipeline.pas([choice.variant for choice in stages]), -pipeline.cost_cores(Configuration(stages)))
        for stages in itertools.product(*choices)
        if pipeline.cost_cores(Configuration(stages)) <= cores
        and worst_case_latency_s(pipeline, Configuration(stages), rate_rps=rate_rps) <= share * pipeline.sla_s
    ]
    best = max(fitting, default=None)
    return None if best is None else (best[0], -best[1])


@pytest.mark.parametrize("cores", [3.0, 8.0, 17.0, 60.0])
@pytest.mark.parametrize("share", [0.3, 0.5])
def test_it_is_the_optimum_of_brute_force(cores: float, share: float) -> None:
    pipeline = toy_pipeline(replica_cap=6)
    choice = LokiChoice(pipeline, cores=cores, slo_share=share)
    carried = 0
    for rate_rps in (1.0, 3.7, 8.0, 12.3, 16.0, 21.0):
        expected = _by_brute_force(pipeline, rate_rps, cores=cores, share=share)
        found = choice.decide(rate_rps)
        assert (expected is None) == (found.scaling == "overload")
        if expected is not None:
            pas = pipeline.pas([stage.variant for stage in found.configuration.stages])
            assert (pas, pipeline.cost_cores(found.configuration)) == pytest.approx(expected)
            assert (found.scaling == "hardware") == (pas == pytest.approx(0.72))
            carried += 1
    assert carried >= 3


def _random_pipeline(rng: np.random.Generator) -> Pipeline:
    """Three stages of four variants, no two alike; all measures but PAS at odds with it."""
    stages = []
    for s in range(3):
        variants = []
        for v in range(4):
            alone, gain = rng.uniform(0.02, 0.4), rng.uniform(0.4, 1.0)
            latency = tuple(float(alone * batch**gain) for batch in (1, 2, 4))
            variants.append(Variant(f"v{v}", rng.uniform(20, 99), float(rng.integers(1, 9)), 1.0, (1, 2, 4), latency))
        stages.append(Stage(f"s{s}", tuple(variants)))
    return toy_pipeline(stages=tuple(stages), sla_s=rng.uniform(0.5, 3.0), replica_cap=40, baselines=Baselines())


@pytest.mark.parametrize("beam", [2, 64])
def test_it_is_the_best_of_the_frontier_on_random_pipelines(beam: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frontier of `ipa_gym.optimizer` holds the most accurate configuration of any budget."""
    monkeypatch.setattr(loki_search, "_BEAM", beam)  # a poor first pass must change nothing
    rng = np.random.default_rng(5)
    compared = 0
    for _ in range(60):
        pipeline, rate_rps, cores = _random_pipeline(rng), rng.uniform(1, 30), rng.uniform(8, 120)
        all_of_them = frontier(pipeline, rate_rps)
        fitting = all_of_them.take(all_of_them.cost <= cores)
        found = most_accurate(pipeline, rate_rps, cores=cores)
        assert (found is None) == (len(fitting) == 0)
        if found is not None:
            best = fitting.take(fitting.pas >= fitting.pas.max() - 1e-12)
            assert pipeline.pas([stage.variant for stage in found.stages]) == pytest.approx(best.pas.max(), abs=1e-12)
            assert pipeline.cost_cores(found) == pytest.approx(best.cost.min())
            compared += 1
    assert 25 <= compared < 60


def test_accuracy_never_rises_and_the_cluster_is_never_exceeded_as_the_load_grows(setting: Setting) -> None:
    choice = LokiChoice(setting.pipeline, cores=7.0, slo_share=0.5)
    pas, scaling = [], set()
    for rate_rps in np.arange(1.0, 90.0, 1.5).tolist():
        chosen = choice.decide(rate_rps)
        configuration = chosen.configuration
        scaling.add(chosen.scaling)
        assert setting.pipeline.cost_cores(configuration) <= 7.0
        pas.append(setting.pipeline.pas([stage.variant for stage in configuration.stages]))
    assert pas == sorted(pas, reverse=True)
    assert len(set(pas)) == 3  # small and big, 0.45, costs more than large and tiny, 0.48
    assert scaling == {"hardware", "accuracy", "overload"}


@pytest.mark.parametrize("env_id", ["ipa_gym/Video-v0", "ipa_gym/NLP-v0"])
def test_many_decisions_are_those_of_single_ones(env_id: str) -> None:
    envs = gym.make_vec(env_id, num_envs=8, trace="bursty", episode_s=100)
    policy = ipa_gym.make_policy("loki", envs)
    observations, _ = envs.reset(seed=3)
    actions = policy.act_many(observations)
    assert [policy.act(observation).tolist() for observation in observations] == actions.tolist()
    assert len({tuple(action) for action in actions.tolist()}) > 1
    with pytest.raises(OptionError, match="observation"):
        policy.act_many(observations[:, 1:])


@pytest.mark.parametrize("cores", ["all", "0", "-3", "true", ".inf", "200000"])
def test_a_wrong_cluster_is_one_error(tmp_path: Path, setting: Setting, cores: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: a\ntitle: b\npolicy: loki\nparameters: {{cores: {cores}}}\n")
    with pytest.raises(CardError, match=r"mine.yaml: parameters.cores is .*; expected full-load, or a number above 0"):
        build_policy(load_agent_card(path), setting)


def test_the_card_sets_and_explains_every_parameter() -> None:
    card = load_agent_card("loki")
    assert card.policy == "loki"
    assert set(card.parameters) == set(card.sources) == set(policy_class("loki").PARAMETERS)


def test_it_keeps_the_contract(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("loki", toy_env), toy_env, seed=5)
