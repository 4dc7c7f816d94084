"""The decorators of all compiled functions: cached on disk, arithmetic as written, no memory of their own.

`_nrt=False` keeps numba's reference counts out of the code, which shortens compiling and running: all arrays are
arguments, nothing is allocated. No fastmath: results must not depend on the compiler's liberties.
Modules with compiled functions import numba, so nothing that `import ipa_gym` loads may import them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from ipa_gym.compile_cache import forget_what_changed

Function = TypeVar("Function", bound=Callable[..., object])

# a start such as 0 as a plain integer: numba compiles a callee anew for each literal
whole = cast("Callable[[int], int]", np.int64)
forget_what_changed()  # before anything is loaded from the cache
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}  # Any: numba does not list the last


def compiled(function: Function) -> Function:
    """``function`` compiled at its first call; a division by zero gives an infinity, as in numpy."""
    made: Function = njit(**_OPTIONS)(function)
    return made


def released(function: Function) -> Function:
    """The same, without Python's lock while it runs: for the outermost function of work that threads share."""
    made: Function = njit(**_OPTIONS, nogil=True)(function)
    return made


def inlined(function: Function) -> Function:
    """The same, copied into its caller before compiling: for parts with one caller, which then compile once less."""
    made: Function = njit(**_OPTIONS, inline="always")(function)
    return made


def embedded(function: Function) -> Function:
    """The same, copied into its callers by LLVM: for parts of a hot path that take many arrays.

    An array argument is seven words on the stack; a call that hands on a pipeline's state costs as much as serving ten
    requests.
    """
    made: Function = njit(**_OPTIONS, forceinline=True)(function)
    return made
