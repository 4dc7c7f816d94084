"""Puts sections into one self-contained HTML page: styles, scripts, plotly.js and all data are in the file.

The page may load nothing: its content security policy forbids every request. Whatever comes from the store is text:
escaped in HTML by the template, and in the script's JSON by `script_json`. The files are in ``page/``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ipa_gym.files import finite
from ipa_gym.report.looks import browser_looks
from ipa_gym.report.provenance import Provenance
from ipa_gym.report.section import Section

SCRIPTS = ("looks.js", "plots.js", "controls.js", "tables.js", "series.js", "charts.js", "start.js")  # in this order
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class PageContent:
    """What the page shows."""

    title: str
    subtitle: str
    agents: Sequence[str]  # in table order
    sections: Sequence[Section]
    provenance: Provenance


def page_html(content: PageContent) -> str:
    """The whole page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=PackageLoader("ipa_gym.report", "page"),
        autoescape=select_autoescape(("html", "svg")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        content=content,
        style=_shipped("page.css"),
        data=script_json(page_data(content)),
        plotly=get_plotlyjs(),
        scripts="\n".join(_shipped(name) for name in SCRIPTS),
    )


def page_data(content: PageContent) -> dict[str, Any]:
    """What the scripts read: how agents look, and each section's data."""
    return {
        "agents": list(content.agents),
        "looks": browser_looks(content.agents),
        "sections": {section.name: section.data for section in content.sections if section.data is not None},
    }


def script_json(data: Any) -> str:  # Any: what JSON can hold
    """JSON that can stand in a script element whatever names are in it: no ``<``, ``>`` or ``&``, no NaN."""
    return json.dumps(finite(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def _shipped(name: str) -> str:
    return files("ipa_gym.report").joinpath("page", name).read_text(encoding="utf-8")
