"""How the kernel's functions are compiled: `compiled` for phases, `inlined` for the small ones of the hot loop.

Without numba's reference counting (``_nrt=False``): the arrays belong to the caller for the whole call and the kernel
allocates nothing, while counting references to the arrays of a NamedTuple costs ten times the simulation itself.
No fastmath: results must not depend on the compiler's liberties.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {"cache": True, "_nrt": False}  # Any: numba's types do not list the second
compiled = njit(**_OPTIONS)
inlined = njit(**_OPTIONS, inline="always")
