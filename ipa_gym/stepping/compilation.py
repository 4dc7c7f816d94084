"""`call`: calls a compiled function, and says so if it has to be compiled first and a user may wonder what goes on.

Compiled code is kept on disk beside the package, so that this happens once an installation, not once a process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

_LOGGER = logging.getLogger(__name__)
_PATIENCE_S = 1.0
_MESSAGE = "ipa-gym: compiling the simulator for this machine; this takes about a minute, once an installation"
_called: set[Any] = set()  # Any: numba's dispatchers


def call(function: Callable[..., Any], *arguments: Any) -> Any:  # Any: whatever the function takes and gives
    """``function(*arguments)``; warns while its first call in this process takes over a second."""
    if function in _called:
        return function(*arguments)
    timer = threading.Timer(_PATIENCE_S, _LOGGER.warning, (_MESSAGE,))
    timer.daemon = True
    timer.start()
    try:
        return function(*arguments)
    finally:
        timer.cancel()
        _called.add(function)
