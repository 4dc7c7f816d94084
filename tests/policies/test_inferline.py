"""InferLine: envelopes by hand, the planner's steps by hand and its laws on real samples, the tuner's arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ipa_gym.cards.loader import load_pipeline
from ipa_gym.errors import OptionError, UnknownNameError
from ipa_gym.observation import HISTORY_BINS, Observation
from ipa_gym.pipeline import Configuration, Pipeline, StageConfiguration
from ipa_gym.policies import Setting, check_policy, load_agent_card, make_policy, policy_class
from ipa_gym.policies import inferline as tuner
from ipa_gym.policies.base import ActionArray
from ipa_gym.policies.inferline import InferLinePolicy
from ipa_gym.policies.inferline_envelope import (
    busiest_seconds,
    excess_rps,
    observed_envelope,
    replicas_for,
    sample_envelope,
)
from ipa_gym.policies.inferline_planner import (
    Estimator,
    Plan,
    SampleSource,
    initialize,
    make_plan,
    minimize_cost,
    sample_counts,
)
from ipa_gym.queueing.simulator import Simulator
from ipa_gym.workload.arrivals import arrival_times
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting, stage_seen

if TYPE_CHECKING:
    from ipa_gym.env import PipelineEnv

CALM = SampleSource("twitter-like", 7200, 3600)


def _configuration(*stages: tuple[int, int, int]) -> Configuration:
    return Configuration(tuple(StageConfiguration(*stage) for stage in stages))


def _table(configuration: Configuration) -> list[tuple[int, int]]:
    """Batch and replicas of each stage."""
    return [(choice.batch, choice.replicas) for choice in configuration.stages]


# --- envelopes ---


def test_envelope_of_a_sample_with_two_busy_seconds() -> None:
    counts = np.zeros(90, dtype=np.int64)
    counts[25], counts[35] = 12, 6
    # The 12 is shown for 10 s, then the 6 for 10 s: 12; (12 + 6) / 2; 18 over 4 bins; 18 over 6 bins.
    assert sample_envelope(counts) == (12.0, 9.0, 4.5, 3.0)


def test_busiest_second_of_ten() -> None:
    counts = np.array([5, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0], dtype=np.int64)
    assert busiest_seconds(counts).tolist() == [5.0, 2.0, 2.0]


def test_observed_envelope_is_the_mean_of_the_newest_bins() -> None:
    history = [99.0] * 6 + [8.0, 0.0, 1.0, 2.0, 3.0, 10.0]
    assert observed_envelope(history) == (10.0, 6.5, 4.0, 4.0)


def test_the_highest_rate_that_exceeds_counts() -> None:
    assert excess_rps((10.0, 6.5, 4.0, 4.0), (11.0, 6.0, 3.0, 9.0)) == 6.5  # 10 is within its own window's limit
    assert excess_rps((10.0, 6.5), (10.0, 6.5)) is None


@pytest.mark.parametrize(
    ("rate_rps", "throughput_rps", "ratio", "replicas"),
    [(30.0, 10.0, 0.5, 6), (30.1, 10.0, 0.5, 7), (0.0, 10.0, 0.5, 1), (2.1, 0.3, 1.0, 7)],  # 2.1 / 0.3 > 7 in floats
)
def test_replicas_are_rate_over_throughput_times_ratio(
    rate_rps: float, throughput_rps: float, ratio: float, replicas: int
) -> None:
    assert replicas_for(rate_rps, throughput_rps, ratio) == replicas


# --- planner ---


class _Told(Estimator):
    """An estimator that is told what is feasible, and writes down what it was asked."""

    def __init__(self, pipeline: Pipeline, rule: Callable[[Configuration], bool]) -> None:
        self.pipeline = pipeline
        self.rule = rule
        self.asked: list[list[tuple[int, int]]] = []

    def feasible(self, configuration: Configuration) -> bool:
        self.asked.append(_table(configuration))
        return self.rule(configuration)


def test_replicas_are_added_where_throughput_is_least() -> None:
    # Replicas carry 10 (small) and 20 (tiny): 10/20 -> first; 20/20 -> the first of equals; 30/20 -> second; 30/40.
    told = _Told(toy_pipeline(), lambda c: c.stages[0].replicas >= 3 and c.stages[1].replicas >= 2)
    found, feasible = initialize(told, (0, 0))
    assert feasible
    assert _table(found) == [(1, 3), (1, 2)]
    assert told.asked == [[(1, 1), (1, 1)], [(1, 2), (1, 1)], [(1, 3), (1, 1)], [(1, 3), (1, 2)]]


def test_it_gives_up_where_the_slowest_stage_is_at_the_cap() -> None:
    found, feasible = initialize(_Told(toy_pipeline(replica_cap=2), lambda _: False), (0, 0))
    assert not feasible
    assert _table(found) == [(1, 2), (1, 1)]  # 20 and 20: the first of equals cannot grow


def test_it_gives_up_at_once_where_service_is_longer_than_the_sla() -> None:
    told = _Told(toy_pipeline(sla_s=0.14), lambda _: True)
    assert initialize(told, (0, 0)) == (_configuration((0, 1, 1), (0, 1, 1)), False)  # 0.10 + 0.05 s
    assert told.asked == []


def _carries_30(configuration: Configuration) -> bool:
    small = {1: 10.0, 2: 13.3, 4: 16.0}
    first, second = configuration.stages
    return first.replicas * small[first.batch] >= 30 and second.replicas * 20.0 >= 30


def test_batches_grow_until_a_replica_can_go() -> None:
    told = _Told(toy_pipeline(), _carries_30)
    found = minimize_cost(told, _configuration((0, 1, 3), (0, 1, 2)))
    # Two small carry 26.6 at batch 2, 32 at batch 4: only then one can go. Then tiny's batch grows, for nothing.
    assert _table(found) == [(4, 2), (4, 2)]
    first_round = [[(2, 3), (1, 2)], [(1, 2), (1, 2)], [(1, 3), (2, 2)], [(1, 3), (1, 1)]]
    assert told.asked[:4] == first_round
    assert told.asked[4:7] == [
        [(4, 3), (1, 2)],
        [(2, 2), (1, 2)],
        [(2, 3), (2, 2)],
    ]  # of equal costs the first was taken


def test_the_replica_of_most_cores_goes_first() -> None:
    told = _Told(toy_pipeline(), lambda c: sum(choice.replicas for choice in c.stages) >= 3 and c.stages[0].batch == 1)
    found = minimize_cost(told, _configuration((0, 1, 2), (1, 4, 2)))  # small of 1 core, big of 3
    assert _table(found) == [(1, 2), (4, 1)]


@pytest.mark.parametrize(("late", "feasible"), [(0.0, True), (0.01, True), (0.0101, False), (0.5, False)])
def test_one_request_in_a_hundred_may_be_late(late: float, feasible: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = Estimator(toy_pipeline(), np.ones(60, dtype=np.int64))
    monkeypatch.setattr(Estimator, "late_fraction", lambda *_: late)
    assert estimator.feasible(_configuration((0, 1, 1), (0, 1, 1))) is feasible


def test_planned_ratios_are_the_sample_s_mean_over_the_replicas_throughput() -> None:
    pipeline = toy_pipeline()
    plan = make_plan(pipeline, (0, 0), CALM)
    mean_rps = sample_counts(CALM, 32.0).mean()
    for ratio, choice, stage in zip(plan.ratios, plan.configuration.stages, pipeline.stages, strict=True):
        latency_s = stage.variants[0].latency_s[stage.variants[0].batch_sizes.index(choice.batch)]
        assert ratio == pytest.approx(mean_rps * latency_s / (choice.batch * choice.replicas))


@pytest.mark.parametrize(("name", "variants"), [("video", (1, 3)), ("sum-qa", (5, 1)), ("nlp", (0, 0, 0))])
@pytest.mark.parametrize("start_s", [0, 3600])
def test_a_plan_meets_the_sla_and_no_single_action_does(name: str, variants: tuple[int, ...], start_s: int) -> None:
    pipeline = load_pipeline(name)
    source = SampleSource("twitter-like", start_s, 3600)
    plan = make_plan(pipeline, variants, source)
    assert plan.feasible
    counts = sample_counts(source, pipeline.load_scale_rps)
    assert _p99_s(pipeline, plan.configuration, counts) <= pipeline.sla_s
    tried = 0
    for index, choice in enumerate(plan.configuration.stages):
        for changed in (
            replace(choice, replicas=choice.replicas - 1),
            replace(choice, batch=2 * choice.batch),
        ):
            if changed.replicas >= 1 and changed.batch <= pipeline.batch_cap:
                stages = list(plan.configuration.stages)
                stages[index] = changed
                assert _p99_s(pipeline, Configuration(tuple(stages)), counts) > pipeline.sla_s
                tried += 1
    assert tried >= 1


def _p99_s(pipeline: Pipeline, configuration: Configuration, counts: np.ndarray) -> float:
    """The 99th percentile of the latencies, played by decisions as in an environment; what is dropped never ends."""
    simulator = Simulator(pipeline, interval_s=10.0)
    simulator.reset(configuration, seed=0)
    arrival_s = arrival_times(counts, first_second=0, seed=0, kind="poisson")
    latencies: list[float] = []
    for start in range(0, len(counts), 10):
        arrived = arrival_s[(arrival_s >= start) & (arrival_s < start + 10)]
        outcome = simulator.step(configuration, arrived)
        latencies += [*outcome.latency_s.tolist(), *[math.inf] * outcome.dropped]
    latencies += [math.inf] * simulator.overdue_inside()
    n = len(arrival_s)
    latencies += [0.0] * (n - len(latencies))  # inside and still in time
    return sorted(latencies)[math.ceil(0.99 * n) - 1]


def test_plans_are_the_same_in_a_new_computation() -> None:
    pipeline = load_pipeline("video")
    first = make_plan(pipeline, (1, 3), CALM)
    make_plan.cache_clear()
    sample_counts.cache_clear()
    assert make_plan(pipeline, (1, 3), CALM) == first


def test_the_sample_scales_with_the_card_s_full_load(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("9\n" * 400)
    source = SampleSource(str(path), 0, 400)
    assert sample_counts(source, 32.0).mean() == pytest.approx(9.0, abs=0.6)  # 4 standard errors of a Poisson mean
    assert sample_counts(source, 64.0).mean() == pytest.approx(18.0, abs=0.85)


def test_the_sample_starts_where_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("0\n" * 100 + "30\n" * 100)
    counts = sample_counts(SampleSource(str(path), 90, 60), 32.0)
    assert counts[:10].sum() == 0
    assert counts[10:].min() > 5  # Poisson of mean 30


def test_a_sample_that_cannot_be_used_is_one_error(tmp_path: Path, setting: Setting) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'bursty'"):
        InferLinePolicy(setting, sample="burstyy")
    with pytest.raises(OptionError, match=r"3600 s from second 7200 on; trace bursty has 1200 training seconds"):
        InferLinePolicy(setting, sample="bursty")
    with pytest.raises(OptionError, match="no file"):
        InferLinePolicy(setting, sample=str(tmp_path / "none.txt"))
    empty = tmp_path / "empty.txt"
    empty.write_text("0\n" * 100)
    with pytest.raises(OptionError, match="no request"):
        InferLinePolicy(setting, sample=str(empty), sample_start=0, sample_length=100)


# --- tuner ---

PLAN = Plan(_configuration((0, 1, 2), (0, 4, 1)), True, (0.4, 0.4), (10.0, 9.0, 8.0, 8.0))  # λ 8: 8 / 20 in both stages


@pytest.fixture
def policy(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> InferLinePolicy:
    monkeypatch.setattr(tuner, "make_plan", lambda *_: PLAN)
    return InferLinePolicy(setting)


def _run(policy: InferLinePolicy, setting: Setting, histories: list[list[float]]) -> list[list[int]]:
    """Replicas after each decision, each obeyed at once; a history is its newest bins, older ones are empty."""
    replicas, found = [1, 1], []
    for newest in histories:
        history = np.array([0.0] * (HISTORY_BINS - len(newest)) + newest)
        stages = tuple(stage_seen(replicas=count) for count in replicas)
        action = policy.act(setting.layout.write(Observation(history, 0.0, stages)))
        replicas = _replicas(action)
        found.append(replicas)
    return found


def _replicas(action: ActionArray) -> list[int]:
    assert action[[0, 1, 3, 4]].tolist() == [0, 0, 0, 2]  # variants as first seen, batches 1 and 4 as planned
    return [int(action[2]) + 1, int(action[5]) + 1]


def test_the_first_decision_deploys_the_plan(policy: InferLinePolicy, setting: Setting) -> None:
    assert _run(policy, setting, [[8.0] * 12]) == [[2, 1]]


def test_it_grows_at_once_for_the_highest_rate_that_exceeds(policy: InferLinePolicy, setting: Setting) -> None:
    # 30 / (10 · 0.4) = 7.5 -> 8; 30 / (20 · 0.4) = 3.75 -> 4.
    assert _run(policy, setting, [[30.0]]) == [[8, 4]]
    assert policy.diagnostics["excess_rps"] == 30.0
    policy.reset()
    # 9.9 three times: within the limit of 10 s, above that of 20 s: 9.9 / 4 = 2.475 -> 3; 9.9 / 8 -> 2.
    assert _run(policy, setting, [[9.9, 9.9]]) == [[3, 2]]


def test_it_shrinks_15_s_after_the_last_change(policy: InferLinePolicy, setting: Setting) -> None:
    calm = [30.0, 7.0, 7.0, 7.0]  # the newest 30 s: 7; the mean of 40 s is above the sample's 8
    found = _run(policy, setting, [[30.0], [30.0, 7.0], calm, [7.0] * 4])
    # At 10 s too early. At 20 s: 7 asks for 2 and 1, but the last 40 s (12.75) exceed the sample: 3.2 -> 4, 1.6 -> 2.
    assert found == [[8, 4], [8, 4], [4, 2], [4, 2]]
    # 10 s after that change nothing; 20 s after it 7 / 4 -> 2, 7 / 8 -> 1.
    assert _run(_again(policy), setting, [[30.0], [30.0, 7.0], calm, [7.0] * 4, [7.0] * 5])[-1] == [2, 1]


def _again(policy: InferLinePolicy) -> InferLinePolicy:
    policy.reset()
    return policy


def test_shrinking_looks_at_the_last_30_s_and_the_least_ratio(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    uneven = replace(PLAN, configuration=_configuration((0, 1, 6), (0, 4, 6)), ratios=(0.8, 0.4), envelope=(90.0,) * 4)
    monkeypatch.setattr(tuner, "make_plan", lambda *_: uneven)
    policy = InferLinePolicy(setting)
    # At 20 s: the newest three bins reach 12: 12 / (10 · 0.4) = 3, not 12 / (10 · 0.8) -> 2; 12 / (20 · 0.4) -> 2.
    found = _run(policy, setting, [[40.0], [40.0, 12.0], [40.0, 12.0, 5.0, 5.0]])
    assert found == [[6, 6], [6, 6], [3, 2]]


def test_below_the_plan_a_part_of_the_envelope_brings_the_plan_back(policy: InferLinePolicy, setting: Setting) -> None:
    found = _run(policy, setting, [[1.0], [1.0] * 2, [1.0] * 3, [4.9], [5.1]])
    # 1 rps leaves one small of two planned: half the envelope, 5, is what it stands for.
    assert found == [[2, 1], [2, 1], [1, 1], [1, 1], [2, 1]]
    assert policy.diagnostics["excess_rps"] is None


def test_replicas_stop_at_the_cap(policy: InferLinePolicy, setting: Setting) -> None:
    assert _run(policy, setting, [[400.0]]) == [[10, 10]]


def test_delay_is_a_parameter(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "make_plan", lambda *_: PLAN)
    found = _run(InferLinePolicy(setting, delay=30.0), setting, [[1.0]] * 4)
    assert found == [[2, 1], [2, 1], [2, 1], [1, 1]]


def test_variants_by_rule_and_by_name(setting: Setting) -> None:
    seen = setting.layout.write(Observation(np.full(HISTORY_BINS, 5.0), 5.0, (stage_seen(), stage_seen())))
    assert InferLinePolicy(setting, variants="accurate").act(seen)[[0, 3]].tolist() == [1, 1]
    assert InferLinePolicy(setting, variants=["large", "tiny"]).act(seen)[[0, 3]].tolist() == [1, 0]
    with pytest.raises(UnknownNameError, match="Did you mean 'big'"):
        InferLinePolicy(setting, variants=["small", "bigg"])


def test_without_a_feasible_plan_it_says_so_and_still_decides() -> None:
    setting = make_setting(toy_pipeline(sla_s=0.14))
    policy = InferLinePolicy(setting)
    seen = setting.layout.write(Observation(np.full(HISTORY_BINS, 5.0), 5.0, (stage_seen(), stage_seen())))
    assert policy.act(seen).tolist() == [0, 0, 0, 0, 0, 0]
    assert policy.diagnostics["feasible"] is False


def test_reset_forgets_the_plan_and_the_clock(setting: Setting) -> None:
    policy = InferLinePolicy(setting)

    def variants(variant: int) -> list[int]:
        stages = (stage_seen(variant=variant, target_variant=variant),) * 2
        action = policy.act(setting.layout.write(Observation(np.full(HISTORY_BINS, 5.0), 5.0, stages)))
        return action[[0, 3]].tolist()

    assert variants(1) == [1, 1]
    policy.reset()
    assert policy.diagnostics == {}
    assert variants(0) == [0, 0]


def test_an_episode_shrinks_no_sooner_after_another(policy: InferLinePolicy, setting: Setting) -> None:
    calm = [[1.0] * 12] * 3
    assert _run(policy, setting, calm) == [[2, 1], [2, 1], [1, 1]]
    assert _run(_again(policy), setting, calm) == [[2, 1], [2, 1], [1, 1]]


# --- card and contract ---


def test_the_card_sets_and_explains_every_parameter() -> None:
    card = load_agent_card("inferline")
    assert card.policy == "inferline"
    assert set(card.parameters) == set(card.sources) == set(policy_class("inferline").PARAMETERS)


def test_it_keeps_the_contract(toy_env: PipelineEnv) -> None:
    check_policy(make_policy("inferline", toy_env), toy_env, seed=5)
