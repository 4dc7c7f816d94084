"""``ipa-gym profile``: the latencies that a pipeline card's profile model gives, compared or written."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="A pipeline's name or the path of a card.")]
Check = Annotated[bool, typer.Option("--check", help="Only say whether the card is up to date (exit code 1 if not).")]
Write = Annotated[bool, typer.Option("--write", help="Write the new numbers into the card.")]


def profile(name: Name, check: Check = False, write: Write = False) -> None:
    """Regenerate a card's latencies and startup times from the measured points by the documented model.

    Prints the card with the new numbers; --check and --write do what they say instead.

    [b]Examples[/b]

      ipa-gym profile video --check
      ipa-gym profile my.yaml --write
    """
    from ipa_gym.commands.profile_run import check_profile, print_profile, write_profile

    if check and write:
        raise typer.BadParameter("--check and --write exclude each other")
    (check_profile if check else write_profile if write else print_profile)(name)
