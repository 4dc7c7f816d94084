"""Each way to break a card gives one line that names file, field, value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipa_gym.cards import load_pipeline
from ipa_gym.errors import CardError

Card = dict[str, Any]  # Any: a parsed YAML mapping
GOOD = """
name: toy
title: Toy
version: "1"
sla: 2.0
drop_after: 4.0
batch_timeout: 1.0
batch_cap: 2
replica_cap: 10
slowdown: 2.0
objective: {alpha: 1, beta: 0.5, delta: 1e-6, rho: 3, accuracy_measure: product}
stages:
  - name: first
    variants:
      - {name: small, accuracy: 50, cores: 1, startup: 0, latency: {1: 0.1, 2: 0.15}}
      - {name: large, accuracy: 80, cores: 2, startup: 5, latency: {1: 0.2, 2: 0.4}}
  - name: second
    variants:
      - {name: only, accuracy: 90, cores: 1, startup: 1, latency: {1: 0.3, 2: 0.3}}
"""


def _variant(card: Card, stage: int = 0, variant: int = 0) -> Card:
    return card["stages"][stage]["variants"][variant]  # type: ignore[no-any-return]  # plain YAML


BREAKS: dict[str, tuple[Callable[[Card], object], list[str]]] = {
    "unknown key": (lambda c: c.update(slo=3), ["slo", "unknown key", "sla", "Did you mean"]),
    "unknown variant key": (
        lambda c: _variant(c).update(latancy={}),
        ["stages[0].variants[0].latancy", "unknown key", "Did you mean 'latency'?"],
    ),
    "missing key": (lambda c: c.pop("sla"), ["sla", "missing", "required"]),
    "missing batch size": (
        lambda c: _variant(c, 1).update(latency={1: 0.3}),
        ["stages[1].variants[0].latency", "[2]", "batch_cap 2"],
    ),
    "gap in batch sizes": (
        lambda c: _variant(c).update(latency={1: 0.1, 2: 0.2, 8: 0.3}),
        ["stages[0].variants[0].latency", "[4]", "power of two"],
    ),
    "odd batch size": (lambda c: _variant(c).update(latency={1: 0.1, 2: 0.2, 3: 0.3}), ["batch [3]", "powers of two"]),
    "negative latency": (
        lambda c: _variant(c).update(latency={1: -0.1, 2: 0.2}),
        ["stages[0].variants[0].latency", "-0.1", "> 0"],
    ),
    "falling latency": (
        lambda c: _variant(c).update(latency={1: 0.2, 2: 0.1}),
        ["stages[0].variants[0].latency", "0.2 s at batch 1 and 0.1 s at batch 2", "not fall"],
    ),
    "infinite latency": (
        lambda c: _variant(c).update(latency={1: 0.2, 2: float("inf")}),
        ["stages[0].variants[0].latency", "inf", "finite"],
    ),
    "duplicate variant": (lambda c: _variant(c, 0, 1).update(name="small"), ["stages[0].variants", "'small' twice"]),
    "duplicate stage": (lambda c: c["stages"][1].update(name="first"), ["stages", "'first' twice"]),
    "accuracy above 100": (
        lambda c: _variant(c).update(accuracy=100.5),
        ["stages[0].variants[0].accuracy", "100.5", "less than or equal to 100"],
    ),
    "negative accuracy": (lambda c: _variant(c).update(accuracy=-1), ["accuracy", "-1", "greater than or equal to 0"]),
    "unreachable SLA": (lambda c: c.update(sla=0.7), ["sla", "0.7", "at least 0.8 s"]),  # 2 x (0.1 + 0.3)
    "bool as number": (lambda c: c.update(sla=True), ["sla", "True", "number"]),
    "text as number": (lambda c: c.update(sla="fast"), ["sla", "'fast'", "number"]),
    "nan": (lambda c: c["objective"].update(alpha=float("nan")), ["objective.alpha", "nan", "finite"]),
    "batch cap": (lambda c: c.update(batch_cap=3), ["batch_cap", "3", "power of two"]),
    "replica cap": (lambda c: c.update(replica_cap=0), ["replica_cap", "0", "greater than or equal to 1"]),
    "measure": (lambda c: c["objective"].update(accuracy_measure="sum"), ["accuracy_measure", "'sum'", "rank_sum"]),
    "no stages": (lambda c: c.update(stages=[]), ["stages", "[]", "at least one"]),
    "all disabled": (
        lambda c: _variant(c, 1).update(enabled=False),
        ["stages[1].variants", "disabled", "at least one"],
    ),
    "forecast": (lambda c: c.update(forecast="holtz"), ["forecast", "'holtz'", "reactive, max, holt, lstm, perfect"]),
    "forecast's file": (
        lambda c: c.update(forecast="no.safetensors"),
        ["forecast", "'no.safetensors'", "file that is"],
    ),
    "high variant": (
        lambda c: c.update(baselines={"fa2_high": ["larg", "only"]}),
        ["baselines.fa2_high[0]", "'larg'", "Did you mean 'large'?"],
    ),
    "rim length": (lambda c: c.update(baselines={"rim": [1]}), ["baselines.rim", "list of 1", "2 stages"]),
    "rim above cap": (lambda c: c.update(baselines={"rim": [1, 11]}), ["baselines.rim[1]", "11", "replica_cap 10"]),
    "initial variant": (
        lambda c: c.update(initial=[{"variant": "x", "replicas": 1}, {"variant": "only", "replicas": 1}]),
        ["initial[0].variant", "'x'", "small, large"],
    ),
    "initial batch": (
        lambda c: c.update(
            initial=[{"variant": "small", "batch": 4, "replicas": 1}, {"variant": "only", "replicas": 1}]
        ),
        ["initial[0].batch", "4", "batch_cap 2"],
    ),
    "paper variant": (
        lambda c: c.update(paper={"runs": [{"set": {"profiles": {"smal": {"cores": 1, "throughput_rps": 2}}}}]}),
        ["paper.runs[0].set.profiles", "'smal'", "Did you mean 'small'?"],
    ),
    "paper load": (
        lambda c: c.update(paper={"runs": [{"load": "stormy", "set": {}}]}),
        ["paper.runs[0].load", "'stormy'", "bursty"],
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_broken_card_names_file_field_value_and_allowed(name: str, tmp_path: Path) -> None:
    change, expected = BREAKS[name]
    card = yaml.safe_load(GOOD.replace("1e-6", "0.000001"))
    change(card)
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_pipeline(path)
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in [str(path), *expected] if part not in message] == [], message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "sla: 3\n", "'sla' is given twice"),
        (GOOD.replace("2: 0.15}", "2: 0.15, 2: 0.2}"), "2 is given twice"),
        ("- just\n- a list\n", "list; expected a mapping"),
        ("", "NoneType; expected a mapping"),
        ("sla: [1,\n", "not valid YAML"),
        ("sla: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("? [1, 2]\n: 3\n", "a key must be"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_file_that_is_no_card_gives_one_line(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_pipeline(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_give_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(CardError, match="UTF-8"):
        load_pipeline(path)


def test_good_card_loads_with_slowdown_applied(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    pipeline = load_pipeline(path)
    assert pipeline.stages[0].variants[1].latency_s == (0.4, 0.8)
    assert pipeline.objective.delta == 1e-6
