"""The field ``forecast`` of pipeline and agent cards: a forecast's name, or a file of weights beside the card.

Which forecasts there are is for `ipa_gym.forecast` to say.
"""

from __future__ import annotations

from pathlib import Path

from ipa_gym.cards.messages import card_error, nearest
from ipa_gym.errors import UnknownNameError
from ipa_gym.forecast import FORECASTS, WEIGHTS_SUFFIX, forecast_name


def forecast_of_card(value: str, card: Path) -> str:
    """The forecast that a card names, see `forecast_name`; a relative path starts from the card's folder.

    Raises: CardError if there is no such forecast or file.
    """
    try:
        return forecast_name(value, folder=card.parent)
    except UnknownNameError as error:
        allowed = f"one of {', '.join(FORECASTS)}, or a {WEIGHTS_SUFFIX} file that is there"
        raise card_error(card, "forecast", repr(value), allowed=allowed, hint=nearest(value, FORECASTS)) from error
