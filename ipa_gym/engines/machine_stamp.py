"""Says what on a machine decides results: this package's sources and the versions that it computes with.

Two machines with the same stamp give the same results; engines refuse workers with another one.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import ipa_gym

_PACKAGE = "ipa-gym"
_OPTIONAL = ("torch", "stable-baselines3", "sb3-contrib")  # compute too, where they are installed


@lru_cache(maxsize=1)
def machine_stamp() -> Mapping[str, str]:
    """Name -> version of Python, of this package with its sources' digest, and of the packages that it needs."""
    found = {"python": platform.python_version(), _PACKAGE: f"{ipa_gym.__version__}+{_sources_digest()[:12]}"}
    try:
        requirements = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from a source folder that is not installed
        requirements = []
    needed = [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requirements if "extra ==" not in text]
    for name in (*needed, *_OPTIONAL):
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


def _sources_digest() -> str:
    folder = Path(ipa_gym.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
