"""The infos of stable-baselines3's `VecEnv`: one dict an environment, but only where there is something to say.

In a step that ends no episode every environment has the same empty info, which cannot be written to: whoever tries is
told, instead of finding the entry in all other environments and steps. Nothing here steps. Next: `vec_env.py`.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ipa_gym.episode import INFO, TERMS
from ipa_gym.errors import OptionError

Info = dict[str, Any]  # Any: numbers, arrays, and dicts of numbers


class EmptyInfo(Info):
    """An empty dict that stays empty. Its copies, deep or not, and what is unpickled are plain dicts."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise OptionError(
            "the info of a step in which the environment's episode goes on is one empty dict, shared by all; expected "
            "no writing into it: replace it, infos[i] = {**infos[i], ...}"
        )

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse  # type: ignore[assignment]  # each refuses whatever it is given

    def copy(self) -> Info:
        """A plain dict, empty."""
        return {}

    def __reduce__(self) -> tuple[type[Info], tuple[()]]:
        return dict, ()


EMPTY_INFO = EmptyInfo()


def ended_infos(
    infos: dict[str, Any],
    ended: NDArray[np.int64],
    returns: NDArray[np.float64],
    lengths: NDArray[np.int64],
    t_s: float,
) -> list[Info]:
    """Infos of the environments whose episode ended in this step, as single environments under SB3's `Monitor` give.

    Args:
        infos: of `PipelineVectorEnv.step`, autoreset mode ``SameStep``.
        ended: int64 (k,), which environments.
        returns, lengths: float64 (N,) and int64 (N,), of the episodes.
        t_s: seconds since the environments were made.
    """
    final = infos["final_info"]
    columns = {name: final[name][ended].tolist() for name in INFO}
    terms = {name: final["reward_terms"][name][ended].tolist() for name in TERMS}
    found: list[Info] = []
    for row, i in enumerate(ended.tolist()):
        info: Info = {name: column[row] for name, column in columns.items()}
        info["reward_terms"] = {name: column[row] for name, column in terms.items()}
        info["terminal_observation"] = infos["final_obs"][i].copy()
        info["TimeLimit.truncated"] = True
        info["episode"] = {"r": round(float(returns[i]), 6), "l": int(lengths[i]), "t": round(t_s, 6)}
        found.append(info)
    return found


def begun_infos(infos: dict[str, Any], begun: NDArray[np.int64]) -> list[Info]:
    """Infos of the environments that were reset, as single environments give them.

    Args:
        infos: of `PipelineVectorEnv.reset`, or of a step that reset some.
        begun: int64 (k,), which environments.
    """
    windows, index = infos["windows"][begun].tolist(), infos["episode_index"][begun].tolist()
    return [
        {"windows": tuple(map(tuple, rows)), "episode_index": number}
        for rows, number in zip(windows, index, strict=True)
    ]
