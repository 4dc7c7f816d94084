"""Finding cards by name and by path."""

import pytest

from ipa_gym import catalog
from ipa_gym.errors import UnknownNameError

PIPELINES = ("audio-qa", "audio-sent", "nlp", "sum-qa", "video")


def test_the_five_pipelines_and_five_traces_ship() -> None:
    assert catalog.names("envs") == PIPELINES
    assert catalog.names("traces") == ("bursty", "fluctuating", "steady-high", "steady-low", "twitter-like")


def test_a_name_finds_the_shipped_card_and_a_path_ones_own(tmp_path) -> None:
    assert catalog.find("envs", "video").name == "video.yaml"
    own = tmp_path / "mine.yaml"
    own.write_text("name: mine\n")
    assert catalog.find("envs", str(own)) == own


def test_unknown_names_suggest_and_missing_files_say_so(tmp_path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'video'"):
        catalog.find("envs", "vidoe")
    with pytest.raises(UnknownNameError, match="no file"):
        catalog.find("envs", str(tmp_path / "absent.yaml"))


def test_an_error_reads_as_a_sentence() -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalog.find("agents", "ipaa")
    assert str(caught.value).startswith("unknown agent card 'ipaa'; known: ")
