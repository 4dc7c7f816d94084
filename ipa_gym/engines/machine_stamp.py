"""Says what on a machine decides results: this package's sources and the versions that it computes with.

Two machines with the same stamp give the same results; engines refuse workers with another one.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata

from ipa_gym.program import PACKAGE, required_packages, source_files, version_of

_OPTIONAL = ("torch", "stable-baselines3", "sb3-contrib")  # compute too, where they are installed


@lru_cache(maxsize=1)
def machine_stamp() -> Mapping[str, str]:
    """Name -> version of Python, of this package with its sources' digest, and of the packages that it needs."""
    found = {"python": platform.python_version(), PACKAGE: version_of(source_files())}
    for name in (*required_packages(), *_OPTIONAL):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What differs, as ``numpy 2.4.6 (here 2.3.0)``; nothing if the stamps are the same."""
    names = [
        name for name in (*here, *(name for name in there if name not in here)) if here.get(name) != there.get(name)
    ]
    return ", ".join(f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})" for name in names)
