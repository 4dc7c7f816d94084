"""The five shipped cards hold the published facts, and say where each number comes from."""

from __future__ import annotations

import pytest

from ipa_gym import catalog
from ipa_gym.cards import load_card, load_pipeline
from ipa_gym.cards.loader import read_card_model

NAMES = ("audio-qa", "audio-sent", "nlp", "sum-qa", "video")
PUBLISHED = {  # SLA, drop limit, alpha (IPA, bursty), beta, batch cap, RIM's replicas, slowdown
    "video": (6.89, 10, 2, 1, 8, (3, 3), 1),
    "audio-qa": (9.23, 20, 20, 0.5, 1, (27, 6), 2),
    "audio-sent": (9.42, 20, 30, 0.5, 1, (27, 5), 2),
    "sum-qa": (3.84, 5, 10, 0.5, 1, (12, 8), 2),
    "nlp": (17.61, 20, 100, 0.5, 1, (6, 22, 12), 2),
}
THROUGHPUT_RPS = {  # card, variant -> cores, requests/s at batch 1 before margins; published, to the digits given
    ("video", "yolov5n"): (2, 16.4),
    ("video", "yolov5s"): (2, 6.8),
    ("video", "yolov5x"): (4, 2.7),
    ("video", "resnet18"): (2, 25.4),
    ("video", "resnet34"): (2, 19.8),
    ("video", "resnet50"): (2, 12.0),
    ("video", "resnet101"): (2, 6.7),
    ("video", "resnet152"): (2, 5.4),
    ("audio-qa", "s2t-small"): (1, 2.99),
    ("audio-qa", "s2t-medium"): (2, 2.27),
    ("audio-qa", "roberta-base-squad2"): (1, 15.0),
    ("audio-sent", "distilbert-sst2"): (1, 15.0),
    ("sum-qa", "distilbart-1-1"): (2, 9.9),
    ("sum-qa", "distilbart-12-6"): (16, 11.7),
    ("nlp", "xlm-roberta-language-id"): (1, 11.3),
    ("nlp", "opus-mt"): (4, 3.10),
    ("nlp", "opus-mt-tc-big"): (16, 3.29),
}


def test_shipped_cards_are_the_five_pipelines() -> None:
    assert catalog.names("envs") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_card_holds_the_published_settings(name: str) -> None:
    card = load_card(name)
    p = card.pipeline
    found = (p.sla_s, p.drop_after_s, p.objective.alpha, p.objective.beta, p.batch_cap)
    assert (*found, p.baselines.rim_replicas, p.slowdown) == PUBLISHED[name]
    assert p.replica_cap == 100
    assert p.objective.delta == 1e-6
    assert p.objective.accuracy_measure == ("product" if name == "video" else "rank_product")


@pytest.mark.parametrize(("name", "variant"), THROUGHPUT_RPS)
def test_replica_sustains_the_published_rate_on_the_published_cores(name: str, variant: str) -> None:
    pipeline = load_pipeline(name)
    found = next(v for stage in pipeline.stages for v in stage.variants if v.name == variant)
    cores, rate_rps = THROUGHPUT_RPS[name, variant]
    assert found.cores == cores
    assert found.throughput_rps(1) * pipeline.slowdown == pytest.approx(rate_rps, rel=0.005)


def test_s2t_large_misses_one_rps_under_the_margin() -> None:
    large = load_pipeline("audio-qa").stages[0].variants[2]
    assert large.name == "s2t-large"
    assert large.throughput_rps(1) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_every_number_says_where_it_comes_from(name: str) -> None:
    card = load_card(name)
    model = read_card_model(card.path)
    numbers = ["sla", "drop_after", "batch_timeout", "batch_cap", "replica_cap", "threshold", "slowdown"]
    numbers += ["alpha", "beta", "delta", "rho", "accuracy_measure", "fa2_high", "rim"]
    for stage in model.stages:
        for variant in stage.variants:
            numbers += [f"stages/{stage.name}/{variant.name}/{f}" for f in ("accuracy", "cores", "startup", "latency")]
    kinds = ("measured:", "measured at", "published:", "fitted:", "chosen:", "by rule:")
    assert [number for number in numbers if not card.sources.get(number, "").startswith(kinds)] == []


@pytest.mark.parametrize("name", NAMES)
def test_batching_gains_throughput_but_never_more_than_fourfold(name: str) -> None:
    for stage in load_pipeline(name).stages:
        for variant in stage.variants:
            gain = variant.throughput_rps(64) / variant.throughput_rps(1)
            assert 0.9 <= gain <= 4.0, variant.name


def test_audio_cards_leave_the_wav2vec2_variants_out() -> None:
    card = load_card("audio-qa")
    assert card.disabled == ("speech-to-text/wav2vec2-base", "speech-to-text/wav2vec2-large")
    assert card.pipeline.stages[0].accuracy_ranks == (0.0, 0.5, 1.0)


def test_paper_settings_merge_later_runs_over_earlier_ones() -> None:
    card = load_card("audio-qa")
    assert card.paper_settings("ipa", "bursty").alpha == 20
    assert card.paper_settings("ipa", "steady-low").alpha == 10
    assert card.paper_settings("rim", "fluctuating").beta == 0.1
    assert card.paper_settings("rim", "steady-low").replicas == (20, 5)
    assert card.paper_settings("fa2-low", "steady-high").load_factor == 1.2


def test_paper_margin_changes_the_planned_throughput_alone() -> None:
    card = load_card("nlp")
    planned = card.paper_settings("fa2-high", "bursty").planned_pipeline(card.pipeline)
    big = planned.stages[1].variants[1]
    assert big.throughput_rps(1) == pytest.approx(0.43 * 3.2871, rel=1e-4)  # margin -57 %
    assert big.cores == 16


def test_paper_profile_replaces_cores_and_rate() -> None:
    card = load_card("sum-qa")
    planned = card.paper_settings("rim", "steady-low").planned_pipeline(card.pipeline)
    smallest, cheap = planned.stages[0].variants[:2]
    assert (smallest.cores, cheap.cores) == (1, 2)
    assert smallest.throughput_rps(1) == pytest.approx(3.0)  # 6 rps with the margin of 50 %
    assert cheap.throughput_rps(1) == pytest.approx(5.0339 / 2)


@pytest.mark.parametrize("name", NAMES)
def test_rho_is_ten_times_the_bill_of_the_training_mean(name: str) -> None:
    if "twitter-like" not in catalog.names("traces"):
        pytest.skip("traces/twitter-like.yaml is not there")
    from ipa_gym.optimizer.carrying_cost import cheapest_carrying_cost
    from ipa_gym.workload import load_trace

    trace = load_trace("twitter-like")
    start, end = trace.splits["train"]
    pipeline = load_pipeline(name)
    cost_cores = cheapest_carrying_cost(pipeline, float(trace.counts[start:end].mean()))
    assert pipeline.objective.rho == pytest.approx(10 * pipeline.objective.beta * cost_cores)
