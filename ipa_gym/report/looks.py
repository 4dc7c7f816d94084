"""How agents look in the page: the styles of `ipa_gym.benchmark.styles` in plotly's words, and lighter on dark ground.

One colour, marker and line an agent, the same as in the figures. Next: ``page/looks.js``, which reads them.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping

from ipa_gym.benchmark.styles import agent_styles

SYMBOLS: Mapping[str, str] = {  # matplotlib's markers -> plotly's
    "o": "circle", "X": "x", "*": "star", "v": "triangle-down", "^": "triangle-up", "<": "triangle-left",
    ">": "triangle-right", "s": "square", "D": "diamond", "d": "diamond-tall", "p": "pentagon", "8": "octagon",
    "H": "hexagon2", "h": "hexagon", "P": "cross", "x": "x-thin",
}  # fmt: skip
DASHES: Mapping[str, str] = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
DARK_GROUND = "#15191f"  # of page.css
LEAST_CONTRAST = 4.0  # of a line on dark ground; WCAG 2.1 asks 3 of what is drawn
ON_DARK: Mapping[str, str] = {  # where lightening alone would make agents alike
    "oracle": "#FFFFFF",
    "best-static": "#CFCFCF",
    "static": "#8C8C8C",
    "ipa-perfect": "#A9C9D8",
}
_STEPS = 50


def browser_looks(agents: Iterable[str]) -> dict[str, dict[str, str]]:
    """For each agent: colour on light and on dark ground, plotly's symbol and dash."""
    return {
        name: {
            "light": style.colour,
            "dark": ON_DARK.get(name) or on_dark(style.colour),
            "symbol": SYMBOLS[style.marker],
            "dash": DASHES[style.line],
        }
        for name, style in agent_styles(agents).items()
    }


def on_dark(colour: str) -> str:
    """The colour ``#rrggbb``, of the same hue and saturation, as little lighter as gives it `LEAST_CONTRAST`."""
    hue, light, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    for step in range(_STEPS + 1):
        lighter = light + (1 - light) * step / _STEPS
        mixed = colorsys.hls_to_rgb(hue, lighter, saturation)
        found = "#" + "".join(f"{round(255 * channel):02X}" for channel in mixed)
        if contrast(found, DARK_GROUND) >= LEAST_CONTRAST:
            return found
    return "#FFFFFF"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21. Source: WCAG 2.1, relative luminance."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
