"""A copy of the checkout in which commands may write: pages and figures of the original stay as they are.

What lies beside the checkout and is needed there (``../shared/data``) is linked. Runs nothing. Next: `running.py`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

LEFT_OUT = (".*", "results", "runs", "dist", "build", "*.egg-info")  # of the checkout's own folder
CHECKOUT = "checkout"
_ABOVE = ".."


def make_copy(checkout: Path, folder: Path, *, needs: Iterable[str] = ()) -> Path:
    """Copy what git would hold, compiled kernels included, into ``folder``; links stand for what lies beside.

    Args:
        checkout: the original.
        folder: an existing, empty one.
        needs: what the runs need, relative to the checkout; those outside of it are linked.
    Returns: the copy.
    """
    copy = folder / CHECKOUT
    ignored = shutil.ignore_patterns(*LEFT_OUT)

    def left_out(place: str, names: list[str]) -> set[str]:
        return ignored(place, names) if Path(place) == checkout else set()

    shutil.copytree(checkout, copy, ignore=left_out, symlinks=True)
    for need in needs:
        parts = Path(need).parts
        if parts[0] == _ABOVE:
            original, link = checkout.parent / parts[1], folder / parts[1]
            if original.exists() and not link.exists():
                link.symlink_to(original.resolve(), target_is_directory=original.is_dir())
    return copy


def missing(checkout: Path, needs: Iterable[str]) -> list[str]:
    """Those of the needed files and folders that are not there."""
    return [need for need in needs if not (checkout / need).exists()]


def environment(copy: Path) -> dict[str, str]:
    """The environment of a command that is to use the copy's code and this interpreter's packages."""
    paths = [str(copy), os.environ.get("PYTHONPATH", "")]
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PATH": os.pathsep.join(filter(None, programs)),
        "COLUMNS": "200",
    }
