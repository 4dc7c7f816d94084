"""What program this is: the digest of its source files, and the versions of what it is installed with.

Reads files and package metadata. What two machines or two results must share is decided in `engines/machine_stamp.py`
and `benchmark/identity.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import ipa_gym

PACKAGE = "ipa-gym"
FOLDER = Path(ipa_gym.__file__).parent
DIGITS = 12  # of a digest in a version


def source_files() -> list[Path]:
    """All Python files of the package, in order of their names below it."""
    return sorted(FOLDER.rglob("*.py"), key=lambda path: path.relative_to(FOLDER).as_posix())


def version_of(files: Iterable[Path]) -> str:
    """The package's version and a digest of some of its files, by name and content: ``0.1.0+0123456789ab``."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{ipa_gym.__version__}+{digest.hexdigest()[:DIGITS]}"


def required_packages() -> list[str]:
    """Names of the packages that this one needs at run time; none where it is run from a folder not installed."""
    try:
        requirements = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requirements if "extra ==" not in text]
