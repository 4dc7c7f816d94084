"""The base-allocation rule and Swayam's stage SLA on numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym import catalog
from ipa_gym.errors import CardError, OptionError
from ipa_gym.profiling import CoreOption, base_allocation, stage_sla_s
from ipa_gym.profiling.allocation_report import allocation_report

OPTIONS = [CoreOption(4, 0.25, 4.0), CoreOption(1, 0.8, 1.25), CoreOption(2, 0.5, 2.0)]


def test_stage_sla_is_five_times_the_mean_latency() -> None:
    assert stage_sla_s([0.1, 0.2, 0.6]) == pytest.approx(1.5)


def test_fewest_cores_that_sustain_the_threshold() -> None:
    assert base_allocation(OPTIONS, threshold_rps=2.0, sla_s=1.0) == 2
    assert base_allocation(OPTIONS, threshold_rps=2.1, sla_s=1.0) == 4


def test_latency_beyond_the_stage_sla_needs_more_cores() -> None:
    assert base_allocation(OPTIONS, threshold_rps=1.0, sla_s=0.3) == 4


def test_nothing_sustains_an_impossible_threshold() -> None:
    assert base_allocation(OPTIONS, threshold_rps=5.0, sla_s=1.0) is None


def test_threshold_must_be_positive() -> None:
    with pytest.raises(OptionError, match="threshold 0"):
        base_allocation(OPTIONS, threshold_rps=0, sla_s=1.0)


def test_rule_gives_the_published_cores_of_the_audio_variants() -> None:
    rows = allocation_report(catalog.find("envs", "audio-qa"))
    found = {row.variant: row.rule_cores for row in rows}
    assert found["s2t-small"] == 1
    assert found["s2t-medium"] == 2
    assert found["s2t-large"] not in (1, 2, 4, 8)  # published: not reached at up to 8 cores
    assert found["roberta-base-squad2"] == 1


@pytest.mark.parametrize("name", catalog.names("envs"))
def test_card_says_where_its_cores_differ_from_the_rule(name: str) -> None:
    from ipa_gym.cards import load_card

    card = load_card(name)
    rows = allocation_report(card.path)
    assert rows
    for row in rows:
        source = card.sources[f"stages/{row.stage}/{row.variant}/cores"]
        if row.rule_cores != row.card_cores and not source.startswith("chosen"):
            assert "the base-allocation rule" in source, row
        else:
            assert "the base-allocation rule" not in source, row


def test_card_without_threshold_has_no_report(tmp_path: Path) -> None:
    text = catalog.find("envs", "video").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("threshold:")]
    path = tmp_path / "mine.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(CardError, match="threshold is missing"):
        allocation_report(path)
