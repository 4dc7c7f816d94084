"""docs/policies.md: its examples run, and its tables say what the code says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from ipa_gym.policies import POLICIES, load_agent_card, policy_class
from ipa_gym.policies.card import agent_names

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(POLICIES, "queue-watcher", raising=False)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    POLICIES.pop("queue-watcher", None)
    assert failed == 0
    assert tried >= 10


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_the_parameter_table_is_the_code_s(policy: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, parameter in policy_class(policy).PARAMETERS.items():
        row = f"| `{policy}` | `{name}` | `{parameter.default}` | {parameter.allowed} | {parameter.meaning} |"
        assert row in text


def test_every_shipped_agent_of_these_policies_is_in_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    cards = [load_agent_card(name) for name in agent_names()]
    rows = [f"| `{card.name}` | `{card.policy}` |" for card in cards if card.policy in POLICIES]
    assert len(rows) >= 9
    assert [row for row in rows if row not in text] == []
