"""The comparison with the paper's published runs, where the real counts and the published series are at hand."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"


def fidelity_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "benchmarks" / "fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_costs_and_accuracies_of_video_and_audio_qa_match_the_published_means() -> None:
    counts, published = DATA / "twitter_rps.npz", DATA / "paper_figures.json"
    if not (counts.is_file() and published.is_file()):
        pytest.skip("the real Twitter counts or the published series are not at ../shared/data")
    from ipa_gym.workload import load_trace

    script = fidelity_script()
    trace = load_trace(counts, scale=0.125)
    cells = pl.DataFrame(
        [
            script.run(name, load, policy, trace=trace, batch_cap=1)
            for name in ("video", "audio-qa")
            for load in script.LOADS
            for policy in script.POLICIES
        ]
    )
    compared = script.with_published(cells, json.loads(published.read_text(encoding="utf-8")))
    assert compared.height == 32
    assert compared.filter(pl.col("cost_error").abs() <= 0.10).height >= 26
    assert compared.filter(pl.col("pas_error").abs() <= 0.05).height >= 28
    assert script.order_faults(compared) == []
