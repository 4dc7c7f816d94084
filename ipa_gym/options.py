"""The environment's options, checked once: what `gymnasium.make` may be given beside pipeline and trace.

Each fault is one `OptionError` that names the option, the value and what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_args

from ipa_gym.accuracy import ACCURACY_MEASURES
from ipa_gym.errors import OptionError, unknown_name
from ipa_gym.pipeline import Objective
from ipa_gym.workload.arrivals import ArrivalKind
from ipa_gym.workload.trace import Trace


def positive(name: str, value: Any) -> float:
    """A finite number above zero. Raises: OptionError."""
    return _number(name, value, lowest=0.0, open_end=True)


def not_negative(name: str, value: Any) -> float:
    """A finite number of at least zero. Raises: OptionError."""
    return _number(name, value, lowest=0.0, open_end=False)


def _number(name: str, value: Any, *, lowest: float, open_end: bool) -> float:
    allowed = f"a finite number {'above' if open_end else 'of at least'} {lowest:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise OptionError(f"{name} is {value!r}; expected {allowed}")
    if value < lowest or (open_end and value == lowest):
        raise OptionError(f"{name} is {value!r}; expected {allowed}")
    return float(value)


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of the allowed words. Raises: UnknownNameError with the nearest."""
    if value not in allowed:
        raise unknown_name(name, str(value), allowed)
    return str(value)


def arrival_kind(value: Any) -> ArrivalKind:
    """One of the arrival processes. Raises: UnknownNameError."""
    kinds: tuple[ArrivalKind, ...] = get_args(ArrivalKind)
    return kinds[kinds.index(choice("arrivals", value, kinds))]  # type: ignore[arg-type]  # checked to be one of them


def override_objective(objective: Objective, changes: Mapping[str, Any] | None) -> Objective:
    """The objective with some weights replaced.

    Args:
        changes: any of alpha, beta, delta, rho (numbers of at least 0) and accuracy_measure.
    Raises: OptionError or UnknownNameError.
    """
    names = [field.name for field in fields(Objective)]
    checked: dict[str, Any] = {}
    for name, value in (changes or {}).items():
        choice("reward option", name, names)
        if name == "accuracy_measure":
            checked[name] = choice("accuracy measure", value, ACCURACY_MEASURES)
        else:
            checked[name] = not_negative(f"reward[{name!r}]", value)
    return replace(objective, **checked)


def split_range(trace: Trace, split: str | None) -> tuple[int, int]:
    """Seconds of the trace that episodes may come from.

    Args:
        split: a split of the trace's card; None takes ``train`` where there is one, else ``all``.
    Raises: UnknownNameError if the trace has no such split.
    """
    if split is None:
        split = "train" if "train" in trace.splits else "all"
    return trace.split_range(split)


def whole_intervals(name: str, seconds: float, interval_s: float) -> int:
    """How many intervals fill ``seconds`` exactly. Raises: OptionError if they do not."""
    intervals = round(seconds / interval_s)
    if intervals < 1 or not math.isclose(intervals * interval_s, seconds, rel_tol=1e-9):
        raise OptionError(f"{name} is {seconds:g} s; expected a multiple of interval ({interval_s:g} s)")
    return intervals
