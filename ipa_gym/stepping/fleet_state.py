"""What a fleet carries from one step to the next, as plain arrays by name: to be stored, and to go on from.

The arrays hold no code, so that they may lie in a file of anyone's. Next: `fleet.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import OptionError
from ipa_gym.queueing.state import Blocks, new_blocks
from ipa_gym.stepping.fleet import Fleet

Arrays = dict[str, NDArray[Any]]
_BLOCKS, _EPISODES, _OUTPUTS = "blocks.", "episodes.", "outputs."


def fleet_arrays(fleet: Fleet) -> Arrays:
    """Copies of everything that the next step depends on."""
    return {
        **{_BLOCKS + name: array.copy() for name, array in fleet.memory.blocks._asdict().items()},
        **{_EPISODES + name: array.copy() for name, array in fleet.episodes._asdict().items()},
        **{_OUTPUTS + name: array.copy() for name, array in fleet.outputs._asdict().items()},
    }


def restore_fleet(fleet: Fleet, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Go on from arrays of a fleet of the same settings and size.

    Raises: OptionError if they are of another one.
    """
    blocks = _blocks(fleet, arrays)
    own = {
        **{_EPISODES + name: array for name, array in fleet.episodes._asdict().items()},
        **{_OUTPUTS + name: array for name, array in fleet.outputs._asdict().items()},
    }
    found = {name: like(arrays, name, array) for name, array in own.items()}  # may refuse; nothing has changed so far
    for name, array in own.items():
        array[:] = found[name]
    fleet.memory.replace(blocks)


def _blocks(fleet: Fleet, arrays: Mapping[str, NDArray[Any]]) -> Blocks:
    """The stored state of the queueing model, whose room may be larger than the fleet's own."""
    own = fleet.memory.blocks
    n_stages, n_slots, n_places = like(arrays, _BLOCKS + "size", own.size).tolist()
    most = sum(array.size for name, array in arrays.items() if name.startswith(_BLOCKS))
    if n_stages != own.size[0] or not 1 <= min(n_slots, n_places) <= max(n_slots, n_places) <= most:
        raise OptionError("the stored state is of other environments; expected as many, of the same pipeline")
    room = new_blocks(len(own.counts), n_stages, n_slots=n_slots, n_places=n_places)
    return Blocks._make(np.array(like(arrays, _BLOCKS + name, array)) for name, array in room._asdict().items())


def like(arrays: Mapping[str, NDArray[Any]], name: str, own: NDArray[Any]) -> NDArray[Any]:
    """A stored array of the shape and type of the fleet's own. Raises: OptionError."""
    found = arrays.get(name)
    if found is None or found.shape != own.shape or found.dtype != own.dtype:
        shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise OptionError(f"stored state: {name} is {shown}; expected {own.dtype} {own.shape}")
    return found
