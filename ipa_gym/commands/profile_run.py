"""Compares, prints or writes a card's regenerated profile for the command line."""

from __future__ import annotations

import sys

import typer

from ipa_gym import catalog
from ipa_gym.cards import load_card
from ipa_gym.commands.terminal import note
from ipa_gym.files import write_text
from ipa_gym.profiling import is_current, regenerate


def check_profile(name: str) -> None:
    """Say whether the card is up to date; exit code 1 if it is not."""
    path = catalog.find("envs", name)
    load_card(path)
    if not is_current(path):
        note(f"{path}: the profile is not what the model gives; write it anew with: ipa-gym profile {name} --write")
        raise typer.Exit(1)
    print(f"{path.name}: the profile is up to date")


def write_profile(name: str) -> None:
    """Write the regenerated numbers into the card."""
    path = catalog.find("envs", name)
    write_text(regenerate(path), path)
    note(f"wrote {path}")


def print_profile(name: str) -> None:
    """Print the card with the regenerated numbers."""
    sys.stdout.write(regenerate(catalog.find("envs", name)))
