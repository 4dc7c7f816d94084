"""Keeps HiGHS's banner out of standard output, where tables and JSON go.

HiGHS 1.16 prints two lines from C++ when the first solver object of a process is made, before any option can silence
it. Making that first object here, with file descriptor 1 pointed elsewhere for a moment, is the only way around it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache


@cache
def silence_banner() -> None:
    """Make a process's first HiGHS object with standard output put aside; later calls do nothing."""
    import highspy

    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # no standard output: nothing to keep clean
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            highspy.Highs()  # type: ignore[no-untyped-call]  # highspy's
            _flush_c_buffers()
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c_buffers() -> None:
    """Write out what C's stdio holds while descriptor 1 still points elsewhere."""
    library = "msvcrt" if os.name == "nt" else None
    ctypes.CDLL(library).fflush(None)
