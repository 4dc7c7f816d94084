"""The empty info that all environments share cannot be filled, by whatever way."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ipa_gym.errors import OptionError
from ipa_gym.training.episode_infos import EMPTY_INFO, EmptyInfo


def _or_in_place(info: dict[str, Any]) -> None:
    info |= {"x": 1}


WRITES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "info[...] = ": lambda info: info.__setitem__("x", 1),
    "del": lambda info: info.__delitem__("x"),
    "|=": _or_in_place,
    "update": lambda info: info.update(x=1),
    "setdefault": lambda info: info.setdefault("x", 1),
    "pop": lambda info: info.pop("x", None),
    "popitem": lambda info: info.popitem(),
    "clear": lambda info: info.clear(),
}


@pytest.mark.parametrize("name", WRITES)
def test_it_refuses_to_be_written_to(name: str) -> None:
    with pytest.raises(OptionError, match="expected no writing into it"):
        WRITES[name](EMPTY_INFO)
    assert EMPTY_INFO == {}


def test_every_method_by_which_a_dict_changes_is_refused() -> None:
    changing = set(dir(dict)) - set(dir(frozenset)) - set(dir(tuple)) - {"get", "keys", "values", "items", "fromkeys"}
    changing -= {"__reversed__", "copy"}
    assert changing >= {"__setitem__", "update", "setdefault"}
    assert changing | {"__ior__"} <= set(vars(EmptyInfo))


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, dict, EmptyInfo.copy, lambda i: pickle.loads(pickle.dumps(i))]
)
def test_its_copies_are_plain_dicts(copied: Callable[[Any], dict[str, Any]]) -> None:
    mine = copied(EMPTY_INFO)
    mine["x"] = 1
    assert type(mine) is dict
    assert mine == {"x": 1}
    assert EMPTY_INFO == {}


def test_it_reads_as_an_empty_dict() -> None:
    assert isinstance(EMPTY_INFO, dict)
    assert EMPTY_INFO.get("episode") is None
    assert "terminal_observation" not in EMPTY_INFO
    assert {**EMPTY_INFO, "x": 1} == {"x": 1} == EMPTY_INFO | {"x": 1}
