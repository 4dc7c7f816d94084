"""Says what a result came from: settings, versions, cards, traces, machine; and the fingerprint of what decides it.

Reads, hashes, and returns plain data for ``settings.json``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import ipa_gym
from ipa_gym import catalog
from ipa_gym.benchmark.inputs import Inputs
from ipa_gym.benchmark.settings import BenchmarkSettings
from ipa_gym.cards import load_card
from ipa_gym.catalog import Kind

PACKAGE = "ipa-gym"


def provenance(settings: BenchmarkSettings, inputs: Inputs, *, command: str | None, jobs: int) -> dict[str, Any]:
    """Everything that a reader needs to run it again.

    Args:
        command: the command line that asked for it; None when called as a library.
        jobs: worker processes.
    """
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": asdict(settings),
        "cards": card_versions(settings),
        "traces": trace_digests(inputs),
        "versions": versions(),
        "platform": {"system": platform.platform(), "machine": platform.machine(), "jobs": jobs},
        "fingerprint": fingerprint(settings, inputs),
    }


def fingerprint(settings: BenchmarkSettings, inputs: Inputs) -> str:
    """SHA-256 of all that decides the rows: settings, cards, loads, versions and this package's source."""
    decisive = {
        "settings": asdict(settings),
        "cards": card_versions(settings),
        "traces": trace_digests(inputs),
        "versions": versions(),
        "source": _source_digest(),
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python, this package and its run-time dependencies."""
    found = {"python": platform.python_version(), PACKAGE: ipa_gym.__version__}
    try:
        requirements = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from a source folder that is not installed
        requirements = []
    for requirement in requirements:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is not None and "extra ==" not in requirement:
            found[name.group()] = metadata.version(name.group())
    return found


def card_versions(settings: BenchmarkSettings) -> dict[str, list[dict[str, str]]]:
    """Name or path, version and SHA-256 of every pipeline and agent card."""
    from ipa_gym.policies import load_agent_card

    pipelines = [(ref, load_card(ref).pipeline.version) for ref in settings.pipeline_references()]
    agents = [(ref, load_agent_card(ref).version) for ref in settings.agent_references()]
    return {
        "pipelines": [_card_entry("envs", reference, version) for reference, version in pipelines],
        "agents": [_card_entry("agents", reference, version) for reference, version in agents],
    }


def trace_digests(inputs: Inputs) -> dict[str, Mapping[str, Any]]:
    """Length, requests and SHA-256 of the counts of each trace, as scaled for this run."""
    return {
        name: {
            "n_seconds": trace.n_seconds,
            "requests": int(trace.counts.sum()),
            "sha256": hashlib.sha256(trace.counts.astype("<i8").tobytes()).hexdigest(),
        }
        for name, trace in inputs.traces.items()
    }


def _card_entry(kind: Kind, reference: str, version: str) -> dict[str, str]:
    content = catalog.find(kind, reference).read_bytes()
    return {"card": reference, "version": version, "sha256": hashlib.sha256(content).hexdigest()}


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(ipa_gym.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
