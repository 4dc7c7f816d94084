"""Says what a result came from: settings, versions, cards, traces, machine.

Reads, hashes, and returns plain data for ``settings.json``.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ipa_gym import catalog
from ipa_gym.benchmark.identity import program_version, trace_digest, versions
from ipa_gym.benchmark.runner import BenchmarkRun
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.cards import load_card


def provenance(run: BenchmarkRun, *, command: str | None) -> dict[str, Any]:
    """Everything that a reader needs to run it again.

    Args:
        command: the command line that asked for it; None when called as a library.
    """
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": program_version(),
        "settings": asdict(run.settings),
        "cards": card_versions(run),
        "traces": trace_digests(run),
        "versions": {"python": platform.python_version(), **versions()},
        "platform": {"system": platform.platform(), "machine": platform.machine()},
        "episodes": {"all": run.episodes.height, "found_in_store": run.n_found},
    }


def card_versions(run: BenchmarkRun) -> dict[str, list[dict[str, str]]]:
    """Name or path, version and SHA-256 of every pipeline and agent card."""
    return {"pipelines": _pipeline_cards(run.settings), "agents": _agent_cards(run)}


def trace_digests(run: BenchmarkRun) -> dict[str, Mapping[str, Any]]:
    """Length, requests and SHA-256 of the counts of each trace, as scaled for this run."""
    return {
        name: {
            "n_seconds": trace.n_seconds,
            "requests": int(trace.counts.sum()),
            "sha256": trace_digest(trace),
        }
        for name, trace in run.inputs.traces.items()
    }


def _pipeline_cards(settings: BenchmarkSettings) -> list[dict[str, str]]:
    return [
        {
            "card": reference,
            "version": load_card(reference).pipeline.version,
            "sha256": hashlib.sha256(catalog.find("envs", reference).read_bytes()).hexdigest(),
        }
        for reference in settings.pipeline_references()
    ]


def _agent_cards(run: BenchmarkRun) -> list[dict[str, str]]:
    """A card for each training seed of an agent."""
    found = []
    for reference, group in zip(run.settings.agent_references(), run.inputs.agents.values(), strict=True):
        for card, label in zip(group.cards, group.labels, strict=True):
            name = f"{reference}/{label}" if len(group.cards) > 1 else reference
            digest = hashlib.sha256(card.path.read_bytes()).hexdigest()
            found.append({"card": name, "version": card.version, "sha256": digest})
    return found
