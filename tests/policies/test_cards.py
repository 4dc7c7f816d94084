"""Agent cards: those that ship, and broken ones of a user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ipa_gym import catalog
from ipa_gym.errors import CardError, UnknownNameError
from ipa_gym.policies import POLICIES, Setting, build_policy, load_agent_card, policy_class
from ipa_gym.policies.ipa import IPAPolicy

AGENTS = ("fa2-high", "fa2-low", "hpa", "ipa", "ipa-exact", "ipa-perfect", "random", "rim", "static")


def test_the_nine_agents_ship() -> None:
    assert set(AGENTS) <= set(catalog.names("agents"))


@pytest.mark.parametrize("name", AGENTS)
def test_a_shipped_card_names_itself_and_documents_every_parameter(name: str) -> None:
    card = load_agent_card(name)
    parameters = policy_class(card.policy).PARAMETERS
    assert card.name == name
    assert set(card.parameters) == set(parameters), "every parameter is in the card"
    assert set(card.sources) == set(parameters), "every parameter says where its value comes from"


def test_shipped_cards_differ_where_their_names_say(setting: Setting) -> None:
    assert load_agent_card("ipa").parameters["solver"] == "highs"
    assert load_agent_card("ipa-exact").parameters["solver"] == "exact"
    assert load_agent_card("ipa-perfect").forecast == "perfect"
    assert [load_agent_card(name).forecast for name in AGENTS].count(None) == len(AGENTS) - 1


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_each_entry_of_the_table_loads_and_documents_itself(name: str) -> None:
    found = policy_class(name)
    assert "Rule" in found.__doc__
    assert "Source" in found.__doc__
    assert all(parameter.accepts(parameter.default) for parameter in found.PARAMETERS.values())


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ipa-exact'"):
        load_agent_card("ipa-exakt")
    with pytest.raises(UnknownNameError, match="Did you mean 'static'"):
        policy_class("statik")


def _card(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_user_s_card_needs_only_name_title_and_policy(tmp_path: Path, setting: Setting) -> None:
    card = load_agent_card(_card(tmp_path, "name: mine\ntitle: my agent\npolicy: ipa\n"))
    assert card.forecast is None
    assert isinstance(build_policy(card, setting), IPAPolicy)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name: a\npolicy: ipa\n", ["title", "missing"]),
        ("name: a\ntitle: b\npolicy: ipa\nparameter: {}\n", ["parameter", "unknown key", "Did you mean 'parameters'"]),
        ("name: a\ntitle: b\npolicy: 3\n", ["policy", "3", "text"]),
        ("name: a/b\ntitle: b\npolicy: ipa\n", ["name", "a/b"]),
        ("name: a\ntitle: b\npolicy: ipa\nparameters: [1]\n", ["parameters", "[1]", "mapping"]),
        ("name: a\ntitle: b\npolicy: ipa\nforecast: perfct\n", ["forecast", "perfct", "Did you mean 'perfect'"]),
        ("name: a\ntitle: b\npolicy: ipa\nsources: {solver: x}\n", ["sources.solver"]),
        ("- name\n", ["mapping"]),
        ("name: [a\n", ["not valid YAML"]),
        ("name: a\ntitle: b\npolicy: !!python/object/apply:os.system ['true']\n", ["not valid YAML"]),
    ],
)
def test_a_broken_card_gets_one_error_that_names_file_field_and_value(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    with pytest.raises(CardError) as caught:
        load_agent_card(_card(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    for part in ["mine.yaml", *parts]:
        assert part in message


@pytest.mark.parametrize(
    ("policy", "parameters", "parts"),
    [
        ("ipa", "{solvr: highs}", ["solvr", "Did you mean 'solver'"]),
        ("ipa", "{solver: gurobi}", ["parameters.solver", "'gurobi'", "highs, cbc, exact"]),
        ("ipa", "{solver: [highs]}", ["parameters.solver", "['highs']"]),
        ("ipa", "{load_factor: '1.2'}", ["parameters.load_factor", "'1.2'", "a number above 0"]),
        ("ipa", "{load_factor: -1}", ["parameters.load_factor", "-1", "a number above 0"]),
        ("ipa", "{load_factor: .nan}", ["parameters.load_factor", "nan", "a number above 0"]),
        ("ipa", "{load_factor: true}", ["parameters.load_factor", "True", "a number above 0"]),
        ("fa2", "{variants: best}", ["parameters.variants", "'best'", "least-accurate, accurate, or a list"]),
        ("fa2", "{variants: [small, bigg]}", ["'bigg'", "Did you mean 'big'"]),
        ("fa2", "{variants: [small]}", ["variants", "2 stages"]),
        ("rim", "{replicas: [2, 2.5]}", ["parameters.replicas", "2.5", "whole numbers"]),
        ("rim", "{replicas: [2, 99]}", ["replicas", "99", "1 to 10"]),
        ("hpa", "{target_percent: 0.8}", ["parameters.target_percent", "0.8", "whole number from 1 to 100"]),
        ("hpa", "{target_percent: 120}", ["parameters.target_percent", "120", "1 to 100"]),
        ("hpa", "{stabilization: 0}", ["parameters.stabilization", "0", "above 0"]),
        ("static", "{configuration: [{variant: small}]}", ["configuration", "2 stages"]),
        ("random", "{seed: -1}", ["parameters.seed", "-1", "from 0"]),
        ("randon", "{}", ["policy", "randon", "Did you mean 'random'"]),
    ],
)
def test_a_wrong_parameter_gets_one_error_that_names_file_field_and_value(
    tmp_path: Path, setting: Setting, policy: str, parameters: str, parts: list[str]
) -> None:
    card = load_agent_card(_card(tmp_path, f"name: a\ntitle: b\npolicy: {policy}\nparameters: {parameters}\n"))
    with pytest.raises(CardError) as caught:
        build_policy(card, setting)
    message = str(caught.value)
    assert "\n" not in message
    for part in ["mine.yaml", *parts]:
        assert part in message


def test_pulp_is_loaded_only_by_the_policies_that_use_it() -> None:
    code = """
import sys
from ipa_gym.policies import policy_class
for name in ("ipa", "fa2", "rim", "hpa", "static", "random"):
    policy_class(name)
from ipa_gym.policies.planning import load_solver
load_solver("exact")
before = "pulp" in sys.modules
load_solver("highs")
print(before, "pulp" in sys.modules or "ipa_gym.optimizer.pulp_solver" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
