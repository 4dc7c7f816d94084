"""The page in a real browser, from a file, without a network: it draws, filters, sorts, and never asks for anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipa_gym.report import write_report
from tests.report.rows import grid, write_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
SHORT = "window.plots = (selector) => Array.from(document.querySelectorAll(selector))"
SHOWN = "plots('#{0} .js-plotly-plot').map((plot) => plot.data.map((trace) => trace.name))"


@dataclass(slots=True)
class Opened:
    """A page that has drawn everything, and what it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def lines(self, section: str) -> list[list[str]]:
        """Names of the traces of each of the section's plots."""
        found: list[list[str]] = self.page.evaluate(SHOWN.format(section))
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser on the path: one of {', '.join(BROWSERS)} is needed")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives the browser; it is in the extra dev"
    )
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root has none
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=sandbox)
        yield opened
        opened.close()


def _open(browser: Browser, path: Path, *, scheme: str = "light", width: int = 1280) -> Opened:
    context = browser.new_context(
        offline=True,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",  # type: ignore[arg-type]
    )
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("requestfailed", lambda request: opened.complaints.append(f"failed: {request.url}"))
    opened.page.goto(path.as_uri())
    opened.page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
    opened.page.evaluate(SHORT)
    return opened


@pytest.fixture(scope="module")
def report_page(full_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(full_folder, tmp_path_factory.mktemp("page"), figures=False).page


@pytest.fixture(scope="module")
def opened(browser: Browser, report_page: Path) -> Opened:
    return _open(browser, report_page)


def test_every_plot_is_drawn(opened: Opened) -> None:
    plots = opened.page.evaluate(
        """Array.from(document.querySelectorAll('section')).map((section) => [section.id,
             Array.from(section.querySelectorAll('.js-plotly-plot')).map((plot) =>
               plot.querySelectorAll('.main-svg .trace path, .main-svg .trace use').length)])"""
    )
    counts = {name: elements for name, elements in plots if elements}
    assert {name: len(elements) for name, elements in counts.items()} == {
        "series": 3, "frontier": 2, "latency": 2, "preferences": 1, "forecasts": 1, "decisions": 1, "growth": 2,
        "profiles": 1, "better": 1,
    }  # fmt: skip
    assert all(n > 0 for elements in counts.values() for n in elements)


WIDER = """plots('.js-plotly-plot').filter((plot) => plot.clientWidth > 0 &&
  plot.querySelector('.main-svg').getBoundingClientRect().width > plot.clientWidth + 1).length"""


def test_no_plot_is_wider_than_its_place(browser: Browser, report_page: Path) -> None:
    """Stage 1 was drawn over the whole width before stage 2 had its place beside it, and lay on it then."""
    page = _open(browser, report_page).page
    assert page.evaluate(WIDER) == 0
    for pipeline in ("sum-qa", "video"):
        page.select_option("#series select[name=pipeline]", pipeline)
        assert page.evaluate("plots('#series .stages .js-plotly-plot').length") == 2
        assert page.evaluate(WIDER) == 0


def test_it_asks_for_nothing_and_complains_about_nothing(opened: Opened, report_page: Path) -> None:
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [report_page.as_uri()]


def test_checkboxes_show_and_hide_agents(opened: Opened) -> None:
    assert set(opened.lines("frontier")[0]) == {"ipa", "ipa-perfect", "fa2-low", "hpa", "random"}
    opened.page.uncheck("#frontier input[value=hpa]")
    assert all("hpa" not in names and "ipa" in names for names in opened.lines("frontier"))
    assert opened.page.inner_text("#frontier summary") == "agents: 4 of 5 shown"
    opened.page.click("#frontier button:text-is('none')")
    assert opened.lines("frontier") == [[], []]
    opened.page.click("#frontier button:text-is('all')")
    assert all(len(names) == 5 for names in opened.lines("frontier"))


def test_dropdowns_choose_pipeline_and_load(opened: Opened) -> None:
    page = opened.page
    cost = "plots('#series .js-plotly-plot')[0].data.find((t) => t.name === 'fa2-low' && t.yaxis === 'y2').y[0]"
    loads = "plots('#series select[name=load] option').map((option) => option.value)"
    page.select_option("#series select[name=pipeline]", "video")
    assert page.evaluate(loads) == ["bursty", "steady-low"]
    page.select_option("#series select[name=load]", "steady-low")
    assert page.evaluate(cost) == 109.0  # place 2 of the grid under load 1: 5 + 2 * 2 + 100 cores at first
    page.select_option("#series select[name=pipeline]", "sum-qa")
    assert page.evaluate(loads) == ["bursty"]
    assert page.inner_text("#series .controls .caption") == "window 0:40 s, seed 0"


def test_the_load_of_a_section_changes_its_numbers(opened: Opened) -> None:
    n_lines = "plots('#latency .js-plotly-plot')[{0}].data.length"
    assert opened.page.evaluate(n_lines.format(1)) > 0
    opened.page.select_option("#latency select[name=load]", "steady-low")  # sum-qa was not played under it
    assert [opened.page.evaluate(n_lines.format(number)) > 0 for number in (0, 1)] == [False, True]
    opened.page.select_option("#latency select[name=show]", "late")
    kind = "plots('#latency .js-plotly-plot')[1].layout.yaxis.type"
    assert opened.page.evaluate(kind) == "log"


def test_tables_sort_by_a_click(opened: Opened) -> None:
    page = opened.page
    heading = "#league .table >> nth=0 >> thead th:has-text('score, mean')"
    names = (
        "Array.from(document.querySelectorAll('#league table')[0].tBodies[0].rows).map((r) => r.cells[0].dataset.order)"
    )
    page.click(f"{heading} >> button")
    down = page.evaluate(names)
    assert page.get_attribute(heading, "aria-sort") == "descending"
    page.click(f"{heading} >> button")
    assert page.get_attribute(heading, "aria-sort") == "ascending"
    assert page.evaluate(names) == down[::-1]
    assert (down[0], down[-1]) == ("ipa", "random")  # the grid's first earns most, its last least
    page.click("#league .table >> nth=0 >> thead th:has-text('agent') >> button")
    assert page.evaluate(names) == sorted(down)


def test_one_pipelines_table_is_shown_at_a_time(opened: Opened) -> None:
    visible = "plots('#league .table[data-group]').filter((t) => !t.hidden).map((t) => t.dataset.group)"
    assert opened.page.evaluate(visible) == ["sum-qa"]
    opened.page.select_option("#league select[name=pipeline]", "video")
    assert opened.page.evaluate(visible) == ["video"]
    opened.page.select_option("#league select[name=pipeline]", index=2)
    assert opened.page.evaluate(visible) == ["sum-qa", "video"]


def test_the_scheme_follows_the_system_and_the_button(browser: Browser, report_page: Path) -> None:
    opened = _open(browser, report_page, scheme="dark", width=390)
    ground = "getComputedStyle(document.body).backgroundColor"
    colour = "plots('#profiles .js-plotly-plot')[0].data.find((t) => t.name === 'ipa-perfect').line.color"
    assert (opened.page.evaluate(ground), opened.page.evaluate(colour)) == ("rgb(21, 25, 31)", "#A9C9D8")
    opened.page.click("#scheme")
    assert (opened.page.evaluate(ground), opened.page.evaluate(colour)) == ("rgb(255, 255, 255)", "#004466")
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out on a phone
    assert opened.complaints == []
    opened.page.context.close()


def test_paper_is_white_and_no_wider_than_a_page(browser: Browser, report_page: Path) -> None:
    opened = _open(browser, report_page, scheme="dark")
    widths = "plots('.js-plotly-plot').map((plot) => plot.querySelector('.main-svg').getBoundingClientRect().width)"
    dark = "document.documentElement.classList.contains('dark')"
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert max(opened.page.evaluate(widths)) <= 700
    assert opened.page.evaluate(dark) is False
    opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert max(opened.page.evaluate(widths)) > 1000
    assert opened.page.evaluate(dark) is True
    opened.page.context.close()


def test_names_from_the_store_run_nothing_and_missing_data_is_said(browser: Browser, tmp_path: Path) -> None:
    rows = [one | {"pipeline": EVIL + "p"} for one in grid(("ipa", EVIL), (EVIL + "load",), 2)]
    opened = _open(browser, write_report(write_store(tmp_path, rows), figures=False).page)
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("#series img, #frontier img, #league img").count() == 0
    assert opened.page.inner_text("#series select[name=pipeline] option") == EVIL + "p"
    opened.page.check("#frontier input >> nth=1")
    assert opened.page.inner_text("#growth .missing").startswith("No data for this here.")
    assert opened.page.locator("#growth .js-plotly-plot").count() == 0
    assert opened.complaints == []
    opened.page.context.close()


def test_an_agent_that_is_hidden_beside_others_is_shown_where_it_is_alone(browser: Browser, tmp_path: Path) -> None:
    opened = _open(browser, write_report(write_store(tmp_path, grid(("random",))), figures=False).page)
    assert opened.page.is_checked("#latency input")
    assert opened.lines("latency") == [["random"]]
    opened.page.context.close()
