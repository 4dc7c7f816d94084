"""The file of a trained agent: what is written is read, whatever else is refused, and nothing in it is executed."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ipa_gym.errors import CardError, OptionError
from ipa_gym.policies import Setting
from ipa_gym.policies.learned import LearnedPolicy
from ipa_gym.policies.trained_file import TrainedFile, read_trained, write_trained
from tests.conftest import toy_pipeline
from tests.policies.conftest import make_setting
from tests.policies.trained_agents import trained_agent

MASK = {"mask": np.ones(30, dtype=np.uint8)}


@pytest.fixture
def trained(setting: Setting) -> TrainedFile:
    return trained_agent(setting, arrays=MASK)


def header_of(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as opened:
        return json.loads(opened.metadata()["ipa_gym_agent"]), {n: opened.get_tensor(n) for n in opened.keys()}  # noqa: SIM118  # no mapping


def test_what_was_written_is_read(trained: TrainedFile, tmp_path: Path) -> None:
    read = read_trained(write_trained(trained, tmp_path / "agent.safetensors"))
    for field in fields(TrainedFile):
        np.testing.assert_equal(getattr(read, field.name), getattr(trained, field.name), err_msg=field.name)
    assert [path.name for path in tmp_path.iterdir()] == ["agent.safetensors"]


def test_the_same_agent_is_the_same_bytes_in_whatever_order_its_weights_are(
    trained: TrainedFile, tmp_path: Path
) -> None:
    turned = replace(trained, weights=dict(reversed(trained.weights.items())))
    first, second = (write_trained(one, tmp_path / f"{i}.safetensors") for i, one in enumerate((trained, turned)))
    assert first.read_bytes() == second.read_bytes()
    other = write_trained(trained_agent(make_setting(toy_pipeline()), seed=1, arrays=MASK), tmp_path / "2.safetensors")
    assert first.read_bytes() != other.read_bytes()


class Intruder:
    """What a pickle would do when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_a_pickle_is_refused_and_not_executed(setting: Setting, tmp_path: Path) -> None:
    path, trace = tmp_path / "agent.safetensors", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Intruder(trace)))
    pickle.loads(path.read_bytes())
    assert trace.exists()  # it would
    trace.unlink()
    with pytest.raises(CardError, match=r"agent\.safetensors: not a safetensors file"):
        LearnedPolicy(setting, weights=str(path))
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, bytes(range(256)) * 5, b"{}", b"\xff" * 8 + b"{}"])
def test_other_bytes_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "agent.safetensors"
    path.write_bytes(content)
    with pytest.raises(CardError, match=r"agent\.safetensors: not a safetensors file of a trained agent") as error:
        read_trained(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"none\.safetensors: no such file"):
        read_trained(tmp_path / "none.safetensors")


HEADERS: list[tuple[Any, str]] = [
    (None, "ipa_gym_agent"),
    ("[1]", "expected a JSON object"),
    ("{", "not a safetensors file of a trained agent"),
    ("[" * 100_000, "not a safetensors file of a trained agent"),
]


@pytest.mark.parametrize(("header", "part"), HEADERS)
def test_a_file_of_someone_elses_is_refused(header: str | None, part: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.safetensors"
    save_file({"a": np.zeros(3)}, path, metadata=None if header is None else {"ipa_gym_agent": header})
    with pytest.raises(CardError) as error:
        read_trained(path)
    message = str(error.value)
    assert part in message
    assert "agent.safetensors" in message
    assert "\n" not in message


FIELDS: list[tuple[str, Any, list[str]]] = [
    ("format", 2, ["'format' is 2", "expected 1"]),
    ("format", "1", ["'format' is '1'", "expected int"]),
    ("algorithm", 7, ["'algorithm' is 7", "expected str"]),
    ("head", [], ["'head' is []", "expected dict"]),
    ("layers", {}, ["'layers' is {}", "expected list"]),
    ("layers", [3], ["'layers'", "cannot be read"]),
    ("observation", [["load", 1]], ["'observation'", "cannot be read"]),
    ("nvec", ["many"], ["'nvec'", "cannot be read"]),
    ("interval_s", None, ["'interval_s' is None", "expected float"]),
]


@pytest.mark.parametrize(("name", "value", "parts"), FIELDS)
def test_a_faulty_field_is_named(trained: TrainedFile, name: str, value: Any, parts: list[str], tmp_path: Path) -> None:
    about, arrays = header_of(write_trained(trained, tmp_path / "agent.safetensors"))
    save_file(arrays, tmp_path / "agent.safetensors", metadata={"ipa_gym_agent": json.dumps({**about, name: value})})
    with pytest.raises(CardError) as error:
        read_trained(tmp_path / "agent.safetensors")
    for part in ("agent.safetensors", *parts):
        assert part in str(error.value)


def test_an_agent_decides_only_where_its_numbers_mean_the_same(trained: TrainedFile, setting: Setting) -> None:
    trained.check_setting(setting)
    with pytest.raises(OptionError, match=r"pipeline toy with the interval 10\.0, here it is 5\.0"):
        trained.check_setting(make_setting(toy_pipeline(), interval_s=5.0))
    with pytest.raises(OptionError, match="sizes of the action 10, here it is 9"):
        trained.check_setting(make_setting(toy_pipeline(replica_cap=9)))
    with pytest.raises(OptionError, match=r"fields of the observation .*sojourn_p99_s.*"):
        trained.check_setting(make_setting(toy_pipeline(sla_s=1.5)))


def test_a_file_of_another_pipeline_is_refused_with_its_name(trained: TrainedFile, tmp_path: Path) -> None:
    path = write_trained(trained, tmp_path / "agent.safetensors")
    with pytest.raises(CardError, match=r"agent\.safetensors: the agent was trained on pipeline toy"):
        LearnedPolicy(make_setting(toy_pipeline(batch_cap=2)), weights=str(path))
