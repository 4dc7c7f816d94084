"""Two exact linear forms, for PuLP, of a product over stages of the value that each stage's one chosen option brings.

Given binaries x_{s,o} with Σ_o x_{s,o} = 1 and values a_{s,o} >= 0, both make an expression equal to
Π_s Σ_o a_{s,o} x_{s,o}; y_{s,k} is the sum of stage s's x whose value is the k-th distinct one, a_k.

Paths. Nodes after stage s are the distinct prefix products P; f_{s,P,k} >= 0 is the flow from P through value k:
    Σ_P f_{s,P,k} = y_{s,k},    Σ_k f_{s,P,k} = flow into P,    product = Σ_{P,k} P · a_k · f_{S,P,k}.
With binary x the flow is one path. The relaxation is tight (without the SLA row its corners are integral), so there is
little branching; but nodes can multiply with every stage.

Chain. w_{s,k} >= 0 is the prefix product if value k is chosen, else 0:
    P_1 = Σ_k a_k y_{1,k},    P_s = Σ_k a_k w_{s,k},    Σ_k w_{s,k} = P_{s−1},
    L_{s−1} y_{s,k} <= w_{s,k} <= U_{s−1} y_{s,k},      [L, U] the range of the prefix product.
Exactly one y_{s,k} is 1; the bounds make every other w zero, so the sum makes that one equal to P_{s−1}. One variable a
value and stage, but a looser relaxation. It is taken where the paths would need more than `PATH_VARIABLES`.

Source: shortest paths in a layered graph; the product of a binary and a bounded variable after McCormick (1976).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

PATH_VARIABLES = 1500  # flows beyond which the chain is used

Variables = Sequence[Any]  # PuLP variables; Any: PuLP has no type hints


def weighted(terms: Iterable[tuple[Any, float]]) -> Any:
    """A PuLP expression from pairs (variable, coefficient)."""
    import pulp

    return pulp.LpAffineExpression(list(terms))


def product_expression(
    problem: Any, chosen: Sequence[Variables], values: Sequence[Sequence[float]], *, names: Iterator[str]
) -> Any:
    """Add the product's variables and constraints to a PuLP problem.

    Args:
        problem: the LpProblem.
        chosen: binaries, one an option, for each stage.
        values: the value >= 0 that each option brings, same shape.
        names: unused names for the variables.
    Returns: the expression that equals the product.
    """
    groups = [_by_value(variables, stage) for variables, stage in zip(chosen, values, strict=True)]
    nodes = _nodes(groups)
    return _chain(problem, groups, names) if nodes is None else _paths(problem, groups, names, nodes)


_Groups = list[dict[float, Variables]]  # stage by stage: distinct value -> the binaries of its options
_Nodes = list[list[float]]  # distinct prefix products before stage 1, 2, ..., ascending


def _by_value(variables: Variables, values: Sequence[float]) -> dict[float, Variables]:
    return {
        value: [x for x, own in zip(variables, values, strict=True) if own == value] for value in sorted(set(values))
    }


def _nodes(groups: _Groups) -> _Nodes | None:
    """Prefix products before each stage, or None if the flows would be more than `PATH_VARIABLES`."""
    nodes, flows = [[1.0]], 0
    for group in groups:
        flows += len(nodes[-1]) * len(group)
        if flows > PATH_VARIABLES:
            return None
        nodes.append(sorted({before * value for before in nodes[-1] for value in group}))
    return nodes[:-1]


def _variable(problem: Any, names: Iterator[str], high: float) -> Any:
    return problem.add_variable(next(names), 0.0, high)


def _paths(problem: Any, groups: _Groups, names: Iterator[str], nodes: _Nodes) -> Any:
    arriving = {value: [(x, 1.0) for x in variables] for value, variables in groups[0].items()}  # into node 1.0 * value
    if len(groups) == 1:
        return weighted((x, value) for value, terms in arriving.items() for x, _ in terms)
    for before, group in zip(nodes[1:], groups[1:], strict=True):
        flows = {(node, value): _variable(problem, names, 1.0) for node in before for value in group}
        for node in before:
            out = [(flows[node, value], 1.0) for value in group]
            problem.addConstraint(weighted(out + [(x, -weight) for x, weight in arriving[node]]) == 0.0)
        for value, variables in group.items():
            through = [(flows[node, value], 1.0) for node in before]
            problem.addConstraint(weighted(through + [(x, -1.0) for x in variables]) == 0.0)
        arriving = {}
        for (node, value), flow in flows.items():
            arriving.setdefault(node * value, []).append((flow, 1.0))
    return weighted((flow, product) for product, terms in arriving.items() for flow, _ in terms)


def _chain(problem: Any, groups: _Groups, names: Iterator[str]) -> Any:
    prefix = weighted((x, value) for value, variables in groups[0].items() for x in variables)
    low, high = min(groups[0]), max(groups[0])
    for group in groups[1:]:
        parts = [(_variable(problem, names, high), value) for value in group]
        for part, value in parts:
            problem.addConstraint(weighted([(part, 1.0)] + [(x, -high) for x in group[value]]) <= 0.0)
            problem.addConstraint(weighted([(part, 1.0)] + [(x, -low) for x in group[value]]) >= 0.0)
        problem.addConstraint(weighted((part, 1.0) for part, _ in parts) - prefix == 0.0)
        prefix = weighted(parts)
        low, high = low * min(group), high * max(group)
    return prefix
