"""The exceptions that users meet.

Each says where the fault is, what was found, what is allowed and, for names, the nearest one.
The command line turns them into one line and exit code 2. Nothing here formats output.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IpaGymError(ValueError):
    """Base of every error that a user's input can cause."""


class CardError(IpaGymError):
    """A pipeline, agent or trace card that cannot be used; names file, field, value and what is allowed."""


class TraceError(IpaGymError):
    """A load trace, window or scale that cannot be used."""


class WeightsError(IpaGymError):
    """A file of a forecast's trained weights that cannot be used; names file, field, value and what is allowed."""


class StoreError(IpaGymError):
    """A folder of results that cannot be used; names the file and what is expected."""


class OptionError(IpaGymError):
    """An argument of an environment, policy or command that is out of its range."""


class UnknownNameError(IpaGymError, KeyError):
    """A name that is in no table or folder; the message suggests the nearest one."""

    def __str__(self) -> str:  # KeyError would show the repr, quotes and all
        return str(self.args[0]) if self.args else ""


def unknown_name(kind: str, found: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a name that is not in ``known``, with the nearest one if there is one."""
    names = sorted(known)
    near = difflib.get_close_matches(str(found), names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UnknownNameError(f"unknown {kind} {found!r}; known: {', '.join(names) or 'none'}.{hint}")
