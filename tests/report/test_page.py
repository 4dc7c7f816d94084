"""The page is one file that asks for nothing, and what comes from the store is text in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ipa_gym.report.choice import choose
from ipa_gym.report.page import page_html, script_json
from ipa_gym.report.section import Section
from ipa_gym.report.source import read_source
from ipa_gym.report.writing import all_sections, page_content
from tests.report.rows import grid, row, write_store

EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>&\"'"


class _Elements(HTMLParser):
    """Counts elements and collects what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        found = dict(attributes)
        self.loads += [value or "" for name, value in attributes if name in ("src", "srcset", "action", "data")]
        if tag == "link":
            self.loads.append(str(found.get("href")))
        if "id" in found:
            self.ids.append(str(found["id"]))


def _html(folder: Path) -> str:
    source = read_source(folder)
    choice = choose(source)
    return page_html(page_content(source, choice, all_sections(source, choice)))


@pytest.fixture(scope="module")
def html(full_folder: Path) -> str:
    return _html(full_folder)


def _parsed(text: str) -> _Elements:
    parser = _Elements()
    parser.feed(text)
    return parser


def test_the_page_loads_nothing(html: str) -> None:
    found = _parsed(html)
    assert found.loads == []
    assert found.names.count("script") == 3  # data, plotly.js, the page's own
    assert "default-src 'none'" in html.split("</head>")[0]
    styles = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in styles
    assert "@import" not in styles


def test_every_entry_of_the_contents_leads_to_a_section(html: str) -> None:
    targets = re.findall(r'<li><a href="#([^"]+)"', html)
    assert targets == [
        "league", "series", "frontier", "latency", "preferences", "forecasts", "decisions", "growth", "profiles",
        "better", "provenance",
    ]  # fmt: skip
    assert set(targets) <= set(_parsed(html).ids)


def test_scores_that_crowd_near_one_can_be_told_apart(tmp_path: Path) -> None:
    rewards = {"ipa-perfect": -5.0, "ipa": -5.08, "mpc": -5.2, "random": -405.0}
    rows = [row(agent=agent, seed=seed, reward_mean=reward) for agent, reward in rewards.items() for seed in range(2)]
    text = _html(write_store(tmp_path, rows))
    assert re.search(r"<td[^>]*>0\.9998\b", text)  # 1 - 0.08 / 400
    assert re.search(r"<td[^>]*>0\.9995\b", text)


def test_the_scripts_data_can_be_read_back(html: str) -> None:
    text = html.split('id="data">')[1].split("</script>")[0]
    data = json.loads(text)
    assert set(data["looks"]) == {"ipa", "ipa-perfect", "fa2-low", "hpa", "random"}
    assert set(data["sections"]) == {
        "series", "frontier", "latency", "preferences", "forecasts", "decisions", "growth", "profiles", "better"
    }  # fmt: skip


def test_names_from_the_store_stay_text(tmp_path: Path) -> None:
    rows = [one | {"pipeline": EVIL + one["pipeline"]} for one in grid(("ipa", EVIL), (EVIL + "load",), 2)]
    found = _parsed(_html(write_store(tmp_path, rows)))
    assert found.names.count("script") == 3
    assert "img" not in found.names


def test_json_in_a_script_ends_no_element_and_reads_back() -> None:
    text = script_json({EVIL: [EVIL, "\u2028", float("nan")], "a": "<!--"})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {EVIL: [EVIL, "\u2028", None], "a": "<!--"}


def test_a_section_without_data_names_the_command(tmp_path: Path) -> None:
    html = _html(write_store(tmp_path, grid(("ipa", "hpa"))))
    part = html.split('<section id="growth"')[1].split("</section>")[0]
    assert "<code>ipa-gym benchmark --study decision-time</code> makes it." in part
    assert 'class="plots"' not in part


def test_a_section_with_nothing_is_empty() -> None:
    assert Section("a", "A", "how").empty
    assert not Section("a", "A", "how", data={}).empty


def test_provenance_says_how_to_make_it_again(html: str, full_folder: Path) -> None:
    part = html.split('<section id="provenance"')[1]
    assert "ipa-gym report results" in part
    assert "45 of 69 of this version" in part
    assert "α 10, β 0.5" in part
    assert str(full_folder) not in html  # no path of the machine
