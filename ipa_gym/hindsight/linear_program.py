"""`LinearProgram`: collects variables and sparse rows by the block, and lets HiGHS maximise. Knows no pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ipa_gym.errors import IpaGymError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Term = tuple[Ints, "Floats | float"]  # variables, one for each row of a block, and their coefficients

_TOLERANCE = 1e-6  # what HiGHS may be off by, relative to 1 + |optimum|: feasibility and optimality within 1e-7
_METHODS = {"highs-ipm": 120.0, "highs-ds": 900.0}  # the second where the first, mostly done in seconds, gives up


class BoundError(IpaGymError):
    """The linear program of a bound could not be solved."""


class LinearProgram:
    """Maximise gain · x subject to rows <= limits, or == limits, and 0 <= x <= most."""

    def __init__(self) -> None:
        self._gain: list[Floats] = []
        self._most: list[Floats] = []
        self._n = 0
        self._rows = {"<=": _Rows(), "==": _Rows()}

    def variables(self, *shape: int, gain: Floats | float = 0.0, most: Floats | float = np.inf) -> Ints:
        """New variables, at least 0; ``gain`` and ``most`` are broadcast to the shape. Returns: their numbers."""
        size = int(np.prod(shape))
        self._gain.append(np.broadcast_to(np.asarray(gain, dtype=np.float64), shape).reshape(-1))
        self._most.append(np.broadcast_to(np.asarray(most, dtype=np.float64), shape).reshape(-1))
        self._n += size
        return np.arange(self._n - size, self._n, dtype=np.int64).reshape(shape)

    def at_most(self, terms: Sequence[Term], limit: Floats | float = 0.0) -> None:
        """A block of rows: the sum of coefficient · variable over the terms is at most the limit."""
        self._rows["<="].add(terms, limit)

    def equal(self, terms: Sequence[Term], limit: Floats | float = 0.0) -> None:
        """The same with equality."""
        self._rows["=="].add(terms, limit)

    def maximum(self) -> float:
        """An upper bound of the optimum that is no more above it than the solver's tolerance.

        Raises: BoundError if the solver finds none.
        """
        from scipy.optimize import linprog

        less, same = self._rows["<="], self._rows["=="]
        for method, patience_s in _METHODS.items():
            found = linprog(
                -np.concatenate(self._gain),
                A_ub=less.matrix(self._n), b_ub=less.limits(), A_eq=same.matrix(self._n), b_eq=same.limits(),
                bounds=np.stack([np.zeros(self._n), np.concatenate(self._most)], axis=1),
                method=method, options={"time_limit": patience_s},
            )  # fmt: skip
            if found.status == 0:
                return float(-found.fun + _TOLERANCE * (1.0 + abs(found.fun)))
        raise BoundError(f"the bound's linear program of {self._n} variables was not solved: {found.message}")


class _Rows:
    """Rows of one kind, as triplets."""

    def __init__(self) -> None:
        self._n = 0
        self._parts: list[tuple[Ints, Ints, Floats]] = []
        self._limits: list[Floats] = []

    def add(self, terms: Sequence[Term], limit: Floats | float) -> None:
        shape = np.broadcast_shapes(*(np.shape(variables) for variables, _ in terms))
        size = int(np.prod(shape))
        rows = np.arange(self._n, self._n + size)
        for variables, coefficient in terms:
            columns = np.broadcast_to(variables, shape).reshape(-1)
            values = np.broadcast_to(np.asarray(coefficient, dtype=np.float64), shape).reshape(-1)
            self._parts.append((rows, columns, values))
        self._limits.append(np.broadcast_to(np.asarray(limit, dtype=np.float64), shape).reshape(-1))
        self._n += size

    def matrix(self, n_columns: int) -> object:
        from scipy.sparse import coo_matrix

        rows, columns, values = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return coo_matrix((values, (rows, columns)), shape=(self._n, n_columns)).tocsr()

    def limits(self) -> Floats:
        return np.concatenate(self._limits)
