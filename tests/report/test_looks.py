"""Agents look the same in the page as in the figures, and can be seen on dark ground."""

from __future__ import annotations

import pytest

from ipa_gym.benchmark.styles import AGENT_STYLES, OTHER_STYLES
from ipa_gym.report.looks import DARK_GROUND, DASHES, SYMBOLS, browser_looks, contrast, on_dark


def test_every_style_has_a_symbol_and_a_dash_in_the_page() -> None:
    styles = [*AGENT_STYLES.values(), *OTHER_STYLES]
    assert len(styles) > 20
    assert all(style.marker in SYMBOLS and style.line in DASHES for style in styles)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


def test_light_colours_are_the_figures_own() -> None:
    looks = browser_looks(["hpa", "my own"])
    assert looks["hpa"] == {"light": "#009E73", "dark": "#009E73", "symbol": "diamond", "dash": "solid"}
    assert looks["my own"]["light"] == OTHER_STYLES[0].colour


def test_every_agent_stands_out_on_dark_ground_and_from_the_others() -> None:
    looks = browser_looks(AGENT_STYLES)
    assert all(contrast(look["dark"], DARK_GROUND) >= 3 for look in looks.values())  # WCAG 2.1, 1.4.11
    assert len({(look["dark"], look["symbol"], look["dash"]) for look in looks.values()}) == len(looks)


@pytest.mark.parametrize(("one", "other", "ratio"), [("#000000", "#FFFFFF", 21.0), ("#777777", "#FFFFFF", 4.478)])
def test_contrast_is_that_of_the_standard(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.001)
    assert contrast(other, one) == contrast(one, other)


def test_a_colour_that_is_light_enough_stays() -> None:
    assert on_dark("#56B4E9") == "#56B4E9"
    assert on_dark("#000000") not in ("#000000", "#FFFFFF")
