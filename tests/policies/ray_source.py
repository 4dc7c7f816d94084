"""Ray Serve's own arithmetic as an independent model: functions cut out of the installed source and run alone.

``ray.serve`` itself needs a web server's packages, which we do not install; the functions need nothing but ``math``.
"""

from __future__ import annotations

import ast
import importlib.util
import math
import types
from pathlib import Path
from typing import Any

import pytest

_FUNCTIONS = (
    "_apply_scaling_factors",
    "_apply_delay_logic",
    "_apply_default_params",
    "_core_replica_queue_length_policy",
)
_CONSTANTS = ("_DELAY_ELAPSED_EPS_S",)


def _serve_folder() -> Path:
    spec = importlib.util.find_spec("ray")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("ray is not installed: its autoscaler cannot be compared with")
    return Path(spec.submodule_search_locations[0]) / "serve"


def ray_functions(clock: Any) -> dict[str, Any]:  # Any: an object with `time()`
    """Ray's functions by name; where they ask for the time they get the clock's."""
    tree = ast.parse((_serve_folder() / "autoscaling_policy.py").read_text(encoding="utf-8"))
    wanted: list[ast.stmt] = [ast.parse("from __future__ import annotations").body[0]]  # annotations stay unread
    for node in tree.body:
        is_constant = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in _CONSTANTS
        if is_constant or (isinstance(node, ast.FunctionDef) and node.name in _FUNCTIONS):
            wanted.append(node)
    found: dict[str, Any] = {
        "math": math,
        "time": clock,
        "SERVE_AUTOSCALING_DECISION_COUNTERS_KEY": "counters",
        "SERVE_AUTOSCALING_DECISION_TIMESTAMP_KEY": "timestamp",
    }
    exec(compile(ast.Module(body=wanted, type_ignores=[]), "ray", "exec"), found)
    return found


def ray_defaults() -> dict[str, object]:
    """The defaults that `AutoscalingConfig` states as plain numbers, by field."""
    constants = _assigned(ast.parse((_serve_folder() / "_private" / "constants.py").read_text(encoding="utf-8")).body)
    tree = ast.parse((_serve_folder() / "config.py").read_text(encoding="utf-8"))
    config = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "AutoscalingConfig")
    found: dict[str, object] = {}
    for node in config.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Call):
            given = {word.arg: word.value for word in node.value.keywords}.get("default")
            if isinstance(given, ast.Constant):
                found[node.target.id] = given.value
            elif isinstance(given, ast.Name):
                found[node.target.id] = constants.get(given.id)
    return found


def _assigned(body: list[ast.stmt]) -> dict[str, object]:
    return {
        node.targets[0].id: node.value.value
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def config(**changes: float) -> types.SimpleNamespace:
    """What the functions read of an `AutoscalingConfig`."""
    values = {"upscale_delay_s": 30.0, "downscale_delay_s": 600.0, "up": 1.0, "down": 1.0, "target": 2.0, **changes}
    return types.SimpleNamespace(
        upscale_delay_s=values["upscale_delay_s"],
        downscale_delay_s=values["downscale_delay_s"],
        downscale_to_zero_delay_s=None,
        get_upscaling_factor=lambda: values["up"],
        get_downscaling_factor=lambda: values["down"],
        get_target_ongoing_requests=lambda: values["target"],
    )
