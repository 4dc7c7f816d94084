"""The docs' examples run, and their generated tables are what the code prints today."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from ipa_gym.env import PipelineEnv

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", ["environment.md", "forecasting.md", "traces.md"])
def test_examples_in_the_docs_run(name: str) -> None:
    outcome = doctest.testfile(str(DOCS / name), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_observation_table_is_todays() -> None:
    """Regenerate: paste the output of ``print(PipelineEnv('video').layout.table())`` between the marks."""
    text = (DOCS / "environment.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- begin: printed by `layout.table()` -->\n")
    table, _, _ = rest.partition("\n<!-- end -->")
    assert table == PipelineEnv("video").layout.table()


def test_the_readmes_python_runs_as_it_stands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert isinstance(names["reward"], float)
    assert names["terminated"] is False


def test_local_links_in_readme_and_docs_lead_somewhere() -> None:
    checked = 0
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                checked += 1
                assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert checked > 5
