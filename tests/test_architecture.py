"""The rules of the house that a walk over the imports can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "ipa_gym"
LAYERS = {  # lower may not import higher
    "errors": 0, "seeding": 0, "accuracy": 0, "compile_cache": 0, "compiling": 0,
    "statistics": 1, "program": 1, "engines": 1,
    "catalog": 1, "pipeline": 1, "files": 1,
    "queueing": 2, "optimizer": 2, "workload": 2, "forecast": 2, "cards": 3, "action": 2, "profiling": 4,
    "reward": 3, "observation": 3, "episode": 4, "options": 4,
    "windows": 5, "settings": 5, "snapshot": 5, "rendering": 5, "recording": 5,
    "stepping": 5, "env": 6, "vector_info": 6, "vector_env": 6,
    "policies": 7, "wrappers": 7, "hindsight": 8, "evaluation": 8, "training": 9, "store": 9, "benchmark": 10,
    "tuning": 10, "report": 11, "reproduction": 11, "commands": 12, "cli": 13,
}  # fmt: skip


def _modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "content" not in path.parts]


def _layer(path: Path) -> int:
    parts = path.relative_to(PACKAGE).parts
    return LAYERS[parts[0].removesuffix(".py")]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ipa_gym"):
            names = [node.module] if node.module != "ipa_gym" else [f"ipa_gym.{alias.name}" for alias in node.names]
            found |= set(names)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("ipa_gym")}
    return found


def test_no_lower_layer_imports_a_higher_one() -> None:
    checked = 0
    for path in _modules():
        if path.name == "__init__.py" and path.parent == PACKAGE:
            continue
        for name in _imports(path):
            part = name.split(".")[1] if "." in name else ""
            if part in LAYERS:
                checked += 1
                assert LAYERS[part] <= _layer(path), f"{path.relative_to(PACKAGE)} imports {name}"
    assert checked > 30


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count too: a circle that is hidden there is still one."""
    names = {path: ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in _modules()}
    graph = {name: _imports(path) & set(names.values()) for path, name in names.items() if path.name != "__init__.py"}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for imported in sorted(graph.get(name, ())):
                visit(imported, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert len(done) > 80


def test_import_stays_light() -> None:
    """`import ipa_gym` must not pull in what only some commands need."""
    heavy = ("torch", "numba", "pulp", "matplotlib", "polars", "pydantic", "statsmodels")
    code = f"import sys, ipa_gym; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_have_docstrings_and_no_homeless_names() -> None:
    for path in _modules():
        assert path.stem not in {"utils", "helpers", "common", "misc"}, path
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


def test_no_module_evaluates_text_or_unpickles() -> None:
    forbidden = {"eval", "exec", "pickle.load", "pickle.loads", "yaml.unsafe_load", "yaml.full_load"}
    for path in _modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        safe_loaders = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and "yaml.SafeLoader" in map(ast.unparse, node.bases)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            assert name not in forbidden, f"{path}:{call.lineno}"
            if name == "yaml.load":
                loaders = [ast.unparse(word.value) for word in call.keywords if word.arg == "Loader"]
                assert set(loaders) & safe_loaders, f"{path}:{call.lineno}"
