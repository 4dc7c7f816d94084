"""Regenerated profiles equal the cards', keep what is written by hand, and let measured values win."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipa_gym import catalog
from ipa_gym.cards import load_pipeline
from ipa_gym.errors import CardError
from ipa_gym.profiling import is_current, regenerate


@pytest.mark.parametrize("name", catalog.names("envs"))
def test_shipped_card_is_what_the_command_generates(name: str) -> None:
    path = catalog.find("envs", name)
    assert regenerate(path) == path.read_text(encoding="utf-8")


def test_stale_number_is_put_right_and_comments_stay(tmp_path: Path) -> None:
    good = catalog.find("envs", "video").read_text(encoding="utf-8")
    stale = good.replace("startup: 5.08 ", "startup: 99.0 ").replace("{1: 0.061", "{1: 0.060", 1)
    path = tmp_path / "mine.yaml"
    path.write_text(stale + "# my own remark\n", encoding="utf-8")
    assert stale != good
    assert not is_current(path)
    assert regenerate(path) == good + "# my own remark\n"


@pytest.mark.parametrize(("batch", "rate_rps"), [(1, 16.386), (2, 21.706), (8, 21.591)])
def test_measured_throughput_wins_where_it_was_measured(batch: int, rate_rps: float) -> None:
    yolov5n = load_pipeline("video").stages[0].variants[0]
    assert yolov5n.throughput_rps(batch) == pytest.approx(rate_rps, rel=1e-4)


def test_detectors_never_measured_lie_between_their_neighbours() -> None:
    large = {v.name: v.latency_s[0] for v in load_pipeline("video").stages[0].variants}
    assert large["yolov5m"] < large["yolov5l"] < large["yolov5x"]


def test_hand_written_variant_is_left_alone(tmp_path: Path) -> None:
    text = catalog.find("envs", "nlp").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("profile:")]
    by_hand = "".join(lines).replace("startup: 8.0 ", "startup: 3.25 ")
    path = tmp_path / "mine.yaml"
    path.write_text(by_hand, encoding="utf-8")
    assert regenerate(path) == by_hand


def test_variant_with_nothing_to_go_by_is_an_error(tmp_path: Path) -> None:
    text = catalog.find("envs", "audio-qa").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("throughput_rps: 15.0, ", "", 1), encoding="utf-8")
    with pytest.raises(CardError, match="no throughput_rps and no gflops"):
        regenerate(path)
