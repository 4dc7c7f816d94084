"""Break a copy of the package and see which queueing test is the first to notice.

`python -m tests.queueing.mutation_run` makes every break of `mutations.py` and prints the block of docs/fidelity.md.
It never touches the checkout. Hand-worked tests come first, with the kernel run as plain Python: compiling it takes ten
times as long as they do. Only what they do not notice is compiled, and meets the laws and the independent models too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.queueing.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
CODE, CONTENT = ("ipa_gym", "tests"), ("envs", "agents", "traces")
OPTIONS = ("-x", "-q", "-rf", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow")
LIMIT_S = 600
WRONG_PACKAGE = 99
RUN = f"""
import sys
from pathlib import Path
import ipa_gym, pytest
if Path(ipa_gym.__file__).parent != Path.cwd() / "ipa_gym":
    sys.exit({WRONG_PACKAGE})
sys.exit(pytest.main(sys.argv[1:]))
"""
NOTICED = re.compile(r"^FAILED (\S+) - (?:assert|AssertionError|Failed: DID NOT RAISE)", re.MULTILINE)
SHOWN_TESTS = 4


@dataclass(frozen=True, slots=True)
class Round:
    """Test modules of this folder, in their order, and what their run needs in its environment."""

    modules: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


HAND_WORKED = ("serving", "decisions", "kernel_rules", "singles")
INTERPRETED = Round(HAND_WORKED, {"NUMBA_DISABLE_JIT": "1"})
COMPILED = Round((*HAND_WORKED, "simulator", "edges", "against_long_way", "against_plain_model", "against_simpy"))


def copy_project(folder: Path) -> Path:
    """A copy in which code may be broken; what is only read is linked."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in CONTENT:
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def mutated(mutation: Mutation) -> str:
    return (ROOT / mutation.file).read_text().replace(mutation.old, mutation.new)


def run_tests(folder: Path, tests: Round) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy, with compiled code of its own if any, until the first failure."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    environment |= {"NUMBA_CACHE_DIR": str(folder / "compiled"), "COLUMNS": "300", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= tests.settings
    command = [sys.executable, "-c", RUN, *OPTIONS, *(f"tests/queueing/test_{module}.py" for module in tests.modules)]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def first_to_notice(mutation: Mutation, folder: Path) -> tuple[str | None, str]:
    """Make the break in a copy in ``folder``, an empty one.

    Returns: (the first test whose assertion fails, None if there is none; what the last run printed). Code that does
    not run at all would prove nothing, so an error elsewhere does not count; that a process which wrote where it must
    not crashes after it has reported the failure does not matter.
    """
    (copy_project(folder) / mutation.file).write_text(mutated(mutation))
    for tests in (INTERPRETED, COMPILED):
        result = run_tests(folder, tests)
        noticed = NOTICED.search(result.stdout)
        if result.returncode not in (0, WRONG_PACKAGE) and noticed:
            return noticed.group(1), result.stdout
    return None, result.stdout


def summary(noticed: Sequence[tuple[Mutation, str | None]]) -> str:
    """Markdown: how many breaks of each file are noticed, what was the first test to do so, and what escapes."""
    breaks = Counter(mutation.file for mutation, _ in noticed)
    found = Counter(mutation.file for mutation, test in noticed if test)
    tests = Counter(test.partition("[")[0] for _, test in noticed if test)
    modules = Counter(test.partition("::")[0] for test in tests.elements())
    lines = [f"Of {len(noticed)} breaks, **{sum(found.values())} are noticed**.", ""]
    lines += ["| file | breaks | noticed |", "|---|---|---|"]
    lines += [f"| `{file}` | {count} | {found[file]} |" for file, count in breaks.items()]
    lines += ["", "| first to notice | breaks |", "|---|---|"]
    lines += [f"| `{module}` | {count} |" for module, count in modules.most_common()]
    lines += ["", "| the tests that are first most often | breaks |", "|---|---|"]
    lines += [f"| {name_in_words(test)} | {count} |" for test, count in tests.most_common(SHOWN_TESTS)]
    escaped = [mutation.words for mutation, test in noticed if not test]
    return "\n".join([*lines, *(["", "Not noticed: " + "; ".join(escaped) + "."] if escaped else [])])


def name_in_words(test: str) -> str:
    return test.partition("::test_")[2].replace("_", " ")


def main() -> None:
    noticed: list[tuple[Mutation, str | None]] = []
    for mutation in MUTATIONS:
        with TemporaryDirectory() as folder:
            noticed.append((mutation, first_to_notice(mutation, Path(folder))[0]))
        print(f"{len(noticed)} of {len(MUTATIONS)}: {mutation.words}: {noticed[-1][1]}", file=sys.stderr, flush=True)
    print(summary(noticed))


if __name__ == "__main__":
    main()
