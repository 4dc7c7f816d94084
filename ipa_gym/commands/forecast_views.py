"""Tables of how well forecasts predict, for the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ipa_gym.commands.views import plain_table, titled

if TYPE_CHECKING:
    from rich.console import Group

    from ipa_gym.training.forecast_scores import ForecastScore

ARRIVAL_TITLES: Mapping[str, str] = {
    "exact": "the trace's counts",
    "poisson": "Poisson arrivals around them, as the environment draws by default",
}
HEADERS = (
    ("forecast", False),
    ("SMAPE %", True),
    ("RMSE rps", True),
    ("too low %", True),
    ("shortfall rps", True),
)


def forecast_tables(trace: str, scores: Mapping[str, Sequence[ForecastScore]]) -> list[Group]:
    """A table for each part of the trace and each kind of arrivals."""
    return [
        _table(f"{trace}, {part}: {title}", [score for score in found if score.arrivals == kind])
        for part, found in scores.items()
        for kind, title in ARRIVAL_TITLES.items()
    ]


def _table(title: str, scores: Sequence[ForecastScore]) -> Group:
    table = plain_table(HEADERS)
    for score in scores:
        figures = (score.smape_percent, score.rmse_rps, score.too_low_percent, score.shortfall_rps)
        table.add_row(score.forecast, *(f"{figure:.2f}" for figure in figures))
    return titled(f"{title} ({scores[0].n_examples:,} examples)", table)
