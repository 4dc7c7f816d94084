"""Takes the picture of the report in docs/report.md: the page's top and its time series, in a real browser.

Needs a benchmark's folder, Chromium or Chrome on the path, and playwright (the extra dev). Run:

    python benchmarks/report_picture.py results [--out docs/figures/report.png]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from ipa_gym.report import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH, HEIGHT = 1400, 1760  # pixels: header, contents, the league and the time series without the decisions


def take_picture(results: Path, out: Path) -> None:
    """Write the report of ``results`` to a temporary folder and photograph it. Raises: SystemExit without a browser."""
    from playwright.sync_api import sync_playwright

    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser_path is None:
        raise SystemExit(f"no browser on the path; expected one of {', '.join(BROWSERS)}")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root has none
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page_path = write_report(results, Path(folder), figures=False).page
        browser = driver.chromium.launch(executable_path=browser_path, args=sandbox)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_path.as_uri())
        page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
        page.add_style_tag(content="#league .table[data-group], #league .controls { display: none }")
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of a benchmark")
    parser.add_argument("--out", type=Path, default=Path("docs/figures/report.png"))
    arguments = parser.parse_args()
    take_picture(arguments.results, arguments.out)


if __name__ == "__main__":
    main()
