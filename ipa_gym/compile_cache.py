"""Keeps numba's disk cache true to the sources: forgets compiled code as soon as any compiled module has changed.

numba watches the file of each cached function alone, while its machine code holds everything that it calls. After an
edit or a `git pull` in `queueing/replicas.py` it would go on running the old rules from `stepping/kernel.py`'s cache.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

_PACKAGE = Path(__file__).parent
_STAMP = "compiled-from.sha256"
_MARKS = (b"from ipa_gym.compiling import", b"from numba import")  # of a module with compiled functions
_IMPORTED = re.compile(rb"^from ipa_gym\.([.\w]+) import", re.MULTILINE)


def sources_digest(package: Path = _PACKAGE) -> str:
    """SHA-256 over the modules with compiled functions and those that they import: their constants are compiled in."""
    texts = {path: path.read_bytes() for path in package.rglob("*.py")}
    chosen = {path for path, text in texts.items() if any(mark in text for mark in _MARKS)}
    for path in tuple(chosen):
        names = (name.decode().replace(".", "/") for name in _IMPORTED.findall(texts[path]))
        chosen |= {package / f"{name}.py" for name in names} & texts.keys()
    digest = hashlib.sha256()
    for path in sorted(chosen):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + texts[path] + b"\0")
    return digest.hexdigest()


def forget_what_changed(package: Path = _PACKAGE) -> int:
    """Delete the cached code beside the modules if it was compiled from other sources; returns how many files.

    Where the package cannot be written to, numba keeps its cache elsewhere and nothing is done.
    """
    stamp, digest = package / "__pycache__" / _STAMP, sources_digest(package)
    try:
        if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
            return 0
        old = list(package.rglob("__pycache__/*.nb[ic]"))
        for path in old:
            path.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        unfinished = stamp.with_suffix(f".{os.getpid()}")
        unfinished.write_text(digest, encoding="ascii")
        unfinished.replace(stamp)
    except OSError:
        return 0
    return len(old)
