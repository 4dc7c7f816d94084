"""``ipa-gym card show``: a pipeline card with its variants' figures."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Look at pipeline cards.")


@app.callback()
def _group() -> None:
    pass


@app.command("show")
def show_card(name: Annotated[str, typer.Argument(help="A pipeline's name or the path of a card.")]) -> None:
    """Check a pipeline card and show its limits, objective and variants.

    [b]Examples[/b]

      ipa-gym card show video
      ipa-gym card show my.yaml
    """
    from ipa_gym.cards import load_pipeline
    from ipa_gym.commands.terminal import show
    from ipa_gym.commands.views import pipeline_line, pipeline_tables

    pipeline = load_pipeline(name)
    show(pipeline_line(pipeline), *pipeline_tables(pipeline))
